"""Adapters worked into a base: it answers as the base did with them beside it, and is whole or not there."""

from __future__ import annotations

import errno
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.families.conftest import CPU, answer, open_family
from tests.families.pictures import TOLERANCE, pipeline, theirs, wish
from tests.families.test_embeddings import write_embedding
from tests.families.test_lora_export import random_changes, written
from tests.feeds import KeptFeed
from zen_tui.exchange.adapters import import_adapter
from zen_tui.exchange.bases import add_base
from zen_tui.exchange.source import Part, Source
from zen_tui.families import difference, load_family, pipeline_folder
from zen_tui.families.adapter_work import make_adapter
from zen_tui.families.changes import Change
from zen_tui.families.pipeline_folder import write_folder
from zen_tui.families.sd15 import SD15
from zen_tui.generation.engine import Engine
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, DiskFull, NotFound, Refused, WrongUse, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.specs import AdapterSpec, AdapterUse

LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
WORDS = "encoder.layers.0.self_attn.q_proj"


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Kitchen(NamedTuple):
    """A home with a tiny base, and adapters for it."""

    db: Database
    home: Home
    out: Path

    def bake(self, *uses: AdapterUse, **values: Any) -> dict[str, Any]:
        spec = AdapterSpec(action="bake", adapters=uses, **{"out": str(self.out), "base": "tiny", **values})
        return make_adapter(spec, KeptFeed(0), self.db, self.home)


@pytest.fixture
def kitchen(db: Database, home: Home, tiny_base: Path, tmp_path: Path) -> Kitchen:
    add_base(db, home, tiny_base, "tiny")
    files = tmp_path / "files"
    files.mkdir()
    text = Change("text_encoder", WORDS, draw(16, 2), draw(2, 16), scale=0.5)
    plain = random_changes("sd15", scale=0.02)
    for name, changes in {
        "lora": [*plain, text],
        "dora": [replace(change, scale=0.1) for change in random_changes("sd15", magnitude=True)],
    }.items():
        import_adapter(db, home, written(files / f"{name}.safetensors", changes, "sd15", "diffusers"))
    stem = f"lora_unet_{LAYER.replace('.', '_')}"
    kron = {
        f"{stem}.lokr_w1": draw(4, 4),
        f"{stem}.lokr_w2": draw(8, 8, seed=1),
        f"{stem}.alpha": torch.tensor(1.0),
    }
    save_file(kron, files / "lokr.safetensors")
    import_adapter(db, home, files / "lokr.safetensors")
    denoiser = open_family(tiny_base).denoiser().state_dict()
    moved = {name: 0.05 * draw(*tensor.shape) for name, tensor in denoiser.items()}
    difference.write(files / "all.safetensors", "sd15", "", moved, "ohwx woman", "")
    import_adapter(db, home, files / "all.safetensors")
    return Kitchen(db, home, tmp_path / "models" / "baked")


@pytest.mark.parametrize(
    "uses",
    [
        [AdapterUse("lora", 0.7)],
        pytest.param([AdapterUse("dora", 0.7)], marks=pytest.mark.slow),
        pytest.param([AdapterUse("lokr", -0.5)], marks=pytest.mark.slow),
        [AdapterUse("lora", 0.5), AdapterUse("all", 0.8), AdapterUse("dora", 1.0), AdapterUse("lokr", -0.3)],
    ],
    ids=["lora", "dora", "lokr", "together"],
)
def test_it_answers_as_the_base_did_with_them(kitchen: Kitchen, uses: list[AdapterUse]) -> None:
    db, home = kitchen.db, kitchen.home
    result = kitchen.bake(*uses, name="mine")
    assert result == {"base": "mine", "out": str(kitchen.out)}
    family = load_family(models.base(db, "tiny"), device="cpu", precision="fp32")
    plain = answer(family)
    for use in uses:
        family.attach(home.resolve(models.adapter(db, use.name).path), use.name)
    family.set_adapters([(use.name, use.weight) for use in uses])
    meant = answer(family)
    found = answer(load_family(models.base(db, "mine"), device="cpu", precision="fp32"))
    assert torch.allclose(found, meant, atol=1e-4 * float(meant.abs().max()))
    assert not torch.allclose(found, plain, atol=1e-2 * float(meant.abs().max()))


def test_the_library_reads_words_that_were_changed(kitchen: Kitchen) -> None:
    kitchen.bake(AdapterUse("lora", 1.0))
    family = open_family(kitchen.out)
    assert not torch.equal(family.encode(["a cat"]).tensors["text"], _words(kitchen, "tiny"))
    request = wish(family)
    pipe = pipeline(kitchen.out, family)
    ours = np.asarray(dict(Engine(family).draw([request]))[0], np.float32)
    assert np.abs(ours - theirs(pipe, family, request)).max() <= TOLERANCE


def _words(kitchen: Kitchen, base: str) -> Tensor:
    family = load_family(models.base(kitchen.db, base), device="cpu", precision="fp32")
    return family.encode(["a cat"]).tensors["text"]


def test_half_precision_stays_half_precision(kitchen: Kitchen, tiny_base: Path, tmp_path: Path) -> None:
    half = Path(shutil.copytree(tiny_base, tmp_path / "half"))
    file = next((half / "unet").glob("*.safetensors"))
    save_file({key: tensor.half() for key, tensor in load_file(file).items()}, file, metadata={"format": "pt"})
    add_base(kitchen.db, kitchen.home, half, "half")
    kitchen.bake(AdapterUse("lora"), base="half")
    found = load_file(next((kitchen.out / "unet").glob("*.safetensors")))
    assert {tensor.dtype for tensor in found.values()} == {torch.float16}


def test_what_cannot_be_baked_is_a_sentence_and_leaves_nothing(
    kitchen: Kitchen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, home = kitchen.db, kitchen.home
    import_adapter(db, home, write_embedding(tmp_path / "toy.safetensors", {"emb_params": 768}))
    import_adapter(db, home, written(tmp_path / "flux.safetensors", random_changes("flux1"), "flux1", "kohya"))
    wide = [Change("unet", LAYER, draw(64, 2), draw(2, 32))]
    import_adapter(db, home, written(tmp_path / "wide.safetensors", wide, "sd15", "diffusers"))
    worded = {**load_file(tmp_path / "wide.safetensors"), "bundle_emb.toy.clip_l": torch.ones(1, 768)}
    save_file(worded, tmp_path / "both.safetensors")
    import_adapter(db, home, tmp_path / "both.safetensors")
    taken = tmp_path / "taken"
    taken.mkdir()
    cases: list[tuple[AdapterUse, dict[str, Any], type[ZenError], str]] = [
        (AdapterUse("toy"), {}, Refused, "toy is of the kind embedding"),
        (AdapterUse("both"), {}, Refused, "brings along the word toy, which would be lost"),
        (AdapterUse("flux"), {}, Refused, "flux is for FLUX.1"),
        (AdapterUse("wide"), {}, BadFile, "made for another base"),
        (AdapterUse("lora", 1e39), {}, Refused, "not finite"),
        (AdapterUse("all", 1e39), {}, Refused, "not finite"),
        (AdapterUse("lora"), {"base": ""}, WrongUse, "not clear which base"),
        (AdapterUse("lora"), {"base": "gone"}, NotFound, "gone"),
        (AdapterUse("lora"), {"out": str(taken)}, Refused, "exists already"),
    ]
    for use, values, kind, sentence in cases:
        with pytest.raises(kind, match=sentence):
            kitchen.bake(use, **values)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    with pytest.raises(DiskFull, match="is full: this needs"):
        kitchen.bake(AdapterUse("lora"))
    monkeypatch.undo()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(pipeline_folder, "save_file", full)
    with pytest.raises(DiskFull, match="filled up"):
        kitchen.bake(AdapterUse("lora"))
    assert not kitchen.out.parent.exists() or not list(kitchen.out.parent.iterdir())
    assert not list(taken.iterdir())
    assert [base.slug for base in models.bases(db)] == ["tiny"]


def test_what_was_not_written_as_meant_is_not_kept(kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt(tensors: dict[str, Tensor], path: Path, **more: Any) -> None:
        first = next(iter(tensors))
        save_file({**tensors, first: tensors[first] + 1}, path, **more)

    monkeypatch.setattr(pipeline_folder, "save_file", spoilt)
    with pytest.raises(ZenError, match="could not be read back"):
        kitchen.bake(AdapterUse("lora"))
    assert not list(kitchen.out.parent.iterdir())


def test_a_checkpoint_in_one_file_becomes_a_folder(tiny_base: Path, tmp_path: Path) -> None:
    parts = ("unet", "vae", "text_encoder")
    one = tmp_path / "one.safetensors"
    tensors = {
        f"{sub}.{key}": tensor
        for sub in parts
        for file in (tiny_base / sub).glob("*.safetensors")
        for key, tensor in load_file(file).items()
    }
    save_file(tensors, one)
    packed = {sub: Part(tiny_base / sub, (one,), "diffusers", f"{sub}.") for sub in parts}
    settings = {sub: tiny_base / sub for sub in ("tokenizer", "scheduler")}
    family = SD15(Source(one, packed, tmp_path, settings), CPU, torch.float32, "")
    meant = answer(family)
    out = tmp_path / "out"
    write_folder(out, family, difference.whole(family.denoiser(), torch.float32), {})
    assert torch.equal(answer(open_family(out)), meant)
    request = wish(family)
    before, after = (theirs(pipeline(folder, family), family, request) for folder in (tiny_base, out))
    assert np.array_equal(before, after)
