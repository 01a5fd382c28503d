"""What is a base and what is not: told without torch, in a sentence that says what to do."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.helpers import python
from tests.tiny import TinyFolder
from zen_tui.exchange.bases import add_base, base_folder, check_base, inspect_base
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, Refused, WrongUse, ZenError
from zen_tui.library.paths import Home


@pytest.fixture
def folder(tiny_base: Path, tmp_path: Path) -> Path:
    """A copy of the tiny base that a test may spoil."""
    return Path(shutil.copytree(tiny_base, tmp_path / "tiny"))


def change(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def header_only(path: Path, keys: list[str]) -> Path:
    """A safetensors file of one number a key."""
    entries = {k: {"dtype": "F32", "shape": [1], "data_offsets": [4 * n, 4 * n + 4]} for n, k in enumerate(keys)}
    raw = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(4 * len(keys)))
    return path


def test_facts_are_read_without_loading(folder: Path) -> None:
    (folder / "LICENSE.txt").write_text("\n  CreativeML Open RAIL-M\nmore\n")
    (folder / "zen.json").write_text('{"train": {"steps": 400, "targets": "all"}, "generate": {"guidance": 3.5}}')
    facts = inspect_base(folder)
    assert (facts.family, facts.resolution, facts.multiple, facts.context) == ("sd15", 64, 4, 16)
    assert (facts.prediction_type, facts.token_limit) == ("epsilon", 77)
    assert facts.parameters == {"unet": 249268, "vae": 62463, "text_encoder": 13936}
    assert facts.licence == "CreativeML Open RAIL-M"
    assert facts.defaults["train"] | {"steps": 400, "targets": "all", "resolution": 64} == facts.defaults["train"]
    assert facts.defaults["generate"] | {"guidance": 3.5, "steps": 25, "width": 64} == facts.defaults["generate"]


def test_the_turbo_of_stable_diffusion_3_5_is_told_by_its_names_or_asked_for(
    tiny_folder: TinyFolder, db: Database, home: Home, tmp_path: Path
) -> None:
    """Large and its Turbo have the same settings, so that a folder renamed by a person tells nothing."""
    tiny = tiny_folder("sd35", "")
    assert inspect_base(tiny).variant == ""
    large = Path(shutil.copytree(tiny, tmp_path / "mine"))
    change(large / "transformer" / "config.json", num_layers=38)
    with pytest.raises(WrongUse, match="Add --variant large or --variant turbo"):
        inspect_base(large)
    for variant, kept in (("large", ""), ("turbo", "turbo")):
        base = add_base(db, home, large, variant=variant)
        assert base.variant == kept
        assert check_base(db, base) == "whole"
    change(large / "model_index.json", _name_or_path="someone/stable-diffusion-3.5-large-turbo")
    assert inspect_base(large).variant == "turbo"
    change(large / "model_index.json", _name_or_path="")
    assert inspect_base(Path(large.rename(tmp_path / "stable-diffusion-3.5-large"))).variant == ""


def test_looking_at_a_base_loads_no_torch(tiny_base: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from zen_tui.exchange.bases import inspect_base\n"
        "import zen_tui.exchange.adapters, zen_tui.exchange.layers, zen_tui.training.plan\n"
        "inspect_base(Path(sys.argv[1])); print([m for m in ('torch', 'diffusers', 'peft') if m in sys.modules])"
    )
    assert python(code, str(tiny_base)).stdout.strip() == "[]"


def empty(folder: Path) -> Path:
    (folder.parent / "empty").mkdir()
    return folder.parent / "empty"


def random_folder(folder: Path) -> Path:
    (folder / "model_index.json").unlink()
    return folder


def folder_of_pickles(folder: Path) -> Path:
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "v1-5-pruned.ckpt").write_bytes(b"PK")
    return folder


def pickle_file(folder: Path) -> Path:
    file = folder.parent / "model.ckpt"
    file.write_bytes(b"\x80\x04.")
    return file


def pickled_part(folder: Path) -> Path:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(
        folder / "unet" / "diffusion_pytorch_model.bin"
    )
    return folder


def missing_part(folder: Path) -> Path:
    shutil.rmtree(folder / "vae")
    return folder


def no_weights(folder: Path) -> Path:
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    return folder


def cut_off(folder: Path) -> Path:
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    return folder


def huge_header(folder: Path) -> Path:
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(struct.pack("<Q", 2**62) + weights.read_bytes()[8:])
    return folder


def kandinsky(folder: Path) -> Path:
    change(folder / "model_index.json", _class_name="KandinskyPipeline")
    return folder


def half_an_sdxl(folder: Path) -> Path:
    change(folder / "model_index.json", _class_name="StableDiffusionXLPipeline")
    return folder


def inpainting(folder: Path) -> Path:
    change(folder / "unet" / "config.json", in_channels=9)
    return folder


def not_json(folder: Path) -> Path:
    (folder / "unet" / "config.json").write_text("{")
    return folder


def bad_advice(folder: Path) -> Path:
    (folder / "zen.json").write_text('{"train": 3}')
    return folder


def a_lora(folder: Path) -> Path:
    return header_only(folder.parent / "mara.safetensors", ["unet.mid_block.to_q.lora_A.weight"])


@pytest.mark.parametrize(
    ("make", "kind", "sentence"),
    [
        (lambda folder: folder / "nowhere", BadFile, "There is nothing at"),
        (empty, BadFile, "is empty"),
        (random_folder, BadFile, "is not a base.*no model_index.json"),
        (folder_of_pickles, Refused, "holds a pickle, v1-5-pruned.ckpt.*safetensors only"),
        (pickle_file, Refused, "model.ckpt is a pickle.*safetensors only"),
        (pickled_part, Refused, "unet of tiny is a pickle, diffusion_pytorch_model.bin"),
        (missing_part, BadFile, "vae/config.json is missing"),
        (no_weights, BadFile, "its vae has no weights"),
        (cut_off, BadFile, "diffusion_pytorch_model.safetensors is not a whole safetensors file: it is cut off"),
        (huge_header, BadFile, "larger than any model needs"),
        (kandinsky, Refused, "tiny is a Kandinsky base, which is not supported yet"),
        (half_an_sdxl, BadFile, "text_encoder_2/config.json is missing"),
        (inpainting, Refused, "made for inpainting"),
        (not_json, BadFile, "config.json is damaged"),
        (bad_advice, BadFile, "zen.json does not hold settings"),
        (a_lora, Refused, "mara.safetensors is a LoRA, not a base"),
    ],
)
def test_what_is_no_base_is_refused(
    folder: Path, make: Callable[[Path], Path], kind: type[ZenError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        inspect_base(make(folder))


def test_a_base_is_recorded_where_it_lies_and_once(db: Database, home: Home, folder: Path) -> None:
    base = add_base(db, home, folder)
    assert (base.slug, base.family, base.path) == ("tiny", "sd15", str(folder))
    assert add_base(db, home, folder).id == base.id
    assert add_base(db, home, folder, "other").slug == "other"
    assert len(models.bases(db)) == 2
    assert base_folder(base) == folder
    shutil.rmtree(folder)
    with pytest.raises(BadFile, match="folder of the base tiny is gone"):
        base_folder(base)


def test_adding_a_base_again_reads_its_advice_again(db: Database, home: Home, folder: Path) -> None:
    add_base(db, home, folder)
    (folder / "zen.json").write_text(msgspec.json.encode({"train": {"steps": 77}}).decode())
    assert add_base(db, home, folder).facts["defaults"]["train"]["steps"] == 77
