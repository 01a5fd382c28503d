"""The worker as a real process: it ends jobs, stops when asked, survives, and hands on when it dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.helpers import python
from tests.jobs.conftest import PATIENCE, Workshop, until
from zen_tui.jobs import events, launch, queue
from zen_tui.library.errors import ZenError
from zen_tui.library.events import AnyEvent, Cancelled, Done, Failed, Made, Note, Paused, Resumed, Starting
from zen_tui.library.paths import Home
from zen_tui.library.pictures import of_job


def result(told: list[AnyEvent]) -> dict[str, object]:
    assert isinstance(told[-1], Done), told[-1]
    return told[-1].result


def test_a_job_is_done_and_tells_it(workshop: Workshop) -> None:
    job = workshop.queue("draw", count=3)
    told = workshop.follow(job)
    assert [type(event) for event in told] == [Starting, Made, Made, Made, Done]
    assert result(told) == {"count": 3}
    ended = queue.job(workshop.db, job.id)
    assert (ended.status, ended.step, ended.steps, ended.attempt, ended.error) == ("done", 3, 3, 1, "")
    assert len(of_job(workshop.db, job.id)) == 3


def test_the_worker_is_private_and_locked_before_it_imports_the_work(workshop: Workshop) -> None:
    seen = result(workshop.follow(workshop.queue("look")))
    assert seen == {"filtered": sys.platform == "linux", "torch": False, "umask": 0o077, "screens": False}
    facts = json.loads((workshop.home.root / "worker.json").read_bytes())
    assert facts["pid"] == launch.worker_pid(workshop.home)
    assert facts["lock"]["level"] in ("kernel", "process", "none")


def test_an_error_is_a_sentence_with_a_hint(workshop: Workshop) -> None:
    job = workshop.queue("refuse")
    end = workshop.follow(job)[-1]
    assert isinstance(end, Failed)
    assert (end.message, end.hint) == ("The file mara.safetensors is damaged.", "Copy it again.")
    assert queue.job(workshop.db, job.id).error == "The file mara.safetensors is damaged. Copy it again."


def test_a_fault_of_zens_own_names_places_but_no_values(workshop: Workshop) -> None:
    job = workshop.queue("stumble canary-7f3a")
    end = workshop.follow(job)[-1]
    assert isinstance(end, Failed)
    assert end.message == "Something went wrong inside Zen (RuntimeError)."
    log = (workshop.home.job(job.id) / "log.txt").read_text()
    assert "in stumble" in log
    written = [log, workshop.home.events(job.id).read_text(), (workshop.home.root / "worker.log").read_text()]
    assert not any("canary" in text for text in written)


def test_a_failed_job_does_not_stop_the_next(workshop: Workshop) -> None:
    workshop.queue("stumble")
    assert result(workshop.follow(workshop.queue("draw"))) == {"count": 1}


def test_pausing_frees_the_worker_and_resuming_goes_on_from_there(workshop: Workshop) -> None:
    job = workshop.queue("count")
    launch.ensure_worker(workshop.home)
    workshop.wait_for_step(job, 5)
    queue.pause(workshop.db, job.id)
    paused = workshop.follow(job)[-1]
    assert isinstance(paused, Paused)
    assert paused.step >= 5
    assert result(workshop.follow(workshop.queue("draw"))) == {"count": 1}, "others run meanwhile"
    workshop.enough()
    queue.resume(workshop.db, job.id)
    told = workshop.follow(job)
    assert [event.step for event in told if isinstance(event, Resumed)] == [paused.step]
    assert result(told) == {"steps": paused.step}


def test_cancelling_ends_a_running_job(workshop: Workshop) -> None:
    job = workshop.queue("count")
    launch.ensure_worker(workshop.home)
    workshop.wait_for_step(job, 3)
    queue.cancel(workshop.db, job.id)
    assert isinstance(workshop.follow(job)[-1], Cancelled)
    assert workshop.status(job) == "cancelled"


def test_a_wish_reaches_the_work(workshop: Workshop) -> None:
    job = workshop.queue("count")
    launch.ensure_worker(workshop.home)
    workshop.wait_for_step(job, 1)
    queue.request(workshop.db, job.id, "sample")
    tail = events.Tail(workshop.home.events(job.id))
    until(lambda: any(isinstance(e, Note) and e.text == "wished: sample" for e in tail.read()))


def test_sigterm_puts_the_job_back_and_the_next_worker_goes_on(workshop: Workshop) -> None:
    job = workshop.queue("count")
    worker = workshop.start()
    workshop.wait_for_step(job, 5)
    worker.send_signal(signal.SIGINT)  # ctrl+c in some terminal is not meant for the worker
    worker.terminate()
    assert worker.wait(PATIENCE) == 0
    assert workshop.status(job) == "queued"
    assert not launch.worker_alive(workshop.home)
    workshop.enough()
    told = workshop.follow(job)
    assert [event.attempt for event in told if isinstance(event, Starting)] == [1, 2]
    assert any(isinstance(event, Resumed) and event.step >= 5 for event in told)
    assert isinstance(told[-1], Done)


def test_after_kill_9_the_next_worker_takes_the_job_up(workshop: Workshop) -> None:
    job = workshop.queue("count")
    launch.ensure_worker(workshop.home)
    workshop.wait_for_step(job, 5)
    workshop.kill()
    assert "died" in launch.death_report(workshop.home, queue.job(workshop.db, job.id))
    workshop.enough()
    told = workshop.follow(job)
    assert [event.attempt for event in told if isinstance(event, Starting)] == [1, 2]
    assert isinstance(told[-1], Done)
    assert launch.death_report(workshop.home, queue.job(workshop.db, job.id)) == ""


def test_a_second_worker_leaves_at_once_and_quietly(workshop: Workshop) -> None:
    job = workshop.queue("count")
    first = workshop.start()
    workshop.wait_for_step(job, 1)
    second = subprocess.run(
        [sys.executable, "-m", "zen_tui.jobs.worker"], capture_output=True, timeout=PATIENCE, check=False
    )
    assert (second.returncode, second.stdout, second.stderr) == (0, b"", b"")
    assert launch.worker_pid(workshop.home) == first.pid
    assert queue.job(workshop.db, job.id).attempt == 1
    workshop.enough()
    assert isinstance(workshop.follow(job)[-1], Done)


def test_a_worker_that_cannot_start_says_so(workshop: Workshop) -> None:
    workshop.home.worker_lock.mkdir()
    with pytest.raises(ZenError, match=r"could not start.*worker\.log ends with: Zen ran into a fault"):
        launch.ensure_worker(workshop.home)


def test_asking_for_a_worker_often_starts_one(workshop: Workshop) -> None:
    job = workshop.queue("count")
    for _ in range(20):
        launch.ensure_worker(workshop.home)
    assert len(launch._started) == 1
    workshop.wait_for_step(job, 1)
    assert launch.worker_pid(workshop.home) == launch._started[0].pid


def test_a_job_outlives_whoever_queued_it(workshop: Workshop) -> None:
    code = """
import os, signal
from tests.jobs.stand_ins import spec
from zen_tui.jobs import launch, queue
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
home = Home.find()
with Database.open(home) as db:
    job = queue.enqueue(db, home, spec("count"), "counting")
    launch.ensure_worker(home)
print(job.id, flush=True)
os.killpg(os.getpgid(0), signal.SIGKILL)
"""
    dead = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, start_new_session=True, timeout=PATIENCE, check=False
    )
    assert dead.returncode == -signal.SIGKILL
    job = queue.job(workshop.db, int(dead.stdout))
    workshop.wait_for_step(job, 3)
    workshop.enough()
    until(lambda: workshop.status(job) == "done")
    assert queue.job(workshop.db, job.id).attempt == 1


def test_a_chain_runs_in_order_and_breaks_with_a_reason(workshop: Workshop) -> None:
    first = workshop.queue("draw")
    second = workshop.queue("refuse", after=first.id)
    third = workshop.queue("draw", after=second.id)
    end = workshop.follow(third)
    assert [type(event) for event in end] == [Cancelled]
    assert [workshop.status(job) for job in (first, second, third)] == ["done", "failed", "cancelled"]
    assert queue.job(workshop.db, third.id).error == f"Job {second.id}, which comes before it, failed."
    assert not workshop.home.events(third.id).exists()


def test_a_job_that_kills_its_worker_three_times_is_failed_with_its_last_words(workshop: Workshop) -> None:
    job = workshop.queue("die")
    healthy = workshop.queue("draw")
    end = workshop.follow(job)[-1]
    assert isinstance(end, Failed)
    assert "died 3 times" in end.message
    assert end.message.endswith("memory is running out")
    assert queue.job(workshop.db, job.id).attempt == 3
    assert isinstance(workshop.follow(healthy)[-1], Done)


def test_a_job_that_gets_further_each_time_is_not_given_up(workshop: Workshop) -> None:
    assert result(workshop.follow(workshop.queue("die_further"))) == {"deaths": 4}


def test_a_job_that_comes_while_the_worker_is_leaving_is_not_left_behind(workshop: Workshop) -> None:
    code = """
from tests.jobs.stand_ins import spec
from zen_tui.jobs import launch, queue
from zen_tui.jobs.worker import Worker
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.privacy.lock import LockState
home, release = Home.find(), launch.release_lock
def release_late():
    if not queue.jobs(db):
        queue.enqueue(db, home, spec("draw"), "late")  # by somebody who has just seen the worker alive
    release()
launch.release_lock = release_late
assert launch.take_lock(home)
with Database.open(home) as db:
    Worker(home, db, LockState("none"), idle=0).run()
    print([job.status for job in queue.jobs(db)])
"""
    assert python(code).stdout == "['done']\n"
    assert not launch.worker_alive(workshop.home)


def test_an_idle_worker_ends_and_frees_its_lock(workshop: Workshop) -> None:
    worker = workshop.start()
    assert worker.wait(PATIENCE) == 0
    assert not launch.worker_alive(workshop.home)


def test_leftovers_of_the_dead_are_swept_and_work_of_the_living_is_not(workshop: Workshop) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = workshop.home.pictures / "2026" / f".tmp-{dead.pid}-a.png"
    kept = workshop.home.pictures / "2026" / f".tmp-{os.getpid()}-b.png"
    left.parent.mkdir()
    for path in (left, kept):
        path.touch()
    workshop.follow(workshop.queue("draw"))
    assert not left.exists()
    assert kept.exists()


def test_looking_at_the_lock_from_the_worker_does_not_drop_it(home: Home) -> None:
    code = """
import subprocess, sys
from zen_tui.jobs import launch
from zen_tui.library.paths import Home
home = Home.find()
assert launch.take_lock(home)
assert launch.worker_alive(home)
look = "from zen_tui.jobs.launch import *; print(worker_pid(Home.find()))"
print(subprocess.check_output([sys.executable, "-c", look], text=True).strip())
import os; print(os.getpid())
"""
    seen, pid = python(code).stdout.split()
    assert seen == pid
