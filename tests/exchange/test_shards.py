"""Text encoders in several files: found beside a checkpoint or named, and whole or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.exchange.test_single_files import DENOISERS
from tests.originals import Shapes, clip, t5, vae, write_header
from zen_tui.exchange.bases import inspect_base
from zen_tui.exchange.model_folders import scan
from zen_tui.exchange.source import original_source
from zen_tui.library.errors import BadFile


def sharded(folder: Path, shapes: Shapes, count: int = 2) -> list[Path]:
    """The model as transformers saves large ones: in several files, with an index of what is in which."""
    names = [f"model-{number:05}-of-{count:05}.safetensors" for number in range(1, count + 1)]
    files = {key: names[place % count] for place, key in enumerate(shapes)}
    for name in names:
        write_header(folder / name, {key: shape for key, shape in shapes.items() if files[key] == name}, "BF16")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": files}))
    return [folder / name for name in names]


@pytest.mark.parametrize("place", ["text_encoders/t5", "any/t5_encoder/t5_base/text_encoder_2"])
def test_a_text_encoder_in_several_files_is_one(tmp_path: Path, place: str) -> None:
    """As diffusers' folders hold T5, and InvokeAI beside its checkpoints."""
    root = tmp_path / "models"
    files = sharded(root / place, t5())
    write_header(root / "flux" / "vae" / "ae.safetensors", vae(16, quant=False))
    path = write_header(root / "flux" / "main" / "chroma.safetensors", DENOISERS["Chroma1-HD"])
    facts = inspect_base(path)
    assert facts.parts["text_encoder"].files == [str(file) for file in files]
    assert round(facts.parameters["text_encoder"] / 1e9, 2) == 4.76
    source = original_source(path, facts.parts, {})
    assert source.parts["text_encoder"].files == tuple(files)
    found = {str(one.path.relative_to(root)): one.kind for one in scan(root)}
    assert found == {
        f"{place}/{files[0].name}": "part",
        "flux/vae/ae.safetensors": "part",
        "flux/main/chroma.safetensors": "base",
    }


def test_models_that_lie_under_keys_find_each_other(tmp_path: Path) -> None:
    """As newer InvokeAIs keep them: every model in a folder whose name is a UUID."""

    def key(number: int) -> Path:
        return tmp_path / "models" / f"0a1b2c3d-1111-4222-8333-00000000000{number}"

    path = write_header(key(1) / "chroma.safetensors", DENOISERS["Chroma1-HD"])
    files = sharded(key(2) / "text_encoder_2", t5())
    write_header(key(3) / "ae.safetensors", vae(16, quant=False))
    write_header(key(4) / "sdxl_vae.safetensors", vae(4))
    (tmp_path / "models" / "sub").mkdir()
    with pytest.raises(BadFile, match=r"the VAE of FLUX.1 is not with it"):
        inspect_base(path.rename(tmp_path / "models" / "sub" / path.name))
    facts = inspect_base((tmp_path / "models" / "sub" / path.name).rename(path))
    assert facts.parts["text_encoder"].files == [str(file) for file in files]
    assert facts.parts["vae"].files == [str(key(3) / "ae.safetensors")]
    assert [one.kind for one in scan(tmp_path / "models")] == ["base", "part", "part", "part"]


def test_a_text_encoder_may_be_named_by_its_folder_index_or_file(tmp_path: Path) -> None:
    texts = tmp_path / "several"
    write_header(texts / "clip_l.safetensors", clip(768, 12), "F16")
    write_header(texts / "t5.safetensors", t5(), "F16")
    write_header(tmp_path / "vae" / "ae.safetensors", vae(16, quant=False))
    files = sharded(tmp_path / "t5" / "text_encoder_2", t5(), 3)
    path = write_header(tmp_path / "unet" / "chroma.safetensors", DENOISERS["Chroma1-HD"])
    index = files[0].parent / "model.safetensors.index.json"
    for named in (tmp_path / "t5", files[0].parent, index, files[2]):
        assert inspect_base(path, texts=[named]).parts["text_encoder"].files == [str(file) for file in files]
    files[1].unlink()
    with pytest.raises(BadFile, match=r"is not whole: model-00002-of-00003.safetensors is missing"):
        inspect_base(path, texts=[files[0].parent])
    index.write_text('{"weight_map": {"a": "../outside.safetensors"}}')
    with pytest.raises(BadFile, match=r"outside.safetensors is missing"):
        inspect_base(path, texts=[index])
    index.write_text("[]")
    with pytest.raises(BadFile, match="is damaged"):
        inspect_base(path, texts=[index])
    with pytest.raises(BadFile, match="several models"):
        inspect_base(path, texts=[texts])
