"""One training from photos to an adapter, and what it leaves behind."""

from __future__ import annotations

import tomllib
from typing import Any

import msgspec
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from tests.training.conftest import Studio, Tape
from zen_tui.exchange.adapters import inspect_adapter
from zen_tui.families import load_family
from zen_tui.families.base import Part
from zen_tui.families.sd15 import SD15
from zen_tui.library import datasets, models
from zen_tui.library.errors import BadFile, Refused, WrongUse, ZenError
from zen_tui.library.events import Holdout, Note, Sample, Saved, Step, Warned
from zen_tui.training.methods.lora import Lora


def test_a_run_ends_in_an_adapter_that_changes_the_base(studio: Studio) -> None:
    tape = studio.train()
    adapter = models.adapter(studio.db, studio.result["adapter"])
    assert (adapter.slug, adapter.trigger, adapter.family) == ("mara-1", "ohwx woman", "sd15")
    assert (adapter.base_id, adapter.run_id) == (studio.base.id, 1)
    path = studio.home.resolve(adapter.path)
    assert inspect_adapter(path).rank == 2
    family = load_family(studio.base, device="cpu", precision="fp32")
    note = tape.of(Note)[0].text
    assert f"in {family.attach(path, 'mara')} layers" in note
    assert "effective rate 0.01" in note
    assert "5 photos, 1 held out" in note
    metrics, losses = studio.result["metrics"], tape.losses()
    assert (metrics["loss_first"], metrics["loss_last"]) == (losses[1], losses[6])
    scores = tape.scores()
    assert list(scores) == [0, 2, 4, 6]
    assert (metrics["holdout_first"], metrics["holdout_last"]) == (scores[0], scores[6])
    assert scores[6] < scores[0]
    assert metrics["best_step"] == min((scores[step], step) for step in (2, 4, 6))[1]
    run = models.run_by_id(studio.db, 1)
    assert run.metrics == metrics
    assert run.finished is not None


def test_the_record_of_a_run_can_be_read(studio: Studio) -> None:
    spec = studio.start(sample_prompts=('say "hi" to {token}',))
    studio.train(spec)
    record = tomllib.loads((studio.home.run(spec.run) / "run.toml").read_text())
    assert record["settings"] == {**msgspec.to_builtins(spec.settings), "sample_prompts": ['say "hi" to {token}']}
    assert (record["dataset"], record["base"], record["photos"]) == ("mara", "tiny", 6)


def test_the_adapter_file_holds_nothing_of_the_photos(studio: Studio) -> None:
    studio.train()
    data = studio.home.resolve(models.adapter(studio.db, "mara-1").path).read_bytes()
    for photo in datasets.photos(studio.db, studio.dataset.id):
        for private in (photo.name, photo.hash, "beach", str(studio.home.root)):
            assert private.encode() not in data


def test_the_encoders_run_once_and_are_gone_before_the_first_step(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    real = SD15._load

    def load(self: SD15, part: Part) -> nn.Module:
        loaded.append(part)
        return real(self, part)

    monkeypatch.setattr(SD15, "_load", load)
    left: list[set[str]] = []
    init = Lora.__init__

    def watched(self: Lora, family: Any, *rest: Any) -> None:
        left.append(family.loaded())
        init(self, family, *rest)

    monkeypatch.setattr(Lora, "__init__", watched)
    first = studio.train(steps=2)
    assert loaded == ["vae", "text", "denoiser"]
    loaded.clear()
    again = studio.train(steps=2)
    assert loaded == ["denoiser"]
    assert left == [set(), set()]
    assert again.losses() == first.losses()
    loaded.clear()
    studio.train(steps=2, resolution=72)
    assert loaded == ["vae", "denoiser"]


def test_a_damaged_cache_is_made_again(studio: Studio) -> None:
    first = studio.train(steps=2)
    for file in studio.home.cache("mara").iterdir():
        file.write_bytes(file.read_bytes()[:-8])
    assert studio.train(steps=2).losses() == first.losses()


def test_samples_come_on_schedule_from_fixed_seeds(studio: Studio) -> None:
    tape = studio.train(sample_every=4, seed=5, sample_prompts=("{token} at sea", "a woman"))
    samples = tape.of(Sample)
    assert [(s.step, s.prompt, s.seed) for s in samples] == [
        (step, prompt, seed) for step in (4, 6) for prompt, seed in (("ohwx woman at sea", 5), ("a woman", 6))
    ]
    pictures = [Image.open(studio.home.resolve(sample.path)) for sample in samples]
    assert {picture.size for picture in pictures} == {(64, 64)}
    assert pictures[0].tobytes() != pictures[2].tobytes()
    assert not any(picture.info for picture in pictures)


def test_a_sample_and_a_checkpoint_can_be_asked_for(studio: Studio) -> None:
    tape = Tape()
    tape.wish = lambda step: {1: {"sample"}, 3: {"checkpoint"}}.get(step, set())
    studio.train(studio.start(checkpoint_every=100, sample_prompts=("{token}",)), tape)
    assert [event.step for event in tape.of(Sample)] == [1]
    assert [event.step for event in tape.of(Saved)] == [3, 6]


def test_the_last_three_checkpoints_and_the_best_are_kept(studio: Studio) -> None:
    tape = studio.train(steps=6, checkpoint_every=1, learning_rate=0.3)
    scores = {step: loss for step, loss in tape.scores().items() if step}
    best = min(scores, key=lambda step: (scores[step], step))
    kept = models.checkpoints(studio.db, 1)
    assert [checkpoint.step for checkpoint in kept] == sorted({best, 4, 5, 6})
    assert {checkpoint.step: checkpoint.scores["holdout"] for checkpoint in kept} == {
        checkpoint.step: scores[checkpoint.step] for checkpoint in kept
    }
    files = {path.name for path in (studio.home.run(1) / "checkpoints").iterdir()}
    assert files == {f"step-{checkpoint.step:07d}.safetensors" for checkpoint in kept}
    assert studio.result["metrics"]["best_step"] == best


def test_numbers_that_run_over_stop_the_run_and_keep_what_was_good(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = studio.start(checkpoint_every=1)
    methods: list[Lora] = []
    init = Lora.__init__

    def poison(step: int) -> str:
        if step == 3:
            methods[0].parameters[0].data.fill_(float("nan"))
        return ""

    def watched(self: Lora, *rest: Any) -> None:
        methods.append(self)
        init(self, *rest)

    tape = Tape(ask=poison)
    monkeypatch.setattr(Lora, "__init__", watched)
    with pytest.raises(ZenError, match=r"astray at step 4.*after step 3 is kept.*learning_rate"):
        studio.train(spec, tape)
    assert max(event.step for event in tape.of(Step)) == 3
    newest = studio.home.resolve(models.checkpoints(studio.db, spec.run)[-1].path)
    assert all(torch.isfinite(tensor).all() for tensor in load_file(newest).values())
    assert models.adapters(studio.db) == []


def test_captions_that_are_too_long_are_told(studio: Studio) -> None:
    photo = datasets.photos(studio.db, studio.dataset.id)[0]
    datasets.set_caption(studio.db, photo.id, "b" * 75 + " and a hat")
    assert "does not see “and a hat”" in studio.train(steps=1).of(Warned)[0].text


def test_what_cannot_be_trained_is_refused(studio: Studio) -> None:
    with pytest.raises(Refused, match="cannot make pictures of 65x65"):
        studio.train(resolution=65)
    with pytest.raises(WrongUse, match="no method telepathy"):
        studio.train(msgspec.structs.replace(studio.start(), method="telepathy"))
    ids = [photo.id for photo in datasets.photos(studio.db, studio.dataset.id)]
    datasets.set_split(studio.db, ids[1:], "out")
    with pytest.raises(Refused, match="mara has 1 photo; to learn a subject takes at least 5"):
        studio.train()
    assert studio.train(steps=1, allow_few_photos=True).of(Holdout) == []
    datasets.set_split(studio.db, ids, "out")
    with pytest.raises(Refused, match="has no photos"):
        studio.train(allow_few_photos=True)


def test_a_photo_that_is_gone_is_named(studio: Studio) -> None:
    photo = datasets.photos(studio.db, studio.dataset.id)[2]
    studio.home.photo("mara", photo.hash, photo.suffix).unlink()
    with pytest.raises(BadFile, match=photo.hash):
        studio.train()


def test_memory_that_ends_is_met_with_advice(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(SD15, "predict", full)
    with pytest.raises(ZenError, match=r"too small for this training") as caught:
        studio.train()
    assert "Choose a smaller base or a lower resolution" in caught.value.hint
