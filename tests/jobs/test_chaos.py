"""Kill -9 at random moments, over and over: nothing recorded is ever missing, torn, twice or wrong."""

from __future__ import annotations

import random
import signal
import subprocess
from functools import partial

import pytest

from tests.jobs.conftest import Workshop, until
from tests.jobs.stand_ins import content
from zen_tui.jobs import launch, queue
from zen_tui.library.durable import TEMPORARY, hash_file

JOBS, PICTURES = 4, 30


def faults(shop: Workshop) -> list[str]:
    """Every way in which what is recorded disagrees with what is there."""
    found = []
    if (said := shop.db.rows("PRAGMA integrity_check")[0][0]) != "ok":
        found.append(f"database: {said}")
    found += [f"dangling: {tuple(row)}" for row in shop.db.rows("PRAGMA foreign_key_check")]
    rows = shop.db.rows("SELECT job_id, idx, hash, path FROM pictures")
    if len({(row["job_id"], row["idx"]) for row in rows}) != len(rows):
        found.append("a picture is recorded twice")
    for row in rows:
        path = shop.home.resolve(row["path"])
        if not path.exists():
            found.append(f"missing: {row['job_id']}/{row['idx']}")
        elif hash_file(path) != row["hash"] or path.read_bytes() != content(row["job_id"], row["idx"]):
            found.append(f"torn: {row['job_id']}/{row['idx']}")
    states = [(job.id, job.status) for job in queue.jobs(shop.db)]
    if sum(status == "running" for _, status in states) > 1:
        found.append("two jobs run")
    for id, status in states:
        made = sum(row["job_id"] == id for row in rows)
        if status == "done" and made != PICTURES:
            found.append(f"job {id} is done with {made} pictures")
        if status == "failed" and "died 3 times" not in (error := queue.job(shop.db, id).error):
            found.append(f"job {id} failed: {error}")
    return found


def torment(shop: Workshop, what: str, kills: int, seed: int) -> list[str]:
    """Kill workers until `kills` of them died at work; return the faults seen on the way."""
    rng = random.Random(seed)
    seen: list[str] = []
    killed = started = 0
    while killed < kills:
        if not _work_left(shop):
            for _ in range(JOBS):
                shop.queue(what, PICTURES)
        worker = shop.start()
        until(partial(_at_work_or_gone, shop, worker))
        try:
            worker.wait(timeout=rng.random() * 0.25)
        except subprocess.TimeoutExpired:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            killed += 1
        shop.processes.remove(worker)
        started += 1
        seen += faults(shop)
        assert started < 5 * kills, "workers end before they can be killed"
    return seen


def _at_work_or_gone(shop: Workshop, worker: subprocess.Popen[bytes]) -> bool:
    return launch.worker_pid(shop.home) == worker.pid or worker.poll() is not None


def _work_left(shop: Workshop) -> bool:
    """Whether a worker would find work; jobs given up after three deaths are taken up again."""
    states = []
    for job in queue.jobs(shop.db):
        states.append((queue.resume(shop.db, job.id) if job.status == "failed" else job).status)
    return any(status in ("queued", "interrupted", "running") for status in states)


def survive(shop: Workshop, kills: int, seed: int) -> None:
    assert torment(shop, "draw", kills, seed) == []
    recovered = shop.db.rows("SELECT sum(attempt) - count(*) FROM jobs WHERE attempt > 0")[0][0]
    assert recovered > kills / 10, "too few kills hit a job at work to prove anything"
    while _work_left(shop):
        for job in queue.jobs(shop.db):
            shop.follow(job)
    assert faults(shop) == []
    assert {job.status for job in queue.jobs(shop.db)} == {"done"}
    blobs = {path.name for path in shop.home.pictures.iterdir()}
    assert blobs == {row["hash"] for row in shop.db.rows("SELECT hash FROM pictures")}
    assert not any(name.startswith(TEMPORARY) for name in blobs)


def test_killing_workers_at_random_loses_nothing(workshop: Workshop) -> None:
    survive(workshop, kills=12, seed=1)


@pytest.mark.slow
def test_killing_two_hundred_workers_loses_nothing(workshop: Workshop) -> None:
    survive(workshop, kills=200, seed=2)


@pytest.mark.slow
def test_the_watcher_sees_faults_when_pictures_are_recorded_carelessly(workshop: Workshop) -> None:
    """The control: rows before files and files written in place must be caught by the same torment."""
    assert torment(workshop, "draw_carelessly", kills=60, seed=3) != []
