"""Adding bases and checking them: recorded where they lie, with hashes that tell when a file has changed."""

from __future__ import annotations

import hashlib
import shutil
import struct
from pathlib import Path

import msgspec
import pytest

from tests.exchange.test_single_files import COMFY, DENOISERS, WHOLE
from tests.originals import clip, t5, vae, write_header
from zen_tui.exchange.bases import (
    add_base,
    check_base,
    ensure_builtin,
    facts_of,
    inspect_base,
    known_files,
    read_files,
)
from zen_tui.exchange.blueprints import CONFIGS
from zen_tui.exchange.facts import PartFacts
from zen_tui.exchange.file_facts import read_through
from zen_tui.exchange.model_folders import scan
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.exchange.source import source_of
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile
from zen_tui.library.paths import Home


@pytest.fixture
def folder(tiny_base: Path, tmp_path: Path) -> Path:
    """A copy of the tiny base that a test may spoil."""
    return Path(shutil.copytree(tiny_base, tmp_path / "tiny"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stable Diffusion 1 in one file of its real size, in fp8 and all zeros, which take no room on the disk."""
    return write_header(tmp_path_factory.mktemp("one") / "v1-5-pruned.safetensors", WHOLE["sd15"], "F8_E4M3")


def weights(folder: Path) -> Path:
    return folder / "unet" / "diffusion_pytorch_model.safetensors"


def spoil(path: Path, key: str, value: float) -> None:
    """Overwrite the first number of an fp32 tensor in place."""
    with open(path, "rb") as file:
        start = 8 + struct.unpack("<Q", file.read(8))[0]
    with open(path, "r+b") as file:
        file.seek(start + read_header(path).tensors[key].data_offsets[0])
        file.write(struct.pack("<f", value))


def test_a_checkpoint_is_added_where_it_lies_and_once(db: Database, home: Home, checkpoint: Path) -> None:
    told: list[tuple[str, int, int]] = []
    base = add_base(db, home, checkpoint, progress=lambda file, done, whole: told.append((file.name, done, whole)))
    size = checkpoint.stat().st_size
    assert (base.slug, base.family, base.path) == ("v1-5-pruned", "sd15", str(checkpoint))
    assert told[-1] == (checkpoint.name, size, size)
    file = facts_of(base).files[str(checkpoint)]
    with open(checkpoint, "rb") as opened:
        assert file.sha256 == hashlib.file_digest(opened, "sha256").hexdigest()
    assert (file.autov2, file.size) == (file.sha256[:10], size)
    told.clear()
    assert add_base(db, home, checkpoint).id == base.id
    assert told == [], "a file that has not changed is not read again"

    source = source_of(base)
    assert source.parts["unet"].prefix == COMFY
    assert all(
        part.files == (checkpoint,) and (part.config / "config.json").is_file() for part in source.parts.values()
    )
    assert (source.folder("scheduler") / "scheduler_config.json").is_file()
    assert source.folder("tokenizer").is_relative_to(CONFIGS)


def test_a_base_whose_file_is_gone_says_which(db: Database, checkpoint: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.safetensors"
    moved.hardlink_to(checkpoint)
    facts = msgspec.to_builtins(inspect_base(moved))
    base = models.add_base(db, "moved", "sd15", "", str(moved), facts)
    moved.unlink()
    for look in (lambda: source_of(base), lambda: check_base(db, base)):
        with pytest.raises(BadFile, match=r"of the base moved is gone: .*moved.safetensors"):
            look()


def test_checking_tells_which_file_changed(db: Database, home: Home, folder: Path) -> None:
    base = add_base(db, home, folder)
    assert check_base(db, base) == "whole"
    spoil(weights(folder), "conv_in.bias", 0.25)
    with pytest.raises(BadFile, match=r"diffusion_pytorch_model.safetensors of tiny is not the file it was"):
        check_base(db, base)
    again = add_base(db, home, folder)
    assert check_base(db, again) == "whole"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_found_and_named(db: Database, home: Home, folder: Path, value: float) -> None:
    spoil(weights(folder), "conv_in.weight", value)
    with pytest.raises(BadFile, match=r"damaged: conv_in.weight holds what is not a number"):
        add_base(db, home, folder)
    assert models.bases(db) == []


@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [
        ("F16", [0x0000, 0x7BFF, 0xFBFF], [0x7C00, 0xFC00, 0x7E00]),
        ("BF16", [0x0000, 0x7F7F, 0xFF7F], [0x7F80, 0xFF80, 0x7FC0]),
        ("F8_E4M3", [0x00, 0x7E, 0xFE], [0x7F, 0xFF]),
    ],
)
def test_every_format_knows_what_is_not_a_number(
    tmp_path: Path, dtype: str, good: list[int], bad: list[int]
) -> None:
    """Bit patterns of IEEE 754 half precision, bfloat16 and the OCP 8-bit formats, written out by hand."""
    path, size = tmp_path / "x.safetensors", 1 if dtype == "F8_E4M3" else 2

    def written(bits: list[int]) -> Path:
        write_header(path, {"a": (len(bits),)}, dtype)
        with open(path, "r+b") as file:
            file.seek(-size * len(bits), 2)
            file.write(b"".join(number.to_bytes(size, "little") for number in bits))
        return path

    read_through(written(good))
    for bits in bad:
        with pytest.raises(BadFile, match="not a number"):
            read_through(written([*good, bits]))


def test_a_file_that_was_cut_off_is_not_added(db: Database, home: Home, folder: Path) -> None:
    whole = weights(folder).read_bytes()
    weights(folder).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadFile, match="it is cut off"):
        add_base(db, home, folder)


def test_shared_encoders_are_read_once(db: Database, home: Home, folder: Path) -> None:
    """What was read for one base is believed for another, as long as the file has not changed."""
    known = facts_of(add_base(db, home, folder)).files
    texts = next(path for path in known if path.endswith("text_encoder/model.safetensors"))
    mine = write_header(folder.parent / "mine.safetensors", {"a": (4,)})
    facts = facts_of(add_base(db, home, folder))
    facts.layout = "original"
    facts.parts = {
        "unet": PartFacts(config="denoisers/sd15", files=[str(mine)]),
        "text_encoder": PartFacts(config="texts/clip-l", files=[texts]),
    }
    read: set[str] = set()
    files = read_files(facts, mine, known_files(db), lambda file, *_: read.add(file.name))
    assert read == {"mine.safetensors"}
    assert files[texts] == known[texts]


def test_the_built_in_base_keeps_its_hashes(db: Database) -> None:
    ensure_builtin(db)
    assert check_base(db, models.base(db, "zen-mini")) == "whole; its hashes are kept from now on"
    ensure_builtin(db)
    base = models.base(db, "zen-mini")
    assert check_base(db, base) == "whole"
    assert len(facts_of(base).files) == 3


def test_a_models_folder_is_looked_through_and_left_as_it_is(tmp_path: Path, folder: Path) -> None:
    root = tmp_path / "ComfyUI" / "models"
    write_header(root / "checkpoints" / "v1-5-pruned.safetensors", WHOLE["sd15"], "F16")
    write_header(root / "checkpoints" / "sd_xl_base_1.0.safetensors", WHOLE["sdxl"], "F16")
    (root / "checkpoints" / "old.ckpt").write_bytes(b"PK")
    write_header(root / "diffusion_models" / "flux1-dev.safetensors", DENOISERS["flux1-dev"])
    write_header(root / "diffusion_models" / "qwen_image.safetensors", DENOISERS["qwen_image_bf16"])
    write_header(root / "text_encoders" / "clip_l.safetensors", clip(768, 12), "F16")
    write_header(root / "text_encoders" / "t5xxl_fp16.safetensors", t5(), "F16")
    write_header(root / "vae" / "ae.safetensors", vae(16, quant=False))
    write_header(root / "loras" / "mara.safetensors", {"lora_unet_x.lora_down.weight": (4, 8)})
    write_header(root / "upscale_models" / "x4.safetensors", {"conv_first.weight": (64, 3, 3, 3)})
    (root / "broken.safetensors").write_bytes(b"\xff" * 40)
    shutil.copytree(folder, root / "diffusers" / "tiny")
    (root / "loop").symlink_to(root)
    before = sorted((path, path.lstat().st_mtime_ns) for path in root.rglob("*"))

    found = {str(one.path.relative_to(root)): (one.kind, one.text) for one in scan(root)}

    assert {name: text for name, (kind, text) in found.items() if kind == "base"} == {
        "checkpoints/v1-5-pruned.safetensors": "Stable Diffusion 1",
        "checkpoints/sd_xl_base_1.0.safetensors": "Stable Diffusion XL",
        "diffusion_models/flux1-dev.safetensors": "FLUX.1 dev",
        "diffusers/tiny": "Stable Diffusion 1",
    }
    assert {name for name, (kind, _) in found.items() if kind == "part"} == {
        "text_encoders/clip_l.safetensors", "text_encoders/t5xxl_fp16.safetensors", "vae/ae.safetensors",
    }  # fmt: skip
    assert [name for name, (kind, _) in found.items() if kind == "adapter"] == ["loras/mara.safetensors"]
    assert "is a pickle" in found["checkpoints/old.ckpt"][1]
    assert "Qwen-Image, and the VAE" in found["diffusion_models/qwen_image.safetensors"][1]
    assert "does not know" in found["upscale_models/x4.safetensors"][1]
    assert "not a whole safetensors file" in found["broken.safetensors"][1]
    assert before == sorted((path, path.lstat().st_mtime_ns) for path in root.rglob("*"))


def test_an_empty_folder_of_models_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "models" / "loras").mkdir(parents=True)
    with pytest.raises(BadFile, match="There is no model in"):
        list(scan(tmp_path / "models"))


def test_files_of_a_folder_are_those_that_will_be_loaded(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(weights(folder).read_bytes())
    names = {Path(path).name for path in read_files(inspect_base(folder), folder, {})}
    assert names == {"diffusion_pytorch_model.safetensors", "model.safetensors"}
