"""A job that is paused gives its memory back within moments, though the worker lives on for the next one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.jobs.conftest import Workshop, until
from tests.training.conftest import SMALL, Studio
from zen_tui.jobs import launch, queue
from zen_tui.jobs.events import Tail
from zen_tui.jobs.trainings import queue_training
from zen_tui.library.events import Paused, Step
from zen_tui.library.specs import TrainSettings

LARGE = {**SMALL, "steps": 1000, "resolution": 256, "batch_size": 16, "checkpoint_every": 1000}
STEP = 1_000_000_000  # bytes that are in use after a step of these settings, at least


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
def test_a_paused_training_gives_its_memory_back(
    studio: Studio,
    workshop: Workshop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ZEN_TEST_HANDLERS")
    monkeypatch.setenv("ZEN_WORKER_IDLE", "600")
    monkeypatch.setenv("ZEN_DEVICE", "cpu")
    settings = TrainSettings(**LARGE)
    _, job = queue_training(studio.db, studio.home, studio.dataset, studio.base, "lora", settings, "mara")
    launch.ensure_worker(studio.home)
    workshop.wait_for_step(job, 2)
    queue.pause(studio.db, job.id)
    told = workshop.follow(job)
    assert isinstance(told[-1], Paused)
    most = max(event.memory for event in Tail(studio.home.events(job.id)).read() if isinstance(event, Step))
    worker = launch.worker_pid(studio.home)
    assert worker is not None, "the worker is still there"
    assert most > STEP
    until(lambda: resident(worker) < most / 2)
