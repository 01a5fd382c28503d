"""The queue without a worker: states, order, chains, and what is asked of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.jobs.stand_ins import spec
from zen_tui.jobs import launch, queue
from zen_tui.jobs.events import Writer
from zen_tui.jobs.feed import JobFeed
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, DiskFull, NotFound, Refused
from zen_tui.library.paths import Home
from zen_tui.library.records import Job


def put(db: Database, home: Home, title: str = "pictures", after: Job | None = None) -> Job:
    return queue.enqueue(db, home, spec("draw", 2), title, after.id if after else None)


def status(db: Database, job: Job) -> str:
    return queue.job(db, job.id).status


def take(db: Database) -> Job:
    taken = queue.claim(db)
    assert taken is not None
    return taken


def test_a_queued_job_has_a_row_and_a_spec_that_reads_back(db: Database, home: Home) -> None:
    job = put(db, home, "two pictures")
    assert (job.kind, job.title, job.status, job.attempt) == ("generate", "two pictures", "queued", 0)
    assert queue.spec_of(home, job.id) == spec("draw", 2)


@pytest.mark.parametrize(
    "damage", [None, b"", b'{"kind": "unheard of", "spec": {}}'], ids=["gone", "empty", "unknown"]
)
def test_a_damaged_spec_is_a_sentence(db: Database, home: Home, damage: bytes | None) -> None:
    job = put(db, home)
    path = home.job(job.id) / "spec.json"
    path.unlink() if damage is None else path.write_bytes(damage)

    with pytest.raises(BadFile, match=r"spec\.json"):
        queue.spec_of(home, job.id)


def test_a_full_disk_leaves_no_row(db: Database, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise DiskFull(f"The disk filled up while writing {path.name}.")

    monkeypatch.setattr(queue, "write_file", full)
    with pytest.raises(DiskFull):
        put(db, home)
    assert queue.jobs(db) == []


def test_a_missing_job_is_named(db: Database) -> None:
    with pytest.raises(NotFound, match="There is no job 7"):
        queue.job(db, 7)


def test_jobs_are_taken_in_order_and_each_once(db: Database, home: Home) -> None:
    first, second = put(db, home), put(db, home)
    assert [take(db).id, take(db).id] == [first.id, second.id]
    assert queue.claim(db) is None
    assert not queue.claimable(db)


def test_many_takers_never_take_the_same_job(db: Database, home: Home) -> None:
    for _ in range(12):
        put(db, home)
    taken: list[int] = []

    def taker() -> None:
        with Database.open(home) as own:
            while job := queue.claim(own):
                taken.append(job.id)

    threads = [threading.Thread(target=taker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 13))


def test_moving_changes_the_order_of_what_waits(db: Database, home: Home) -> None:
    a, b, c = put(db, home), put(db, home), put(db, home)
    queue.move(db, c.id, -2)
    assert [job.id for job in queue.jobs(db)] == [c.id, a.id, b.id]
    queue.move(db, c.id, 1)
    queue.move(db, b.id, 99)
    assert [take(db).id, take(db).id, take(db).id] == [a.id, c.id, b.id]
    with pytest.raises(Refused, match="running"):
        queue.move(db, a.id, 1)


def test_a_held_job_is_not_taken_until_it_is_resumed(db: Database, home: Home) -> None:
    held, other = put(db, home), put(db, home)
    queue.pause(db, held.id)
    assert take(db).id == other.id
    assert queue.claim(db) is None
    queue.resume(db, held.id)
    assert take(db).id == held.id


def test_a_cancelled_job_is_never_taken(db: Database, home: Home) -> None:
    job = put(db, home)
    queue.cancel(db, job.id)
    assert queue.claim(db) is None
    assert queue.job(db, job.id).finished is not None


def test_what_has_ended_cannot_be_asked_anything(db: Database, home: Home) -> None:
    job = put(db, home)
    queue.finish(db, take(db), "done")
    for ask in (queue.pause, queue.cancel, queue.resume):
        with pytest.raises(Refused, match="done already"):
            ask(db, job.id)


def test_a_chain_goes_link_by_link(db: Database, home: Home) -> None:
    first = put(db, home)
    second = put(db, home, after=first)
    taken = take(db)
    assert queue.claim(db) is None, "the second waits while the first runs"
    queue.finish(db, taken, "paused")
    assert queue.claim(db) is None, "and while it is paused"
    assert status(db, second) == "queued"
    queue.resume(db, first.id)
    queue.finish(db, take(db), "done")
    assert take(db).id == second.id


@pytest.mark.parametrize(("fate", "reason"), [("failed", "failed"), ("cancelled", "was cancelled")])
def test_a_broken_chain_is_cancelled_to_its_end_with_the_reason(
    db: Database, home: Home, fate: str, reason: str
) -> None:
    first = put(db, home)
    second = put(db, home, after=first)
    third = put(db, home, after=second)
    queue.finish(db, take(db), fate, "no more memory")  # type: ignore[arg-type]
    assert queue.job(db, second.id).error == f"Job {first.id}, which comes before it, {reason}."
    assert queue.job(db, third.id).error == f"Job {second.id}, which comes before it, was cancelled."
    assert queue.claim(db) is None


def test_resuming_the_first_of_a_broken_chain_brings_back_what_fell_with_it(db: Database, home: Home) -> None:
    first = put(db, home)
    second = put(db, home, after=first)
    third = put(db, home, after=second)
    unwanted = put(db, home, after=first)
    queue.cancel(db, unwanted.id)
    queue.finish(db, take(db), "failed", "no more memory")
    with pytest.raises(Refused, match=f"comes after job {first.id}, which failed"):
        queue.resume(db, second.id)
    queue.resume(db, first.id)
    assert [status(db, job) for job in (first, second, third, unwanted)] == [*["queued"] * 3, "cancelled"]
    assert queue.job(db, first.id).error == ""


def test_an_attempt_that_was_taken_over_can_change_nothing(db: Database, home: Home) -> None:
    put(db, home)
    stale = take(db)
    queue.recover(db, home)
    current = take(db)
    feed = JobFeed(db, stale, Writer(home.events(stale.id)), lambda: False)
    feed.progressed(9, 9)
    assert feed.asked() == "stop"
    assert not queue.finish(db, stale, "failed", "too late")
    assert queue.job(db, stale.id) == current


@pytest.mark.parametrize(("wish", "end"), [(queue.cancel, "cancelled"), (queue.pause, "paused")])
def test_a_wish_that_comes_while_the_worker_leaves_still_counts(
    db: Database, home: Home, wish: object, end: str
) -> None:
    job = put(db, home)
    taken = take(db)
    assert callable(wish)
    wish(db, job.id)
    assert status(db, job) == "running"
    queue.finish(db, taken, "queued")
    assert status(db, job) == end


@pytest.mark.parametrize(
    ("wish", "end"), [(None, "interrupted"), (queue.pause, "paused"), (queue.cancel, "cancelled")]
)
def test_recovery_does_what_was_asked_before_the_death(db: Database, home: Home, wish: object, end: str) -> None:
    job = put(db, home)
    take(db)
    if callable(wish):
        wish(db, job.id)
    assert [dead.status for dead in queue.recover(db, home)] == [end]
    assert "died" in launch.death_report(home, queue.job(db, job.id)) or end != "interrupted"


def test_three_deaths_without_progress_fail_a_job_with_its_last_words(db: Database, home: Home) -> None:
    job = put(db, home)
    for death in range(3):
        assert take(db).attempt == death + 1
        (home.job(job.id) / "log.txt").write_text(f"\x1b[31mloading\n\ndeath {death}\n")
        queue.recover(db, home)
    failed = queue.job(db, job.id)
    assert failed.status == "failed"
    assert "died 3 times" in failed.error
    assert failed.error.endswith("loading\ndeath 2")
    assert "\x1b" not in failed.error
    assert queue.claim(db) is None
    queue.resume(db, job.id)
    assert queue.job(db, job.id).stalls == 0


def test_getting_further_than_ever_clears_the_count_and_repeating_does_not(db: Database, home: Home) -> None:
    job = put(db, home)
    for step, stalls in ((5, 1), (4, 2), (5, 3)):
        if step == 4:
            assert queue.job(db, job.id).stalls == 1
        feed = JobFeed(db, take(db), Writer(home.events(job.id)), lambda: False)
        feed.progressed(step, 10)
        queue.recover(db, home)
        assert queue.job(db, job.id).stalls == stalls
    assert status(db, job) == "failed"
    queue.resume(db, job.id)
    for step in (6, 7, 8, 9):
        feed = JobFeed(db, take(db), Writer(home.events(job.id)), lambda: False)
        feed.progressed(step, 10)
        queue.recover(db, home)
    assert status(db, job) == "interrupted"


def test_wishes_reach_running_work_once(db: Database, home: Home) -> None:
    job = put(db, home)
    with pytest.raises(Refused, match="not running"):
        queue.request(db, job.id, "sample")
    feed = JobFeed(db, take(db), Writer(home.events(job.id)), lambda: False)
    assert feed.requests() == set()
    queue.request(db, job.id, "sample")
    queue.request(db, job.id, "checkpoint")
    assert feed.requests() == {"sample", "checkpoint"}
    assert feed.requests() == set()
