"""Pictures of the class that Zen draws itself and learns beside the photos."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Zen
from tests.training.conftest import Studio, Tape
from tests.training.test_resume import adapter, same
from zen_tui.jobs import launch
from zen_tui.library import datasets
from zen_tui.library.events import Interrupted, Note, Progress, Resumed
from zen_tui.photos.forget import forget_dataset

CLASS: dict[str, Any] = {"class_pictures": 3, "class_weight": 0.5}


def drawn(studio: Studio) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in studio.home.cache("mara").glob("class-*.png")}


def told(tape: Tape) -> list[tuple[int, int]]:
    return [(p.done, p.total) for p in tape.of(Progress) if p.what == "drawing class pictures"]


def test_they_are_drawn_before_the_training_once_for_all_runs(studio: Studio) -> None:
    plain = studio.train()
    tape = studio.train(**CLASS)
    first = drawn(studio)
    assert len(first) == 3
    assert told(tape) == [(0, 3), (1, 3), (2, 3), (3, 3)]
    said = next(note.text for note in tape.of(Note) if note.text.startswith("Learning"))
    assert "3 pictures of the class beside the photos, with weight 0.5" in said
    assert "5 photos, 1 held out" in said
    losses = tape.losses()
    assert losses[1] == plain.losses()[1]  # of the photos alone, and before anything was learned
    assert losses[6] != plain.losses()[6]
    assert tape.scores()[0] == plain.scores()[0]
    again = studio.train(**CLASS)
    assert told(again) == []
    assert again.losses() == losses
    studio.train(class_pictures=4)
    assert len(drawn(studio)) == 4  # one more, and the three of before
    assert first.items() <= drawn(studio).items()
    studio.train(class_pictures=1, seed=1)
    assert len(drawn(studio)) == 5
    forget_dataset(studio.db, studio.home, datasets.dataset(studio.db, "mara"))
    assert drawn(studio) == {}


@pytest.mark.slow
def test_their_weight_is_what_they_count(studio: Studio) -> None:
    plain = studio.train()
    assert studio.train(class_pictures=3, class_weight=0).losses() == plain.losses()
    light, heavy = studio.train(class_pictures=3, class_weight=0.1), studio.train(class_pictures=3)
    assert light.losses()[6] != heavy.losses()[6]


@pytest.mark.parametrize("asked_at", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_a_stop_while_they_are_drawn_or_learned_changes_nothing(studio: Studio, asked_at: int) -> None:
    settings: dict[str, Any] = {"class_pictures": 10, "prior_preservation": 0.5, "dropout": 0.2}
    whole = studio.train(**settings)
    wanted, pictures = adapter(studio), drawn(studio)
    for path in studio.home.cache("mara").glob("class-*.png"):
        path.unlink()
    spec = studio.start(**settings)
    tape = Tape()
    tape.ask = lambda step: "pause" if step == 4 or (asked_at == 1 and told(tape)[-1:] == [(8, 10)]) else ""
    with pytest.raises(Interrupted):
        studio.train(spec, tape)
    assert len(drawn(studio)) == (8 if asked_at == 1 else 10)  # a CPU draws eight at a time
    tape.ask, tape.step = (lambda step: ""), 0
    studio.train(spec, tape)
    assert drawn(studio) == pictures
    assert tape.losses() == whole.losses()
    assert same(adapter(studio), wanted)
    assert bool(tape.of(Resumed)) == (asked_at == 4)


def test_a_torn_picture_is_drawn_again(studio: Studio) -> None:
    studio.train(**CLASS)
    pictures = drawn(studio)
    name = min(pictures)
    path = studio.home.cache("mara") / name
    path.write_bytes(pictures[name][:100])
    studio.train(**CLASS)
    assert drawn(studio) == pictures


@pytest.mark.usefixtures("studio")
def test_the_plan_tells_of_them(zen: Zen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "ensure_worker", lambda home: None)
    answer = zen("train", "mara", "--base", "tiny", "--set", "class_pictures=50")
    assert "50 pictures of “a photo of a woman”, drawn by the base before the training" in answer.out + answer.err
