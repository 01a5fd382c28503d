"""Kill -9 at random steps, over and over: the run ends as if nothing had happened, and nothing is damaged."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import Studio, Tape
from tests.training.test_resume import adapter, same
from zen_tui.jobs.events import Tail
from zen_tui.library import models
from zen_tui.library.durable import TEMPORARY
from zen_tui.library.events import Resumed, Step
from zen_tui.library.specs import TrainSpec, encode_spec
from zen_tui.training.checkpoints import read

EVERY = 2  # steps between checkpoints
FURTHEST = 5  # steps that a round may get before it is killed


class Forks:
    """Trainings that are forked from a process that has imported everything, so that a round takes a second."""

    def __init__(self, folder: Path) -> None:
        self.spec, self.log = folder / "spec.json", folder / "events.jsonl"
        self.tail = Tail(self.log)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.training.killable"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._line() == "ready"

    def train(self, spec: TrainSpec) -> int:
        """Start a training; its process number."""
        assert self.process.stdin is not None
        self.spec.write_bytes(encode_spec(spec))
        self.process.stdin.write(f"{self.spec}\t{self.log}\n")
        self.process.stdin.flush()
        return int(self._line())

    def status(self) -> int:
        """The exit status of the training, when it has ended."""
        return int(self._line())

    def wait_for_steps(self, count: int) -> None:
        """Return when the training has told `count` more steps."""
        until = time.monotonic() + 120
        while count > 0:
            count -= sum(isinstance(event, Step) for event in self.tail.read())
            assert time.monotonic() < until, "waited in vain"
            time.sleep(0.002)

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture
def forks(studio: Studio, tmp_path: Path) -> Iterator[Forks]:
    made = Forks(tmp_path)
    yield made
    made.process.kill()
    made.process.communicate()


def faults(studio: Studio, spec: TrainSpec) -> list[str]:
    """Every way in which what is recorded disagrees with what is there."""
    found = [f"database: {row[0]}" for row in studio.db.rows("PRAGMA integrity_check") if row[0] != "ok"]
    found += [f"dangling: {tuple(row)}" for row in studio.db.rows("PRAGMA foreign_key_check")]
    kept = models.checkpoints(studio.db, spec.run)
    for checkpoint in kept:
        path = studio.home.resolve(checkpoint.path)
        if not path.exists() or path.stat().st_size != checkpoint.size:
            found.append(f"missing or short: {path.name}")
        elif read(path).course.step != checkpoint.step:
            found.append(f"wrong: {path.name}")
    recorded = {Path(checkpoint.path).name for checkpoint in kept}
    there = {path.name for path in (studio.home.run(spec.run) / "checkpoints").glob("*")}
    spare = {name for name in there - recorded if not name.startswith(TEMPORARY)}
    if len(spare) > 2:  # one written and not yet recorded, one forgotten and not yet removed
        found.append(f"unknown: {sorted(spare)}")
    return found


def survive(studio: Studio, forks: Forks, rounds: int) -> None:
    settings: dict[str, Any] = {
        "steps": rounds * FURTHEST,
        "checkpoint_every": EVERY,
        "dropout": 0.2,
        "lr_schedule": "cosine",
        "caption_dropout": 0.3,
    }
    whole = studio.train(**settings)
    wanted = adapter(studio)
    spec = studio.start(**settings)
    seed = random.SystemRandom().randrange(1_000_000)
    rng = random.Random(seed)
    for number in range(rounds):
        process = forks.train(spec)
        forks.wait_for_steps(rng.randint(1 if number else EVERY + 1, FURTHEST - 1))
        time.sleep(rng.random() * 0.02)  # into the middle of a step or of a checkpoint
        os.kill(process, signal.SIGKILL)
        assert forks.status() == -signal.SIGKILL
        assert faults(studio, spec) == [], f"round {number} of seed {seed}"
        forks.tail.read()
    forks.train(spec)
    assert forks.status() == 0
    tape = Tape(events=Tail(forks.log).read())
    assert len(tape.of(Resumed)) == rounds, "all but the first went on from a checkpoint"
    assert tape.losses() == whole.losses(), f"seed {seed}"
    assert tape.scores() == whole.scores()
    made = next(found for found in models.adapters(studio.db) if found.run_id == spec.run)
    studio.result = {"adapter": made.slug}
    assert same(adapter(studio), wanted), f"seed {seed}"
    assert faults(studio, spec) == []


def test_three_kills_change_nothing(studio: Studio, forks: Forks) -> None:
    survive(studio, forks, 3)


@pytest.mark.slow
def test_fifty_kills_change_nothing(studio: Studio, forks: Forks) -> None:
    survive(studio, forks, 50)
