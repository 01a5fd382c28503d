"""Runs that end when nothing is gained any more, say why, and go on when a person wants it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Zen
from tests.training.conftest import Studio, Tape
from tests.training.test_lineage import asked_of, begun
from tests.training.test_resume import adapter, same
from zen_tui.jobs.lineage import extend_run
from zen_tui.library import models
from zen_tui.library.events import Interrupted, Note, Sample, Step
from zen_tui.library.scores import Span
from zen_tui.library.specs import TrainSettings
from zen_tui.training.plateau import plateau

STILL: dict[str, Any] = {"stop_early": 2, "stop_gain": 0.5, "steps": 20, "sample_every": 10}
"""No tiny run halves its held-out loss, so that each of these ends after two checkpoints."""


def notes(tape: Tape) -> list[str]:
    return [event.text for event in tape.of(Note) if event.text.startswith("Stopped")]


def test_a_run_ends_when_nothing_is_gained_and_says_why(studio: Studio) -> None:
    tape = studio.train(**STILL)
    assert max(event.step for event in tape.of(Step)) == 4
    (why,) = notes(tape)
    assert why.startswith("Stopped at step 4: 2 checkpoints without gain since step 0; ")
    assert {event.step for event in tape.of(Sample)} == {4}  # drawn at the end, wherever it is
    run = models.runs(studio.db)[-1]
    assert (run.step, run.steps, run.finished is not None) == (4, 20, True)
    assert run.metrics["stopped"] == why
    assert models.adapter(studio.db, studio.result["adapter"]).facts["steps"] == 4
    short = studio.train(steps=4)
    assert tape.losses() == short.losses()
    assert max(event.step for event in studio.train(steps=8, stop_early=4).of(Step)) == 8
    assert "stopped" not in models.runs(studio.db)[-1].metrics


@pytest.mark.slow
def test_a_run_that_ended_early_goes_on_with_new_patience(studio: Studio) -> None:
    whole = studio.train(steps=20)
    spec = begun(studio, **STILL)
    job = extend_run(studio.db, studio.home, studio.run(spec), 20)
    tape = studio.train(asked_of(studio, job.id))
    assert [event.step for event in tape.of(Step)] == [5, 6, 7, 8]
    assert notes(tape)[0].startswith("Stopped at step 8: 2 checkpoints without gain since step 4; ")
    assert tape.losses() == {step: loss for step, loss in whole.losses().items() if 4 < step <= 8}


@pytest.mark.parametrize("asked_at", [pytest.param(3, marks=pytest.mark.slow), 4])
def test_a_stop_in_the_middle_of_patience_changes_nothing(studio: Studio, asked_at: int) -> None:
    whole = studio.train(**STILL)
    wanted = adapter(studio)
    spec = studio.start(**STILL)
    tape = Tape(ask=lambda step: "pause" if step == asked_at else "")
    with pytest.raises(Interrupted):
        studio.train(spec, tape)
    tape.ask, tape.step = (lambda step: ""), 0
    studio.train(spec, tape)
    assert tape.losses() == whole.losses()
    assert set(notes(tape)) == set(notes(whole))
    assert same(adapter(studio), wanted)


def test_a_gain_is_more_than_luck_and_identity_counts_too() -> None:
    settings = TrainSettings(stop_early=2, stop_gain=0.01)
    falling = [(n, 1 - 0.02 * n, 1.0) for n in range(9)]
    assert plateau(falling, {}, settings) == ""
    crawling = [(n, 1 - 0.001 * n, 1.0) for n in range(9)]
    assert "8 checkpoints without gain since step 0" in plateau(crawling, {}, settings)
    crept = [(n, 1 - 0.006 * n, 1.0) for n in range(9)]  # two small falls make one that counts
    assert plateau(crept, {}, settings) == ""
    likes = {n: Span(0.1 * n, 0.1 * n - 0.1, 0.1 * n + 0.1) for n in range(9)}
    assert plateau(crawling, likes, settings) == ""
    unsure = {n: Span(0.01 * n, 0.01 * n - 0.4, 0.01 * n + 0.4) for n in range(1, 9)}
    assert plateau(crawling, unsure, settings).endswith("below 1.0000, nor did identity rise.")
    assert plateau(crawling, {}, TrainSettings()) == ""
    assert plateau(crawling, {}, settings, until=7) == ""


def test_stopping_early_needs_photos_that_are_held_out(studio: Studio, zen: Zen) -> None:
    answer = zen("train", "mara", "--base", "tiny", "--set", "stop_early=2", "--set", "holdout=0")
    assert answer.code == 2
    assert "stop_early needs photos that are held out" in answer.err
