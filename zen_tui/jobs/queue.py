"""The queue: one row a job, short transactions, nothing lost by a kill.

What people ask (pause, cancel, move) is written by any process; taking a job up and ending it is done only
by the worker, which holds the worker lock. A job's row and its `spec.json` come to be together. States:

    queued -> running -> done | failed | cancelled | paused, or interrupted when the worker died
    paused, failed, cancelled, interrupted -> queued on `resume`
"""

from __future__ import annotations

import time
from typing import Literal

import msgspec

from zen_tui.jobs.log import last_words
from zen_tui.library.database import Database, record
from zen_tui.library.durable import write_file
from zen_tui.library.errors import BadFile, NotFound, Refused
from zen_tui.library.paths import Home
from zen_tui.library.records import Job, JobState
from zen_tui.library.specs import Spec, decode_spec, encode_spec

CRASHES_ALLOWED = 3  # without progress between them

Wish = Literal["sample", "checkpoint"]


def enqueue(db: Database, home: Home, spec: Spec, title: str, after: int | None = None) -> Job:
    """Put a job at the end of the queue; with `after`, it waits until that job is done.

    The spec is on disk before the row is visible. May be part of a larger transaction of the caller.

    Raises:
        DiskFull: nothing was queued.
    """
    with db.transaction():
        last = db.row("SELECT max(position) AS position FROM jobs")
        position = (last["position"] if last and last["position"] is not None else 0) + 1
        id = db.insert(
            "jobs",
            kind=spec.kind,
            title=title,
            status="queued",
            after=after,
            position=position,
            created=time.time(),
        )
        write_file(home.job(id) / "spec.json", encode_spec(spec))
        return job(db, id)


def spec_of(home: Home, job_id: int) -> Spec:
    """What a job was asked to do.

    Raises:
        BadFile: its `spec.json` is gone or damaged.
    """
    path = home.job(job_id) / "spec.json"
    try:
        return decode_spec(path.read_bytes())
    except (OSError, msgspec.MsgspecError, KeyError) as error:
        raise BadFile(
            f"{path}, which says what job {job_id} has to do, is missing or damaged.",
            f"`zen jobs cancel {job_id}` takes it out of the queue; queue it again.",
        ) from error


def jobs(db: Database) -> list[Job]:
    """Every job in the order of the queue, newest last."""
    return [record(row, Job) for row in db.rows("SELECT * FROM jobs ORDER BY position, id")]


def job(db: Database, id: int) -> Job:
    """One job. Raises `NotFound`."""
    row = db.row("SELECT * FROM jobs WHERE id = ?", id)
    if row is None:
        raise NotFound(f"There is no job {id}.", "`zen jobs list` shows what there is.")
    return record(row, Job)


# What people ask


def pause(db: Database, id: int) -> Job:
    """Hold a waiting job, or ask a running one to save and stop. Raises `Refused` when it has ended."""
    with db.transaction():
        found = job(db, id)
        if found.status == "running":
            db.update("jobs", id, control="pause")
        elif found.status in ("queued", "interrupted"):
            db.update("jobs", id, status="paused")
        elif found.status != "paused":
            raise Refused(f"Job {id} is {found.status} already.", "Only a job that waits or runs can be paused.")
        return job(db, id)


def resume(db: Database, id: int) -> Job:
    """Queue a paused, failed, cancelled or interrupted job again; it goes on from what it has saved.

    Jobs that were cancelled only because this one failed come back with it.

    Raises:
        Refused: the job is done, or it comes after one that failed or was cancelled.
    """
    with db.transaction():
        found = job(db, id)
        if found.status == "done":
            raise Refused(f"Job {id} is done already.", "Queue a new one to do it again.")
        if found.status == "running":
            db.update("jobs", id, control="")
            return job(db, id)
        before = job(db, found.after) if found.after else None
        if before and before.status in ("failed", "cancelled"):
            raise Refused(
                f"Job {id} comes after job {before.id}, which {_was(before)}.", f"Resume {before.id} first."
            )
        _requeue(db, id)
        return job(db, id)


def extend(db: Database, home: Home, id: int, spec: Spec, steps: int) -> Job:
    """Let a job that does not run do `spec` instead, which goes on from what it has saved to `steps`.

    Raises:
        Refused: the job runs.
    """
    with db.transaction():
        restate(db, home, id, spec)
        db.update("jobs", id, steps=steps)
        _requeue(db, id)
        return job(db, id)


def restate(db: Database, home: Home, id: int, spec: Spec) -> None:
    """Let a job that does not run do `spec` instead when it is taken up next. Raises `Refused` when it runs."""
    with db.transaction():
        if job(db, id).status == "running":
            raise Refused(f"Job {id} is running.", f"`zen jobs pause {id}` holds it; then try again.")
        write_file(home.job(id) / "spec.json", encode_spec(spec))


def _requeue(db: Database, id: int) -> None:
    db.update("jobs", id, status="queued", control="", stalls=0, error="", finished=None)
    dropped = "SELECT id FROM jobs WHERE after = ? AND status = 'cancelled' AND started IS NULL AND error != ''"
    for row in db.rows(dropped, id):
        _requeue(db, row["id"])


def cancel(db: Database, id: int) -> Job:
    """End a job: at once if it waits, after its present step if it runs. Raises `Refused` when it has ended."""
    with db.transaction():
        found = job(db, id)
        if found.status == "running":
            db.update("jobs", id, control="cancel")
        elif found.status in ("queued", "paused", "interrupted"):
            db.update("jobs", id, status="cancelled", control="", finished=time.time())
            _cancel_followers(db)
        elif found.status != "cancelled":
            raise Refused(
                f"Job {id} is {found.status} already.", "Only a job that has not ended can be cancelled."
            )
        return job(db, id)


def request(db: Database, id: int, wish: Wish) -> None:
    """Ask a running job for a sample or a checkpoint now. Raises `Refused` when it does not run."""
    with db.transaction() as connection:
        found = job(db, id)
        if found.status != "running":
            raise Refused(f"Job {id} is not running, it is {found.status}.", "Only a running job can do that.")
        connection.execute("UPDATE jobs SET requests = json_insert(requests, '$[#]', ?) WHERE id = ?", (wish, id))


def move(db: Database, id: int, by: int) -> None:
    """Move a waiting job `by` places towards the end of the queue, or towards its head when negative."""
    with db.transaction():
        found = job(db, id)
        waiting = [j for j in jobs(db) if j.status in ("queued", "interrupted", "paused")]
        order = [j.id for j in waiting]
        if id not in order:
            raise Refused(f"Job {id} is {found.status}.", "Only a job that waits can be moved.")
        place = order.index(id)
        order.insert(max(0, min(len(order) - 1, place + by)), order.pop(place))
        for other, position in zip(order, [j.position for j in waiting], strict=True):
            db.update("jobs", other, position=position)


# What the worker does


def claim(db: Database) -> Job | None:
    """Take up the first job that may run, or None. Each taking-up counts as an attempt."""
    with db.transaction():
        _cancel_followers(db)
        first = db.row(
            """
            SELECT id FROM jobs WHERE status IN ('queued', 'interrupted') AND
                (after IS NULL OR after IN (SELECT id FROM jobs WHERE status = 'done'))
            ORDER BY position, id LIMIT 1
            """
        )
        return _taken(db, first["id"]) if first else None


def take(db: Database, id: int) -> Job:
    """Take up this job and no other, whatever its place. Raises `Refused` when it runs or is done."""
    with db.transaction():
        if (found := job(db, id)).status in ("running", "done"):
            raise Refused(f"Job {id} is {found.status} already.", f"`zen jobs watch {id}` shows it.")
        return _taken(db, id)


def _taken(db: Database, id: int) -> Job:
    row = db.row(
        """
        UPDATE jobs SET status = 'running', attempt = attempt + 1, control = '', requests = '[]', error = '',
            started = coalesce(started, ?), finished = NULL
        WHERE id = ?
        RETURNING *
        """,
        time.time(),
        id,
    )
    assert row is not None
    return record(row, Job)


def claimable(db: Database) -> bool:
    """Whether `claim` would find something to do. Only reads."""
    found = db.row(
        """
        SELECT 1 FROM jobs WHERE status IN ('queued', 'interrupted') AND
            (after IS NULL OR after IN (SELECT id FROM jobs WHERE status IN ('done', 'failed', 'cancelled')))
        LIMIT 1
        """
    )
    return found is not None


def finish(db: Database, taken: Job, status: JobState, error: str = "") -> bool:
    """End or put back a job this worker took up. False if it was meanwhile taken up by another.

    A wish that came too late to be heard still counts: a job put back is then paused or cancelled.
    """
    with db.transaction() as connection:
        asked = job(db, taken.id).control
        if asked == "cancel" and status in ("queued", "paused"):
            status = "cancelled"
        elif asked == "pause" and status == "queued":
            status = "paused"
        ended = time.time() if status in ("done", "failed", "cancelled") else None
        changed = connection.execute(
            """
            UPDATE jobs SET status = ?, error = ?, control = '', finished = ?
            WHERE id = ? AND attempt = ? AND status = 'running'
            """,
            (status, error, ended, taken.id, taken.attempt),
        ).rowcount
        _cancel_followers(db)
    return changed == 1


def recover(db: Database, home: Home) -> list[Job]:
    """Put back what a dead worker had taken up; the caller holds the worker lock. Returns those jobs.

    A job asked to pause or to be cancelled before the death is paused or cancelled. One that has brought
    down the worker three times without getting further is failed, with the last lines of its log.
    """
    with db.transaction():
        found = [record(row, Job) for row in db.rows("SELECT * FROM jobs WHERE status = 'running'")]
        for dead in found:
            stalls = dead.stalls + 1
            status: JobState = "interrupted"
            error, ended = "", None
            if dead.control == "pause":
                status = "paused"
            elif dead.control == "cancel":
                status, ended = "cancelled", time.time()
            elif stalls >= CRASHES_ALLOWED:
                status, ended = "failed", time.time()
                error = f"The worker died {stalls} times without getting further. {last_words(home, dead.id)}"
            db.update("jobs", dead.id, status=status, stalls=stalls, error=error, finished=ended, control="")
        _cancel_followers(db)
        return [job(db, dead.id) for dead in found]


def _cancel_followers(db: Database) -> None:
    """Cancel what waits for a job that failed or was cancelled, and what waits for that, and so on."""
    lost = """
        SELECT later.id, before.id AS cause, before.status AS fate FROM jobs AS later
        JOIN jobs AS before ON before.id = later.after
        WHERE later.status IN ('queued', 'interrupted', 'paused') AND before.status IN ('failed', 'cancelled')
    """
    while rows := db.rows(lost):
        for row in rows:
            reason = f"Job {row['cause']}, which comes before it, {_FATES[row['fate']]}."
            db.update("jobs", row["id"], status="cancelled", error=reason, control="", finished=time.time())


_FATES = {"failed": "failed", "cancelled": "was cancelled"}


def _was(job: Job) -> str:
    return _FATES[job.status]
