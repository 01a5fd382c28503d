"""A step that finds no memory is made again with less, and nothing that was learned is lost."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.training.conftest import SMALL, Studio
from zen_tui.generation.fit import Fit, Machine
from zen_tui.library import models
from zen_tui.library.errors import ZenError
from zen_tui.library.events import Note, Saved, Step, Warned
from zen_tui.library.specs import TrainSettings
from zen_tui.training import loop
from zen_tui.training.fitting import fitted, next_rung, rungs_for
from zen_tui.training.losses import losses

ROOMY = Machine("cpu", 64 << 30)
PLENTY = {**SMALL, "batch_size": 4, "steps": 5, "checkpoint_every": 50, "holdout": 0.0}


def starve(monkeypatch: pytest.MonkeyPatch, *, at: int, until_batch: int = 0, times: int = 99) -> list[int]:
    """From call `at` on, let `times` steps find no memory while more than `until_batch` pictures are in them.

    Returns where the batch of each call is written down.
    """
    batches: list[int] = []

    def hungry(*given: Any) -> Any:
        batch = len(given[-1].s)
        batches.append(batch)
        if at < len(batches) <= at + times and batch > until_batch:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return losses(*given)

    monkeypatch.setattr(loop, "losses", hungry)
    return batches


def test_a_run_goes_on_with_less_from_its_last_step(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = starve(monkeypatch, at=2, until_batch=2)
    tape = studio.train(**PLENTY)

    said = [event.text for event in tape.of(Warned)]
    assert [text.startswith("The memory ran out. From here on: ") for text in said] == [True] * len(said)
    assert "activations of half the blocks computed twice" in said[0]
    assert said[-1].endswith("the denoiser in int8, activations computed twice, 2 pictures at a time.")
    assert next(event.step for event in tape.of(Saved)) == 2  # what two steps had taught was kept
    assert [event.step for event in tape.of(Step)] == [1, 2, 3, 4, 5]  # and none was made again
    assert batches[:2] == [4, 4]
    assert batches[-6:] == [2] * 6  # as many pictures a step as before, in two goes
    assert studio.result["adapter"]


def test_what_was_given_up_stays_given_up(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        starve(patch, at=2, until_batch=2)
        studio.train(**PLENTY)
    run = models.runs(studio.db)[-1]
    kept = (studio.home.run(run.id) / "fit.json").read_bytes()
    assert b'"batch":2' in kept
    assert b'"denoiser":"int8"' in kept


def test_a_run_that_can_do_without_nothing_more_ends_with_a_sentence(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    starve(monkeypatch, at=2)
    with pytest.raises(ZenError, match="too small for this training") as caught:
        studio.train(**PLENTY)
    assert "What was learned is kept" in caught.value.hint
    run = models.runs(studio.db)[-1]
    assert [found.step for found in models.checkpoints(studio.db, run.id)] == [2]


def test_each_rung_does_without_more_than_the_one_before(studio: Studio) -> None:
    settings = TrainSettings(**{**SMALL, "batch_size": 6, "resolution": 512})
    rungs = rungs_for(studio.base, settings, ROOMY)
    assert [rung.needs for rung in rungs] == sorted((rung.needs for rung in rungs), reverse=True)
    told = [(r.denoiser, r.twice if r.checkpointing else 0, r.batch, r.resolution) for r in rungs]
    assert told == [
        ("", 0, 0, 0), ("", 0.5, 0, 0), ("", 1, 0, 0), ("int8", 1, 0, 0), ("int8", 1, 3, 0), ("int8", 1, 2, 0),
        ("int8", 1, 1, 0), ("int8", 1, 1, 384), ("int8", 1, 1, 256),
    ]  # fmt: skip
    down: list[Fit] = [rungs[0]]
    while lower := next_rung(studio.base, settings, ROOMY, "lora", down[-1]):
        down.append(lower)
    assert down == rungs


def test_what_a_person_chose_is_not_given_up(studio: Studio) -> None:
    settings = TrainSettings(**{**SMALL, "quantize": "none", "gradient_checkpointing": "off"})
    rungs = rungs_for(studio.base, settings, ROOMY)
    assert {(rung.denoiser, rung.checkpointing) for rung in rungs} == {("", False)}


def test_as_many_pictures_make_a_step() -> None:
    settings = TrainSettings(batch_size=6, gradient_accumulation=2, resolution=768)
    less = fitted(settings, Fit(batch=2, resolution=512))
    assert (less.batch_size, less.gradient_accumulation, less.resolution) == (2, 6, 512)
    assert fitted(settings, Fit()) == settings


def test_half_the_blocks_computed_twice_changes_nothing_else(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = studio.train(**{**SMALL, "steps": 3})
    starve(monkeypatch, at=0, times=1)
    half = studio.train(**{**SMALL, "steps": 3})
    assert "of half the blocks" in half.of(Warned)[0].text
    assert half.losses() == plain.losses()


def test_two_steps_are_measured_and_told_beside_the_plan(studio: Studio) -> None:
    tape = studio.train(**{**SMALL, "steps": 3})
    told = [event.text for event in tape.of(Note) if event.text.startswith("Two steps measured: ")]
    assert len(told) == 1
    assert "The plan said" in told[0]
