"""A workshop: a home whose workers use the stand-ins, leave early, and are gone when the test is over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.jobs import stand_ins
from zen_tui.jobs import events, launch, queue
from zen_tui.library.database import Database
from zen_tui.library.events import AnyEvent
from zen_tui.library.paths import Home
from zen_tui.library.records import Job

PATIENCE = 120.0  # seconds after which a test has failed; some wait for torch to be loaded on a busy machine

Until = Callable[[Callable[[], object]], None]


def until(condition: Callable[[], object]) -> None:
    """Return as soon as `condition` holds; fail the test if it does not within `PATIENCE`."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


class Workshop:
    """A queue with workers on it."""

    def __init__(self, home: Home, db: Database) -> None:
        self.home = home
        self.db = db
        self.processes: list[subprocess.Popen[bytes]] = []

    def queue(self, what: str, count: int = 1, after: int | None = None) -> Job:
        return queue.enqueue(self.db, self.home, stand_ins.spec(what, count), what, after)

    def start(self) -> subprocess.Popen[bytes]:
        """A worker as a child of the test, whatever the lock says."""
        process = subprocess.Popen([sys.executable, "-P", "-m", "zen_tui.jobs.worker"], cwd=self.home.root)
        self.processes.append(process)
        return process

    def follow(self, job: Job) -> list[AnyEvent]:
        """Everything the job tells until it ends; fails if it does not end within `PATIENCE`."""
        told: list[AnyEvent] = []
        follower = threading.Thread(
            target=lambda: told.extend(events.follow(self.home, self.db, job.id, every=0.02)), daemon=True
        )
        follower.start()
        follower.join(PATIENCE)
        assert not follower.is_alive(), f"job {job.id} never ended"
        return told

    def status(self, job: Job) -> str:
        return queue.job(self.db, job.id).status

    def wait_for_step(self, job: Job, step: int) -> None:
        tail = events.Tail(self.home.events(job.id))
        until(lambda: any((getattr(event, "step", None) or 0) >= step for event in tail.read()))

    def enough(self) -> None:
        """Let counting jobs come to their end."""
        (self.home.root / "enough").touch()

    def kill(self) -> None:
        """Kill -9 the worker and wait until the kernel has freed its lock."""
        pid = launch.worker_pid(self.home)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: not launch.worker_alive(self.home))


@pytest.fixture
def workshop(home: Home, db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    monkeypatch.setenv("ZEN_TEST_HANDLERS", "tests.jobs.stand_ins")
    monkeypatch.setenv("ZEN_WORKER_IDLE", "0.3")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    shop = Workshop(home, db)
    yield shop
    if pid := launch.worker_pid(home):
        os.kill(pid, signal.SIGKILL)
    for process in (*shop.processes, *launch._started):
        process.kill()
        process.wait()
    launch._started.clear()
