"""A job's `log.txt`: everything that the worker and its libraries print while the job runs."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from zen_tui.library.paths import Home
from zen_tui.library.text import clean

TAIL = 64 * 1024  # bytes


@contextlib.contextmanager
def captured(home: Home, job_id: int) -> Iterator[None]:
    """Send standard output and error, also those of native code, to the job's log while the body runs."""
    folder = home.job(job_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    before = [os.dup(1), os.dup(2)]
    try:
        _point_output_at(log, log)
        yield
    finally:
        _point_output_at(*before)
        for handle in (log, *before):
            os.close(handle)


def _point_output_at(output: int, error: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os.dup2(output, 1)
    os.dup2(error, 2)


def tail(home: Home, job_id: int, lines: int = 8) -> list[str]:
    """The last lines of a job's log that are not empty, made safe to show."""
    try:
        with open(home.job(job_id) / "log.txt", "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            text = file.read().decode(errors="replace").replace("\r", "\n")
    except OSError:
        return []
    return [clean(line.rstrip()) for line in text.split("\n") if line.strip()][-lines:]


def last_words(home: Home, job_id: int) -> str:
    """A sentence with the last lines of the job's log."""
    lines = tail(home, job_id)
    return "Its log ends with:\n" + "\n".join(lines) if lines else "It left nothing in its log."
