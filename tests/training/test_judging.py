"""Judging checkpoints by pictures, and which is the best."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Zen
from tests.training.conftest import Studio, Tape
from zen_tui.jobs.events import Writer
from zen_tui.jobs.history import History
from zen_tui.library import models
from zen_tui.library.events import Holdout, Interrupted, Judged, Note, Step
from zen_tui.library.scores import Scores, Span, choose
from zen_tui.scoring.spans import span


def scores(identity: float, adherence: float, drift: float = 0.1) -> Scores:
    return Scores(
        identity=Span(identity, identity - 0.05, identity + 0.05),
        adherence=Span(adherence, adherence - 0.05, adherence + 0.05),
        drift=Span(drift, drift, drift),
    )


def test_the_best_keeps_to_its_prompts_and_then_looks_most_like_the_subject() -> None:
    choice = choose([(300, scores(0.4, 0.94)), (600, scores(0.71, 0.93)), (900, scores(0.72, 0.8, 0.3))])
    assert choice is not None
    assert choice.step == 600
    assert choice.why.startswith("step 600: identity 0.71 ± 0.05, adherence 0.93; ")
    assert "step 900 with 0.72 and adherence 0.80" in choice.why
    assert choose([(300, Scores())]) is None
    beaten = choose([(300, scores(0.5, 0.9, 0.2)), (600, scores(0.5, 0.9, 0.1))])
    assert beaten is not None
    assert beaten.step == 600


def test_an_interval_narrows_with_pictures_and_is_the_same_each_time() -> None:
    few, many = span([0.2, 0.8] * 2), span([0.2, 0.8] * 50)
    assert few is not None
    assert many is not None
    assert few.mean == many.mean == 0.5
    assert many.high - many.low < few.high - few.low
    assert span([0.2, 0.8] * 2) == few
    assert span([]) is None


def test_a_run_is_judged_at_each_checkpoint_and_learns_the_same(studio: Studio) -> None:
    plain, judged = studio.train(), studio.train(judge=2)
    assert judged.losses() == plain.losses()
    found = judged.of(Judged)
    assert [event.step for event in found] == [2, 4, 6]
    assert all(event.scores.identity is None and event.scores.adherence is None for event in found)
    drifts = [event.scores.drift.mean for event in found]
    assert drifts[0] > 0
    assert found[0].scores.drift_by == "pixels"
    assert found[0].scores.class_variety is None  # of one picture
    run = models.runs(studio.db)[-1]
    kept = models.checkpoints(studio.db, run.id)
    assert [checkpoint.scores["drift"]["mean"] for checkpoint in kept] == drifts
    history = History()
    history.feed(judged.events)
    assert history.best is not None
    assert history.best.step == studio.result["metrics"]["best_step"]


@pytest.mark.slow
def test_a_run_that_stops_while_it_is_judged_is_judged_when_it_goes_on(studio: Studio) -> None:
    whole = studio.train(judge=2)
    spec = studio.start(judge=2)
    tape = Tape(ask=lambda step: "pause" if step == 4 else "")
    with pytest.raises(Interrupted):
        studio.train(spec, tape)
    assert [event.step for event in tape.of(Judged)] == [2]
    tape.ask, tape.step = (lambda step: ""), 0
    studio.train(spec, tape)
    assert [event.scores for event in tape.of(Judged)] == [event.scores for event in whole.of(Judged)]
    assert [event.step for event in tape.of(Step)] == [1, 2, 3, 4, 5, 6]


def test_what_is_not_judged_is_said(studio: Studio) -> None:
    said = [event.text for event in studio.train(judge=1).of(Note)]
    assert "Adherence is not judged: only the built-in base has a reader of what pictures show." in said
    assert "Identity is not judged: no held-out photo shows the face that most photos show." in said
    said = [event.text for event in studio.train(judge=1, holdout=0).of(Note)]
    assert "Identity is not judged: no photo is held out to compare pictures with." in said


def test_the_choice_is_told_in_words_and_intervals(studio: Studio, zen: Zen) -> None:
    run = studio.run(studio.start())
    assert zen("runs", "best", run.slug).code == 1
    events = Writer(studio.home.events(run.job_id or 0))
    so_far: list[tuple[int, Scores]] = []
    for step, found in ((300, scores(0.4, 0.94)), (600, scores(0.71, 0.93)), (900, scores(0.72, 0.8, 0.3))):
        so_far.append((step, found))
        choice = choose(so_far)
        assert choice is not None
        events.tell(Holdout(step=step, loss=0.1))
        events.tell(Judged(step=step, scores=found, best=choice.step, why=choice.why))
    events.close()
    answer = zen("runs", "best", run.slug)
    assert answer.out.startswith("step 600: identity 0.71 ± 0.05, adherence 0.93; ")
    assert "looks most like the subject" in answer.out
    assert " ".join(answer.out.splitlines()[-1].split()) == "900 0.72 ± 0.05 0.80 ± 0.05 0.30 ± 0.00"
    document = zen("runs", "best", run.slug, "--json").json()
    assert (document["step"], len(document["judged"])) == (600, 3)
