"""Several processes learn what one learns, to the last bit the same each time, and none outlives the first.

Here they share the processor; on graphics cards the same lines run, one process a card.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from safetensors.torch import load_file
from torch import Tensor, equal

from tests.ranks.test_helpers import helpers
from tests.training.conftest import Studio, Tape
from zen_tui.library import models
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.library.events import Interrupted, Resumed, Sample, Saved, Step

SHARED: dict[str, Any] = {
    "steps": 6,
    "batch_size": 4,
    "gradient_accumulation": 3,
    "prior_preservation": 0.5,
    "caption_dropout": 0.4,
    "checkpoint_every": 3,
    "ema": 0.9,
}
LOSS = 1e-6  # of itself, that a loss may differ when its batch is added up in two halves: fp32 has 6e-8
NUMBERS = 1e-4  # of the largest number of a matrix: Adam's first steps make much of the last bits of a gradient


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEN_DEVICE", "cpu")


def learned(studio: Studio) -> dict[str, Tensor]:
    found = models.adapter(studio.db, studio.result["adapter"])
    return dict(load_file(studio.home.resolve(found.path)))


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(equal(tensor, other[key]) for key, tensor in one.items())


def alike(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    if one.keys() != other.keys():
        return False
    return all((t - other[key]).abs().max() <= NUMBERS * t.abs().max() for key, t in one.items())


@pytest.mark.parametrize(
    ("batch_size", "accumulation"), [(4, 3), pytest.param(2, 2, marks=pytest.mark.slow)], ids=["halved", "dealt"]
)
def test_two_processes_learn_what_one_learns(studio: Studio, batch_size: int, accumulation: int) -> None:
    settings = {**SHARED, "batch_size": batch_size, "gradient_accumulation": accumulation}
    alone = studio.train(**settings)
    wanted = learned(studio)
    spec = studio.start(gpus=2, **settings)
    shared = studio.train(spec)
    assert shared.losses() == pytest.approx(alone.losses(), rel=LOSS)
    assert shared.scores() == pytest.approx(alone.scores(), rel=LOSS)
    assert alike(learned(studio), wanted)
    assert [event.step for event in shared.of(Saved)] == [3, 6]
    assert helpers() == []
    other = studio.train(**settings | {"seed": 1, "steps": 1}).losses()
    assert other[1] != pytest.approx(alone.losses()[1], rel=LOSS), "the measure would see another training"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["dreambooth", "embedding"])
def test_every_method_can_be_shared(studio: Studio, method: str) -> None:
    """What learns may be the denoiser itself, or lie in the text encoders."""
    settings = {**SHARED, "steps": 3, "ema": 0.0, "prior_preservation": 0.0, "learning_rate": 1e-4}
    alone = studio.train(studio.start(method, **settings))
    shared = studio.train(studio.start(method, gpus=2, **settings))
    assert shared.losses() == pytest.approx(alone.losses(), rel=LOSS)
    assert len(set(alone.losses().values())) == 3


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(2, 2), (2, 1), (1, 2)])
def test_a_run_goes_on_with_as_many_or_more_or_fewer(studio: Studio, before: int, after: int) -> None:
    settings = {**SHARED, "dropout": 0.2 if before == after else 0.0}
    whole = studio.train(studio.start(gpus=before, **settings))
    wanted = learned(studio)
    spec = studio.start(gpus=before, **settings)
    tape = Tape(ask=lambda step: "pause" if step == 4 else "")
    with pytest.raises(Interrupted):
        studio.train(spec, tape)
    assert [event.step for event in tape.of(Saved)] == [3, 4]
    assert helpers() == []
    tape.ask, tape.step = (lambda step: ""), 0
    studio.train(msgspec.structs.replace(spec, gpus=after), tape)
    assert [event.step for event in tape.of(Resumed)] == [4]
    if before == after:
        assert tape.losses() == whole.losses()
        assert same(learned(studio), wanted)
    else:
        assert tape.losses() == pytest.approx(whole.losses(), rel=LOSS)
        assert alike(learned(studio), wanted)


@pytest.mark.slow
def test_only_the_first_process_draws_and_keeps(studio: Studio) -> None:
    tape = Tape(wish=lambda step: {"checkpoint", "sample"} if step == 2 else set())
    settings = {**SHARED, "steps": 4, "checkpoint_every": 100, "sample_prompts": ("{token}",)}
    spec = studio.start(gpus=2, **settings)
    studio.train(spec, tape)
    assert [event.step for event in tape.of(Saved)] == [2, 4]
    assert [event.step for event in tape.of(Sample)] == [2]
    assert [event.step for event in tape.of(Step)] == [1, 2, 3, 4]
    folder = studio.home.run(spec.run)
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == [
        "step-0000002.safetensors",
        "step-0000004.safetensors",
    ]
    assert len(list((folder / "samples").iterdir())) == 1


@pytest.mark.slow
def test_a_process_that_dies_ends_the_training_with_a_sentence(studio: Studio) -> None:
    spec = studio.start(gpus=2, **{**SHARED, "steps": 1000, "checkpoint_every": 2})
    tape = Tape()
    tape.ask = once(lambda step: step == 3, lambda: os.kill(helpers()[0], signal.SIGKILL))
    with pytest.raises(ZenError, match=r"Process 2 of 2 died \(SIGKILL\), and the job cannot go on"):
        studio.train(spec, tape)
    assert [kept.step for kept in models.checkpoints(studio.db, spec.run)] == [2]
    assert helpers() == []


def once(when: Callable[[int], bool], do: Callable[[], None]) -> Callable[[int], str]:
    done: list[int] = []

    def ask(step: int) -> str:
        if when(step) and not done:
            done.append(step)
            do()
        return ""

    return ask


def test_steps_that_cannot_be_shared_are_refused(studio: Studio) -> None:
    with pytest.raises(
        WrongUse, match=r"learns from 3 pictures .* 2 GPUs cannot share them evenly. Set batch_size to"
    ):
        studio.train(studio.start(gpus=2, batch_size=3))


def test_without_cards_one_process_is_all_there_is(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZEN_DEVICE")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(WrongUse, match=r"--gpus 2 needs 2 GPUs, and this machine has no GPU that Zen can use"):
        studio.train(studio.start(gpus=2))
