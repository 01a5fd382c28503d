"""Pivotal tuning: a word and a LoRA around it, each in its time, in one file that loads both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.cli.conftest import Zen
from tests.families.pictures import TOLERANCE, pipeline, theirs, wish
from tests.feeds import KeptFeed
from tests.tiny import TinyFolder
from tests.training.conftest import Studio
from tests.training.test_every_family import draw
from zen_tui.exchange.adapters import import_adapter
from zen_tui.exchange.bases import add_base
from zen_tui.families import adapter_work, devices, embeddings, load_family
from zen_tui.generation import warm
from zen_tui.generation.adapter_picture import compare_pictures
from zen_tui.library import models
from zen_tui.library.errors import BadFile, Refused, WrongUse
from zen_tui.library.specs import AdapterPictureSpec, AdapterSpec, AdapterUse, TrainSettings
from zen_tui.training.checkpoints import read
from zen_tui.training.plan import require_fitting

QUICK: dict[str, Any] = {"steps": 6, "checkpoint_every": 2, "learning_rate": 3e-2, "warmup": 1, "holdout": 0.0}
KEYS = {"sd15": {"clip_l"}, "sdxl": {"clip_l", "clip_g"}}
SUBS = {"emb_params": "text_encoder", "clip_l": "text_encoder", "clip_g": "text_encoder_2"}


@pytest.fixture(autouse=True)
def _fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are compared to the level, whatever this CPU would rather compute in."""
    monkeypatch.setattr(devices, "cpu_has_bf16", lambda: False)


def export(studio: Studio, name: str, format: str, out: Path) -> list[Path]:
    """The files that came of it."""
    spec = AdapterSpec(action="export", adapters=(AdapterUse(name),), out=str(out), format=format)
    made = adapter_work.make_adapter(spec, KeptFeed(0), studio.db, studio.home)
    return [Path(made["out"]), *map(Path, made["words"])]


@pytest.mark.parametrize("name", ["sd15", pytest.param("sdxl", marks=pytest.mark.slow)])
def test_one_adapter_draws_with_both(
    studio: Studio, tiny_folder: TinyFolder, zen: Zen, tmp_path: Path, name: str
) -> None:
    folder = tiny_folder(name, "")
    studio.base = base = add_base(studio.db, studio.home, folder, "other")
    studio.train(studio.start("pivotal", **QUICK, vectors=2))
    made = models.adapter(studio.db, studio.result["adapter"])
    assert (made.kind, made.trigger, made.facts["words"]) == ("lora", "ohwx woman", ["ohwx"])
    own = load_file(studio.home.resolve(made.path))
    words = {key.removeprefix("bundle_emb.ohwx."): t for key, t in own.items() if key.startswith("bundle_emb.")}
    assert words.keys() == KEYS[name]
    told = zen("adapters", "verify", made.slug, "--base", "other")
    assert "layers fit and its word ohwx becomes 2 vectors" in told.out

    family = load_family(base, device="cpu", precision="fp32")
    request = msgspec.structs.replace(wish(family), prompt="a photo of ohwx woman")
    plain, mine = draw(studio, request), draw(studio, request, AdapterUse(made.slug, 1.0))

    apart, beside = export(studio, made.slug, "diffusers", tmp_path / "apart.safetensors")
    assert beside.name == "apart_emb.safetensors"
    for file in (apart, beside):
        import_adapter(studio.db, studio.home, file)
    both = draw(studio, request, AdapterUse("apart", 1.0), AdapterUse("apart-emb", 1.0))
    assert np.abs(both - mine).max() <= TOLERANCE
    alone = [draw(studio, request, AdapterUse(slug, 1.0)) for slug in ("apart", "apart-emb")]
    assert all(np.abs(one - other).max() > TOLERANCE for one in alone for other in (plain, mine))

    pipe = pipeline(folder, family)
    pipe.load_lora_weights(str(tmp_path), weight_name=apart.name)
    for key, vectors in load_file(beside).items():
        sub = SUBS[key]
        tokenizer = getattr(pipe, sub.replace("text_encoder", "tokenizer"))
        pipe.load_textual_inversion(
            {key: vectors}, token="ohwx", text_encoder=getattr(pipe, sub), tokenizer=tokenizer
        )
    assert np.abs(theirs(pipe, family, request) - mine).max() <= TOLERANCE


def test_its_export_is_proven_or_not_kept(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.train(studio.start("pivotal", **{**QUICK, "steps": 2}))
    name, base = studio.result["adapter"], studio.base.slug
    (both,) = export(studio, name, "kohya", tmp_path / "both.safetensors")
    layers, word = export(studio, name, "diffusers", tmp_path / "apart.safetensors")
    feed = KeptFeed(1)

    def difference(file: Path, *words: Path) -> int:
        spec = AdapterPictureSpec(adapter=name, file=str(file), base=base, words=tuple(map(str, words)))
        found = compare_pictures(spec, feed, studio.db, studio.home)
        assert found["changed"] > 8
        return int(found["difference"])

    try:
        assert difference(both) <= 1
        assert difference(layers, word) <= 1
        assert difference(layers) > 1
    finally:
        warm.drop()
    scaled = AdapterSpec(action="scale", adapters=(AdapterUse(name, 0.5),), name="soft")
    with pytest.raises(Refused, match="brings along the word ohwx, which would be lost") as caught:
        adapter_work.make_adapter(scaled, feed, studio.db, studio.home)
    assert "Export it for diffusers" in (caught.value.hint or "")

    monkeypatch.setattr(embeddings, "same", lambda word, read: False)
    for format in ("kohya", "diffusers"):
        with pytest.raises(BadFile, match="What was written of its words differs"):
            export(studio, name, format, tmp_path / "lost.safetensors")
    assert not list(tmp_path.glob("lost*"))


def test_word_and_layers_learn_each_in_its_time(studio: Studio) -> None:
    timed = {**QUICK, "embedding_until": 0.67, "lora_from": 0.34}
    losses = studio.train(spec := studio.start("pivotal", **timed)).losses()
    first, second, third = (
        read(studio.home.resolve(kept.path)).learned for kept in models.checkpoints(studio.db, spec.run)
    )
    assert not any(tensor.any() for key, tensor in first.items() if ".lora_B." in key)
    assert all(tensor.any() for key, tensor in second.items() if ".lora_B." in key)

    def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], mark: str) -> bool:
        return all(torch.equal(one[key], other[key]) for key in one if mark in key)

    assert not same(first, second, "word.")
    assert same(second, third, "word.")
    assert not same(second, third, ".lora_B.")
    slower = studio.train(studio.start("pivotal", **timed, embedding_lr=1.0)).losses()
    assert losses[1] == slower[1]
    assert losses[2] != slower[2]  # when only the word has learned


def test_what_contradicts_itself_or_has_no_words_is_refused(
    studio: Studio, tiny_folder: TinyFolder, zen: Zen
) -> None:
    apart = TrainSettings(embedding_until=0.2, lora_from=0.5)
    with pytest.raises(WrongUse, match="Nothing would learn between") as caught:
        require_fitting(apart, studio.base, "pivotal")
    assert caught.value.hint == "Set lora_from to 0.2 or less."
    require_fitting(apart, studio.base, "embedding")
    with pytest.raises(WrongUse, match="one rate") as caught:
        require_fitting(TrainSettings(optimizer="prodigy"), studio.base, "pivotal")
    assert "Set embedding_lr to 1" in (caught.value.hint or "")
    with pytest.raises(WrongUse, match="lora_plus is for kinds of LoRA with two matrices"):
        require_fitting(TrainSettings(lora="lokr", lora_plus=2.0), studio.base, "pivotal")
    add_base(studio.db, studio.home, tiny_folder("flux2-klein", "base"), "klein")
    told = zen("train", "mara", "--base", "klein", "--method", "pivotal", "--set", "resolution=64")
    assert (told.code, "klein has a text encoder for which Zen learns no words" in told.err) == (2, True)
