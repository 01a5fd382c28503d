"""What the worker hands to running work: the way to tell the world, and the way to hear what it asks."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from zen_tui.jobs.events import Writer
from zen_tui.library.database import Database
from zen_tui.library.events import AnyEvent
from zen_tui.library.records import Job

ASK_EVERY = 0.05  # seconds
RECORD_EVERY = 0.5  # seconds
FOLD_EVERY = 400  # records between two foldings of the write-ahead log, which otherwise grows without end


class JobFeed:
    """The `Feed` of one attempt at one job; see `library.events.Feed`.

    `leaving` says whether the worker itself was asked to go. An attempt that is no longer the job's own is
    told to stop and can record nothing.
    """

    def __init__(self, db: Database, job: Job, writer: Writer, leaving: Callable[[], bool]) -> None:
        self.job_id = job.id
        self.step, self.steps = job.step, job.steps
        self._db = db
        self._attempt = job.attempt
        self._writer = writer
        self._leaving = leaving
        self._control = ""
        self._asked_at = self._recorded_at = float("-inf")
        self._records = 0

    def tell(self, event: AnyEvent) -> None:
        self._writer.tell(event)

    def asked(self) -> str:
        if self._leaving():
            return "stop"
        now = time.monotonic()
        if now - self._asked_at >= ASK_EVERY:
            self._asked_at = now
            row = self._db.row("SELECT control, attempt FROM jobs WHERE id = ?", self.job_id)
            self._control = row["control"] if row and row["attempt"] == self._attempt else "stop"
        return self._control

    def requests(self) -> set[str]:
        row = self._db.row("SELECT requests FROM jobs WHERE id = ? AND requests != '[]'", self.job_id)
        if row is None:
            return set()
        with self._db.transaction() as connection:
            row = self._db.row("SELECT requests FROM jobs WHERE id = ?", self.job_id)
            connection.execute("UPDATE jobs SET requests = '[]' WHERE id = ?", (self.job_id,))
        return set(msgspec.json.decode(row["requests"])) if row else set()

    def durable(self) -> None:
        self._writer.durable()
        self.record()

    def progressed(self, step: int, steps: int) -> None:
        self.step, self.steps = step, steps
        now = time.monotonic()
        if now - self._recorded_at >= RECORD_EVERY or step >= steps:
            self._recorded_at = now
            self.record()

    def record(self) -> None:
        """Write how far the job is; getting further than ever before clears the count of crashes."""
        with self._db.transaction() as connection:
            connection.execute(
                """
                UPDATE jobs SET step = :step, steps = :steps, furthest = max(furthest, :step),
                    stalls = CASE WHEN :step > furthest THEN 0 ELSE stalls END
                WHERE id = :id AND attempt = :attempt
                """,
                {"step": self.step, "steps": self.steps, "id": self.job_id, "attempt": self._attempt},
            )
        self._records += 1
        if self._records % FOLD_EVERY == 0 and not self._db.connection.in_transaction:
            self._db.checkpoint()
