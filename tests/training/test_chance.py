"""What is random follows from seed and step; what is scheduled from the step alone."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
import torch

from zen_tui.families.epsilon import Epsilon
from zen_tui.library.specs import TrainSettings
from zen_tui.training import chance
from zen_tui.training.chance import Draw, draw
from zen_tui.training.schedule import is_due, learning_rate

OBJECTIVE = Epsilon(torch.linspace(0.99, 0.01, 1000), "epsilon")


def batch(number: int, seed: int = 0, size: int = 4, caption_dropout: float = 0.0) -> Draw:
    rows = [0, 1, 2, 2, 5]  # photo 2 is repeated, 3 and 4 are held out
    return draw(rows, OBJECTIVE, (4, 2, 2), seed=seed, batch=number, size=size, caption_dropout=caption_dropout)


def test_every_pass_takes_each_photo_as_often_as_it_is_listed() -> None:
    drawn = [row for number in range(10) for row in batch(number).rows]
    for start in range(0, 40, 5):
        assert Counter(drawn[start : start + 5]) == {0: 1, 1: 1, 2: 2, 5: 1}
    assert len({tuple(drawn[start : start + 5]) for start in range(0, 40, 5)}) > 3


def test_a_batch_depends_on_seed_and_number_alone() -> None:
    torch.manual_seed(1)
    first = batch(7)
    torch.manual_seed(2)
    again = batch(7)
    assert (first.rows, first.dropped) == (again.rows, again.dropped)
    assert torch.equal(first.noise, again.noise)
    assert torch.equal(first.s, again.s)
    for other in (batch(8), batch(7, seed=1)):
        assert not torch.equal(first.noise, other.noise)
        assert not torch.equal(first.s, other.s)


def test_processes_share_one_batch() -> None:
    whole = batch(3)
    parts = [whole.part(index, 2) for index in range(2)]
    assert sorted(row for part in parts for row in part.rows) == sorted(whole.rows)
    assert torch.equal(torch.stack([parts[0].noise[0], parts[1].noise[0]]), whole.noise[:2])


def test_captions_are_dropped_as_often_as_asked() -> None:
    dropped = [flag for number in range(500) for flag in batch(number, caption_dropout=0.25).dropped]
    assert abs(sum(dropped) / len(dropped) - 0.25) < 0.03
    assert not any(flag for number in range(20) for flag in batch(number).dropped)


def test_streams_for_different_purposes_differ() -> None:
    assert len({chance.number(seed, what, step) for seed in (0, 1) for what in ("a", "b") for step in (1, 2)}) == 8


def test_the_rate_warms_up_and_stays_or_falls_as_a_cosine() -> None:
    level = TrainSettings(steps=110, warmup=10, learning_rate=1e-3)
    assert [learning_rate(level, step) for step in (11, 60, 110)] == [1e-3] * 3
    rising = [learning_rate(level, step) for step in range(1, 11)]
    assert all(b - a == pytest.approx(1e-3 / 11) for a, b in itertools.pairwise(rising))
    falling = TrainSettings(steps=110, warmup=10, learning_rate=1e-3, lr_schedule="cosine")
    assert learning_rate(falling, 11) == 1e-3
    assert learning_rate(falling, 61) == pytest.approx(1e-3 * 0.5 * (1 + math.cos(math.pi / 2)))
    assert 0 < learning_rate(falling, 110) < 1e-6
    assert learning_rate(TrainSettings(steps=5, warmup=10, learning_rate=1e-3), 5) < 1e-3


def test_things_are_due_on_their_schedule_and_at_the_end() -> None:
    assert [step for step in range(11) if is_due(step, 4, 10)] == [4, 8, 10]
    assert [step for step in range(11) if is_due(step, 0, 10)] == []
