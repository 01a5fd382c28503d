"""Pictures that are training photos over again are told, and ordinary ones are not."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image, ImageOps

from tests.cli.conftest import Zen
from tests.photos.pictures import NAMES, cut, photograph
from tests.training.conftest import Studio, Tape
from zen_tui.generation.engine import Engine
from zen_tui.jobs.events import Writer
from zen_tui.jobs.history import History
from zen_tui.library import datasets, models
from zen_tui.library.events import Interrupted, Judged, Warned
from zen_tui.library.scores import Scores, Span, choose
from zen_tui.scoring.memorisation import apart, nearest, trace
from zen_tui.training.pixels import as_trained


def copies(tape: Tape) -> list[tuple[int | None, int]]:
    return [(event.step, event.copies) for event in tape.of(Warned) if event.copies]


@pytest.fixture
def planted(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A base that draws one of the photos, mirrored and a little off, whatever it is asked for."""
    kept: list[Image.Image] = []
    whole = Engine._decode

    def decode(engine: Engine, latents: Any) -> list[Image.Image]:
        if not kept:
            from zen_tui.training.beginning import examples

            run, settings = models.runs(studio.db)[-1], studio.spec.settings
            found = examples(studio.db, studio.home, run, studio.dataset, settings)
            photo = as_trained(next(one for one in found if not one.held_out), settings, 8)
            kept.append(ImageOps.mirror(photo).resize((40, 40)).resize((64, 64)))
        return [*kept, *whole(engine, latents)[1:]]

    monkeypatch.setattr(Engine, "_decode", decode)
    return studio


def test_a_copy_is_known_mirrored_smaller_and_in_another_light_and_nothing_else_is() -> None:
    photos = [photograph(name) for name in NAMES]
    known = [trace(photo) for photo in photos]
    for row, photo in enumerate(photos):
        for changed in (ImageOps.mirror(photo), photo.reduce(4), photo.point(lambda level: level * 0.93)):
            assert nearest(trace(changed), known)[0] == row
            assert nearest(trace(changed), known)[1] < 0.1
        assert min(apart(known[row], other) for other in known if other is not known[row]) > 0.1
        assert apart(trace(cut(photo, 0.2, 0.1, 1, 0.9)), known[row]) > 0.1


def test_a_run_that_draws_a_photo_over_again_says_so(planted: Studio, zen: Zen) -> None:
    planted.spec = planted.start(judge=2, sample_every=6)
    tape = planted.train(planted.spec)
    assert copies(tape) == [(2, 1), (4, 1), (6, 1), (6, 1)]
    run = planted.run(planted.spec)
    assert (run.metrics["copies"], run.metrics["copies_since"]) == (4, 2)
    assert [event.scores.copies for event in tape.of(Judged)] == [1, 1, 1]
    text = tape.of(Warned)[0].text
    assert text.startswith("Step 2: 1 of 2 pictures is a copy of training photos.")
    names = [photo.name for photo in datasets.photos(planted.db, planted.dataset.id)]
    assert any(f"is {name} over again" in text for name in names)
    events = Writer(planted.home.events(run.job_id or 0))
    for event in tape.events:
        events.tell(event)
    events.close()
    assert "Step 2: 1 of 2 pictures is a copy" in zen("runs", "show", run.slug).out
    history = History()
    history.feed(tape.events)
    assert history.copies == {2: 1, 4: 1, 6: 1}


@pytest.mark.slow
def test_a_stopped_run_counts_its_copies_once(planted: Studio) -> None:
    planted.spec = planted.start(judge=2, sample_every=3)
    tape = Tape(ask=lambda step: "pause" if step == 5 else "")
    with pytest.raises(Interrupted):
        planted.train(planted.spec, tape)
    tape.ask, tape.step = (lambda step: ""), 0
    planted.train(planted.spec, tape)
    assert planted.run(planted.spec).metrics["copies"] == 5  # judged at 2, 4 and 6, sampled at 3 and 6


def test_ordinary_pictures_raise_no_alarm(studio: Studio) -> None:
    tape = studio.train(judge=4, sample_every=2)
    assert copies(tape) == []
    assert "copies" not in studio.result["metrics"]


def test_it_can_be_turned_off(planted: Studio) -> None:
    planted.spec = planted.start(judge=2, copy_within=0)
    assert copies(planted.train(planted.spec)) == []


def test_a_checkpoint_that_copies_is_not_chosen_beside_one_that_does_not() -> None:
    fresh = Scores(identity=Span(0.5, 0.4, 0.6))
    copied = Scores(identity=Span(0.9, 0.8, 1.0), copies=3)
    choice = choose([(100, fresh), (200, copied)])
    assert choice is not None
    assert choice.step == 100
    alone = choose([(200, copied)])
    assert alone is not None
    assert alone.step == 200
