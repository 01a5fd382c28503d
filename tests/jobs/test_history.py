"""Folding events: a run that was interrupted looks, afterwards, like one that never was."""

from __future__ import annotations

import pytest

from zen_tui.jobs.history import History
from zen_tui.library.events import (
    AnyEvent,
    Done,
    Failed,
    Holdout,
    Made,
    Note,
    Paused,
    Preview,
    Progress,
    Resumed,
    Sample,
    Saved,
    Starting,
    Step,
)


def steps(first: int, last: int, t: float = 0.0) -> list[AnyEvent]:
    """Four steps a second, with a loss that says which step it is."""
    return [Step(step=s, loss=1 / s, lr=1e-4, t=t + s / 4) for s in range(first, last + 1)]


def fed(events: list[AnyEvent]) -> History:
    history = History()
    history.feed(events)
    return history


def test_the_curve_after_a_resumption_is_that_of_a_run_never_interrupted() -> None:
    marks: list[AnyEvent] = [Holdout(step=40, loss=0.5), Sample(step=40, index=0, prompt="p", seed=1, path="s40")]
    whole = fed([*steps(1, 40), *marks, Saved(step=40, path="c40"), *steps(41, 90)])
    lost: list[AnyEvent] = [Holdout(step=60, loss=0.1), Sample(step=60, index=0, prompt="p", seed=1, path="s60")]
    broken = fed([*steps(1, 40), *marks, Saved(step=40, path="c40"), *steps(41, 60), *lost])
    broken.feed([Saved(step=60, path="c60"), Starting(attempt=2), Resumed(step=40), *steps(41, 90, t=100)])
    assert broken.steps == whole.steps
    assert broken.losses == whole.losses
    assert list(broken.smoothed) == pytest.approx(list(whole.smoothed), rel=1e-9)
    assert (broken.holdouts, broken.samples, broken.checkpoints) == (
        whole.holdouts,
        whole.samples,
        whole.checkpoints,
    )
    assert broken.attempt == 2


def test_a_run_that_starts_over_without_a_checkpoint_starts_over_here_too() -> None:
    history = fed([*steps(1, 30), Starting(attempt=2), *steps(1, 3)])
    assert list(history.steps) == [1, 2, 3]


def test_the_smoothed_loss_starts_at_the_loss_and_lies_between_its_extremes() -> None:
    history = fed(steps(1, 200))
    assert history.smoothed[0] == pytest.approx(1.0)
    assert min(history.losses) < history.smoothed[-1] < 0.1
    constant = fed([Step(step=s, loss=0.3, lr=0) for s in range(1, 50)])
    assert list(constant.smoothed) == pytest.approx([0.3] * 49)


def test_speed_and_time_left_come_from_this_attempt() -> None:
    history = fed(steps(1, 20))
    assert history.rate == pytest.approx(4)
    assert history.seconds_left(60) == pytest.approx(10)
    assert history.status(60) == "step 20 of 60, 4.0 a second, 10 s left"
    history.feed([Starting(attempt=2, t=5000), Resumed(step=20), Step(step=21, loss=1, lr=0, t=5001)])
    assert history.rate is None, "one step says nothing, and the pause was not work"
    assert history.seconds_left(60) is None


def test_the_best_is_the_lowest_held_out_loss() -> None:
    history = fed([Holdout(step=s, loss=loss) for s, loss in ((0, 0.9), (50, 0.4), (100, 0.6), (150, 0.4))])
    assert history.best == (50, 0.4)
    assert History().best is None


def test_a_base_that_has_learned_nothing_is_no_best_step() -> None:
    history = fed([Holdout(step=0, loss=0.1)])
    assert history.best is None
    history.feed([Holdout(step=50, loss=0.4)])
    assert history.best == (50, 0.4)


def test_pictures_take_the_place_of_their_previews() -> None:
    previews: list[AnyEvent] = [Preview(index=i, step=5, steps=20, image="") for i in (0, 1)]
    history = fed([*previews, Made(index=0, picture=7, path="a.png")])
    assert list(history.previews) == [1]
    assert history.pictures[0].picture == 7
    assert history.status(2) == "1 of 2 pictures"
    history.feed([Done()])
    assert history.previews == {}


def test_samples_are_found_by_step() -> None:
    made: list[AnyEvent] = [
        Sample(step=s, index=i, prompt="p", seed=i, path=f"{s}-{i}") for s in (0, 50) for i in (0, 1)
    ]
    history = fed(made)
    assert history.sample_steps == [0, 50]
    assert [sample.path for sample in history.samples_at(50)] == ["50-0", "50-1"]


def test_the_line_of_status_says_how_it_stands() -> None:
    history = History()
    assert history.status() == "waiting"
    assert not history.feed([])
    assert history.feed([Starting(t=1)])
    assert history.status() == "starting"
    history.feed(
        [Note(text="1.2 M numbers"), Note(text="1.2 M numbers"), Progress(what="reading photos", done=3, total=20)]
    )
    assert history.status() == "reading photos, 3 of 20"
    assert history.notes == ["1.2 M numbers"]
    history.feed([Paused(step=1200)])
    assert history.status() == "paused at step 1,200"
    history.feed([Starting(attempt=2)])
    assert history.ending is None
    history.feed([Failed(message="The loss is not a number at step 7.")])
    assert history.status() == "The loss is not a number at step 7."
