"""Sees what changed in the queue and in the worker's state since the last look, cheaply."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from zen_tui.library.database import Database, record
from zen_tui.library.paths import Home
from zen_tui.library.records import Job

ACTIVE = ("queued", "running", "paused", "interrupted")
ENDED = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class News:
    """`jobs` wait, run or are paused, in the order of the queue; `ended` ended since the look before."""

    jobs: list[Job]
    ended: list[Job]
    lock: str


class JobWatch:
    """Compares the jobs table with what it was. Nothing has ended at the first look."""

    def __init__(self, home: Home, db: Database) -> None:
        self.home = home
        self.db = db
        self._version: tuple[int, int, float] | None = None
        self._active: set[int] | None = None

    def look(self) -> News | None:
        """What is new, or None when neither the database nor the worker's state changed."""
        version = self._versions()
        if version == self._version:
            return None
        self._version = version
        marks = ", ".join("?" * len(ACTIVE))
        rows = self.db.rows(f"SELECT * FROM jobs WHERE status IN ({marks}) ORDER BY position, id", *ACTIVE)
        jobs = [record(row, Job) for row in rows]
        active = {job.id for job in jobs}
        ended = self._ended((self._active or set()) - active)
        self._active = active
        return News(jobs, ended, self._lock())

    def _ended(self, gone: set[int]) -> list[Job]:
        found = [self.db.row("SELECT * FROM jobs WHERE id = ?", job_id) for job_id in sorted(gone)]
        return [record(row, Job) for row in found if row is not None and row["status"] in ENDED]

    def _versions(self) -> tuple[int, int, float]:
        """Changes when another process, this connection, or the worker's state file wrote."""
        try:
            stamp = (self.home.root / "worker.json").stat().st_mtime
        except OSError:
            stamp = 0.0
        return *self.db.stamp, stamp

    def _lock(self) -> str:
        try:
            raw = msgspec.json.decode((self.home.root / "worker.json").read_bytes())
            return str(raw["lock"]["level"])
        except (OSError, KeyError, TypeError, msgspec.DecodeError):
            return ""
