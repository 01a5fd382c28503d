"""A run that was stopped in any way goes on, bit for bit, as if it had not been."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import pytest
from safetensors.torch import load_file
from torch import equal

from tests.training.conftest import Studio, Tape, give_masks
from zen_tui.library import models
from zen_tui.library.errors import DiskFull
from zen_tui.library.events import Interrupted, Resumed, Sample, Saved

EVERYTHING: dict[str, Any] = {
    "steps": 7,
    "checkpoint_every": 3,
    "gradient_accumulation": 2,
    "dropout": 0.2,
    "caption_dropout": 0.4,
    "lr_schedule": "cosine",
    "prior_preservation": 0.5,
    "aspect": "buckets",
    "flip": True,
    "crop_jitter": 0.1,
    "colour_jitter": 0.2,
    "variants": 3,
}


def adapter(studio: Studio) -> dict[str, Any]:
    found = models.adapter(studio.db, studio.result["adapter"])
    return dict(load_file(studio.home.resolve(found.path)))


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(equal(tensor, other[key]) for key, tensor in one.items())


@pytest.mark.parametrize(
    ("precision", "how"), [("fp32", "pause"), pytest.param("bf16", "stop", marks=pytest.mark.slow)]
)
def test_a_paused_run_goes_on_as_if_it_had_not(studio: Studio, precision: str, how: str) -> None:
    give_masks(studio, half=True, count=4)
    whole = studio.train(precision=precision, **EVERYTHING)
    wanted = adapter(studio)
    spec = studio.start(precision=precision, **EVERYTHING)
    tape = Tape(ask=lambda step: how if step == 5 else "")
    with pytest.raises(Interrupted) as caught:
        studio.train(spec, tape)
    assert caught.value.how == how
    assert [event.step for event in tape.of(Saved)] == [3, 5]
    shutil.rmtree(studio.home.cache("mara"))  # the views are made again, and are the same
    tape.ask, tape.step = (lambda step: ""), 0
    studio.train(spec, tape)
    assert [event.step for event in tape.of(Resumed)] == [5]
    assert tape.losses() == whole.losses()
    assert tape.scores() == whole.scores()
    assert same(adapter(studio), wanted)


def test_a_damaged_checkpoint_is_passed_over(studio: Studio) -> None:
    whole = studio.train(steps=5).losses()
    spec = studio.start(steps=5)
    tape = Tape(ask=lambda step: "cancel" if step == 4 else "")
    with pytest.raises(Interrupted):
        studio.train(spec, tape)
    newest = studio.home.resolve(models.checkpoints(studio.db, spec.run)[-1].path)
    newest.write_bytes(newest.read_bytes()[:-50])
    tape.ask, tape.step = (lambda step: ""), 0
    studio.train(spec, tape)
    assert [event.step for event in tape.of(Resumed)] == [2]
    assert tape.losses() == whole


def test_a_full_disk_keeps_the_checkpoints_so_far(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = studio.train().losses()
    spec = studio.start()
    tape = Tape()
    real = sys.modules["zen_tui.library.durable"].shutil.disk_usage

    def usage(folder: Any) -> Any:
        full = len(tape.of(Saved)) >= 2
        return real(folder)._replace(free=10) if full else real(folder)

    monkeypatch.setattr("zen_tui.library.durable.shutil.disk_usage", usage)
    with pytest.raises(DiskFull, match="is full"):
        studio.train(spec, tape)
    monkeypatch.setattr("zen_tui.library.durable.shutil.disk_usage", real)
    kept = models.checkpoints(studio.db, spec.run)
    assert [checkpoint.step for checkpoint in kept] == [2, 4]
    assert sorted(path.name for path in studio.home.resolve(kept[0].path).parent.iterdir()) == [
        "step-0000002.safetensors",
        "step-0000004.safetensors",
    ]
    studio.train(spec, tape)
    assert tape.losses() == whole


def test_a_run_keeps_its_photos_whatever_happens_to_the_dataset(studio: Studio) -> None:
    whole = studio.train(steps=5).losses()
    spec = studio.start(steps=5)
    tape = Tape(ask=lambda step: "pause" if step == 2 else "")
    with pytest.raises(Interrupted):
        studio.train(spec, tape)
    studio.db.connection.execute("UPDATE photos SET caption = 'changed', split = 'train'")
    tape.ask, tape.step = (lambda step: ""), 0
    studio.train(spec, tape)
    assert tape.losses() == whole


def test_stopping_while_samples_are_drawn_loses_nothing(studio: Studio) -> None:
    settings: dict[str, Any] = {
        "steps": 4,
        "sample_every": 2,
        "sample_prompts": ("{token}",),
        "checkpoint_every": 100,
    }
    whole = studio.train(**settings)
    spec = studio.start(**settings)
    tape = Tape()
    polls = iter(range(10_000))
    tape.ask = lambda step: "pause" if step == 2 and next(polls) == 3 else ""
    with pytest.raises(Interrupted):
        studio.train(spec, tape)
    assert [event.step for event in tape.of(Saved)] == [2]
    assert tape.of(Sample) == []
    tape.ask, tape.step = (lambda step: ""), 0
    studio.train(spec, tape)
    assert tape.losses() == whole.losses()
    assert [event.step for event in tape.of(Sample)] == [2, 4]
    for ours, theirs in zip(tape.of(Sample), whole.of(Sample), strict=True):
        assert studio.home.resolve(ours.path).read_bytes() == studio.home.resolve(theirs.path).read_bytes()
