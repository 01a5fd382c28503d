"""Several processes learn what one learns, to the last bit the same each time, and none outlives the first.

Here they share the processor; on graphics cards the same lines run, one process a card.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from safetensors.torch import load_file
from torch import Tensor, equal

from tests.jobs.conftest import until
from tests.training.conftest import Studio, Tape
from tests.training.test_resume import kill_at, start
from zen_tui.library import models
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.library.events import Interrupted, Resumed, Sample, Saved, Step
from zen_tui.training.assist import Brief

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
    return load_file(studio.home.resolve(found.path))


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(equal(tensor, other[key]) for key, tensor in one.items())


def alike(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    if one.keys() != other.keys():
        return False
    return all((t - other[key]).abs().max() <= NUMBERS * t.abs().max() for key, t in one.items())


def helpers(parent: int = os.getpid()) -> list[int]:
    """The living processes that help with a job of `parent`, which they were told as the last of their words."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = file.read_bytes().split(b"\0")
            if b"zen_tui.jobs.rank" in words and words[-2] == str(parent).encode():
                found.append(int(file.parent.name))
    return found


@pytest.mark.parametrize(
    ("batch_size", "accumulation"), [(4, 3), (2, 2)], ids=["batches are halved", "batches are dealt"]
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
    other = studio.train(seed=1, **settings)
    assert other.losses() != pytest.approx(alone.losses(), rel=LOSS), "the measure would see another training"


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


def test_what_goes_wrong_in_another_process_is_said_as_if_here(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def misled(**told: Any) -> Brief:
        return Brief(**{**told, "base": msgspec.structs.replace(told["base"], path="/nowhere")})

    monkeypatch.setattr("zen_tui.training.run.Brief", misled)
    with pytest.raises(ZenError, match="/nowhere"):
        studio.train(studio.start(gpus=2, **SHARED))
    assert helpers() == []


def test_kill_9_of_the_first_process_leaves_no_other(studio: Studio, tmp_path: Path) -> None:
    spec = studio.start(gpus=2, **{**SHARED, "steps": 1000, "checkpoint_every": 2})
    log = tmp_path / "events.jsonl"
    left: list[int] = []
    process = start(spec, tmp_path, log)
    kill_at(process, log, 3, first=lambda: left.extend(helpers(process.pid)))
    until(lambda: helpers(process.pid) == [])
    assert len(left) == 1, "there was one to be left"


def test_steps_that_cannot_be_shared_are_refused(studio: Studio) -> None:
    with pytest.raises(
        WrongUse, match="learns from 3 pictures .* 2 GPUs cannot share them evenly. Set batch_size to"
    ):
        studio.train(studio.start(gpus=2, batch_size=3))


def test_without_cards_one_process_is_all_there_is(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZEN_DEVICE")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(WrongUse, match=r"--gpus 2 needs 2 GPUs, and this machine has no GPU that Zen can use"):
        studio.train(studio.start(gpus=2))
