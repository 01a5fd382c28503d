"""Whether a worker lives, and starting one that outlives the terminal.

A worker lives as long as it holds a POSIX lock on `worker.lock`: the kernel frees the lock on any death, so
neither a process number nor a clock has to be trusted. `fcntl.lockf` and not `flock`, because a child that
was forked by a killed worker keeps a `flock`. Closing any handle on the file drops the lock of the whole
process, so it is opened once, here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

from zen_tui.jobs import queue
from zen_tui.jobs.log import last_words
from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Job
from zen_tui.library.text import clean

LOG_LIMIT = 1_000_000  # bytes
PATIENCE = 10.0  # seconds for a worker to come up on a busy machine

_held: int | None = None
_started: list[subprocess.Popen[bytes]] = []


def take_lock(home: Home) -> bool:
    """Become the worker of `home`. False when there is one already."""
    global _held
    if _held is None:
        _held = os.open(home.worker_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(_held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def release_lock() -> None:
    """Stop being the worker; the file stays open, so that `take_lock` can be tried again."""
    if _held is not None:
        fcntl.lockf(_held, fcntl.LOCK_UN)


def worker_alive(home: Home) -> bool:
    """Whether a worker holds the lock. Asks without touching it."""
    return worker_pid(home) is not None


def worker_pid(home: Home) -> int | None:
    """The process that holds the worker lock, or None."""
    if _held is not None:
        return os.getpid()  # this is the worker: opening the file again would drop its lock
    layout = "qqihh" if sys.platform == "darwin" else "hhqqi"  # struct flock
    kind, pid = (3, 2) if sys.platform == "darwin" else (0, 4)
    fields = [0, 0, 0, 0, 0]
    fields[kind] = fcntl.F_WRLCK
    try:
        file = os.open(home.worker_lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        answer = struct.unpack(layout, fcntl.fcntl(file, fcntl.F_GETLK, struct.pack(layout, *fields)))
    finally:
        os.close(file)
    return None if answer[kind] == fcntl.F_UNLCK else int(answer[pid])


def ensure_worker(home: Home) -> None:
    """Start a worker unless one lives; return when it holds the lock, after about 0.2 s. It outlives this process.

    What was queued before the call is seen by a worker, even by one that was just about to leave.

    Raises:
        ZenError: the worker could not start; its last words are in the message.
    """
    _started[:] = [process for process in _started if process.poll() is None]
    if worker_alive(home):
        return
    log = home.create().root / "worker.log"
    process = _spawn(home, log)
    _started.append(process)
    deadline = time.monotonic() + PATIENCE
    while not worker_alive(home) and time.monotonic() < deadline:
        if process.poll():
            words = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise ZenError("The background worker could not start.", clean(f"{log} ends with: {''.join(words)}"))
        if process.returncode == 0:
            return  # another came first, or everything is done already
        time.sleep(0.01)


def _spawn(home: Home, log: Path) -> subprocess.Popen[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT:
            flags |= os.O_TRUNC
    output = os.open(log, flags, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "zen_tui.jobs.worker"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=home.root,
            env={**os.environ, "ZEN_HOME": str(home.root)},
            start_new_session=True,
        )
    finally:
        os.close(output)


def wake(db: Database, home: Home) -> None:
    """Start a worker if there is work for one: something queued, or taken up by one that died."""
    if queue.claimable(db) or db.row("SELECT 1 FROM jobs WHERE status = 'running'"):
        ensure_worker(home)


def death_report(home: Home, job: Job) -> str:
    """A sentence on a job whose worker died without a word, with the last lines of its log; else ''."""
    if job.status == "interrupted" or (job.status == "running" and not worker_alive(home)):
        return f"The worker died while it did this; the next one carries on. {last_words(home, job.id)}"
    return job.error if job.status == "failed" else ""
