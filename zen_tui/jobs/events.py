"""A job's events on disk: appended by the worker, read by offset by anyone.

The worker is the only writer and writes each line with one `write()`, so a reader never meets half a line
for longer than that takes. A line that a killed worker left torn is closed before the next one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from zen_tui.jobs import launch, queue
from zen_tui.library.database import Database
from zen_tui.library.durable import disk_error, sync_folder
from zen_tui.library.events import ENDINGS, AnyEvent, Cancelled, Done, Failed, Paused, Preview
from zen_tui.library.paths import Home
from zen_tui.library.records import Job

CHUNK = 1 << 20  # bytes a reader takes at a time: about ten thousand steps, 20 ms
WAKE_EVERY = 0.5  # seconds between looks whether a worker lives

_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_encode = msgspec.json.Encoder().encode


class Writer:
    """Appends events to one file. One writer to a file, in the process that holds the worker lock."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        sync_folder(path.parent)
        size = os.fstat(self._file).st_size
        self._torn = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"

    def tell(self, event: AnyEvent) -> None:
        """Append `event`, stamped with the present time.

        Raises:
            DiskFull: there is no room for it; the next event starts on a line of its own.
        """
        line = _encode(msgspec.structs.replace(event, t=round(time.time(), 3))) + b"\n"
        if self._torn:
            line = b"\n" + line
        self._torn = True
        try:
            while line:  # once, unless the disk is filling up
                line = line[os.write(self._file, line) :]
        except OSError as error:
            raise disk_error(error, self.path) from error
        self._torn = False

    def durable(self) -> None:
        """Force what was written to disk."""
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


class Tail:
    """Reads a growing file of events from where it stopped the last time. The file need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._partial = b""

    def read(self) -> list[AnyEvent]:
        """The events since the last call, at most about 1 MB of them; empty when there is nothing new.

        Lines that are damaged or of a kind this version does not know are skipped. A file that became
        shorter is read from its start.
        """
        try:
            size = self.path.stat().st_size
            if size == self._offset:
                return []
            if size < self._offset:
                self._offset, self._partial = 0, b""
            with open(self.path, "rb") as file:
                file.seek(self._offset)
                data = file.read(CHUNK)
        except OSError:
            return []
        self._offset += len(data)
        *lines, self._partial = (self._partial + data).split(b"\n")
        return [event for line in lines if (event := _event(line)) is not None]

    def read_all(self) -> Iterator[AnyEvent]:
        """Everything up to the present end of the file."""
        while events := self._read_some():
            yield from events

    def _read_some(self) -> list[AnyEvent]:
        """As `read`, but a chunk of nothing but damaged lines does not look like the end."""
        before = self._offset
        while not (events := self.read()) and self._offset != before:
            before = self._offset
        return events


def _event(line: bytes) -> AnyEvent | None:
    if not line:
        return None
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def follow(home: Home, db: Database, job_id: int, *, every: float = 0.1) -> Iterator[AnyEvent]:
    """A job's events from its beginning until it ends, waiting for more as needed.

    Keeps a worker alive as long as the job needs one. Endings of earlier attempts are left out: exactly one
    ending event comes, as the last, and it is the job's present state. Pictures in the making are left out.
    `every` is how often, in seconds, the size of the file is looked at.

    Raises:
        NotFound: there is no such job.
    """
    tail = Tail(home.events(job_id))
    ending: AnyEvent | None = None
    woken = float("-inf")
    while True:
        job = queue.job(db, job_id)  # before reading: when the row says it ended, the file is complete
        for event in tail.read_all():
            if isinstance(event, ENDINGS):
                ending = event
                continue
            ending = None
            if not isinstance(event, Preview):
                yield event
        if job.status not in ("queued", "running", "interrupted"):
            yield ending if ending is not None and _agrees(ending, job) else _ending_of(job)
            return
        if time.monotonic() - woken > WAKE_EVERY:
            launch.wake(db, home)
            woken = time.monotonic()
        time.sleep(every)


_STATE = {Done: "done", Failed: "failed", Cancelled: "cancelled", Paused: "paused"}


def _agrees(ending: AnyEvent, job: Job) -> bool:
    return _STATE.get(type(ending)) == job.status


def _ending_of(job: Job) -> AnyEvent:
    """The ending of a job whose worker could not tell it, or that never started."""
    if job.status == "cancelled":
        return Cancelled(reason=job.error)
    if job.status == "paused":
        return Paused(step=job.step)
    if job.status == "failed":
        return Failed(message=job.error)
    return Done()
