"""Starting the other processes of a job, and ending them: none outlives the first.

A helper is a child of the worker and so behind the same lock from its first instruction on. The kernel ends it
when the worker dies; it writes no file, so that ending it is safe at any moment.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zen_tui.library.errors import ZenError
from zen_tui.library.paths import Home
from zen_tui.ranks.cards import require_cards
from zen_tui.ranks.links import Area, Link, Lost, pair
from zen_tui.ranks.team import ALONE, Team

PROGRAM = "zen_tui.jobs.rank"
PR_SET_PDEATHSIG = 1
PATIENCE = 5.0  # seconds for the kernel to end a process


@dataclass(frozen=True)
class Machines:
    """What this machine is among several: `first` is the number of its first process, `size` how many there are
    on all of them, `up` the line to the first machine, `down` the lines to the others there."""

    first: int
    size: int
    up: Link | None = None
    down: Sequence[Link] = ()


met: list[Machines] = []
"""The machines that this one has met and not yet worked with; at most one meeting."""


@contextlib.contextmanager
def team_of(count: int, home: Home, kind: str, machines: int = 1) -> Iterator[Team]:
    """This process with `count` - 1 helpers for a job of `kind`, on each of `machines` that have met; helpers are
    gone and lines are cut when the body is left.

    Raises:
        WrongUse: there are fewer than `count` cards.
        ZenError: a helper died or could not do its part; said of whichever was noticed first.
    """
    cards = require_cards(count)
    here = _machines(count, machines)
    if here.size == 1:
        yield ALONE
        return
    helpers: list[tuple[Link, subprocess.Popen[bytes]]] = []
    try:
        for index in range(1, count):
            helpers.append(_start(home, kind, here.first + index, here.size, cards[index]))
        yield Team(here.first, here.size, here.up, [*(link for link, _ in helpers), *here.down])
    except Lost as lost:
        if lost.link is here.up:
            raise
        status = next((_end(process) for link, process in helpers if link is lost.link), None)
        raise ZenError(
            f"{lost.link.name} {_fate(status)}, and the job cannot go on without it.",
            "What was made is kept. The job's log may say more; resume it to go on.",
        ) from None
    finally:
        for link, process in helpers:
            _end(process, now=True)
            link.close()
        for link in (*here.down, *([here.up] if here.up else [])):
            link.close()


def _machines(count: int, machines: int) -> Machines:
    if machines == 1:
        return Machines(0, count)
    if not met:
        raise ZenError(
            f"This run is shared by {machines} machines, and they have not met.",
            "`zen train-node --lead RUN` on this one waits for the others, and says what to type there.",
        )
    return met.pop()


def _start(home: Home, kind: str, index: int, count: int, card: str) -> tuple[Link, subprocess.Popen[bytes]]:
    ours, theirs = pair(f"Process {index + 1} of {count}")
    assert theirs.area is not None
    handles = (theirs.reading, theirs.writing, theirs.area.handle)
    numbers = [*handles, index, count, os.getpid()]
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", PROGRAM, kind, *map(str, numbers)],
            stdin=subprocess.DEVNULL,
            cwd=home.root,
            env={**os.environ, "ZEN_HOME": str(home.root), **({"CUDA_VISIBLE_DEVICES": card} if card else {})},
            pass_fds=handles,
        )
    finally:
        theirs.close()
    return ours, process


def _end(process: subprocess.Popen[bytes], *, now: bool = False) -> int | None:
    """The exit status of a process that is gone or, with `now`, has to go."""
    if now:
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(PATIENCE)
    return None


def _fate(status: int | None) -> str:
    if status is None:
        return "is gone"
    with contextlib.suppress(ValueError):
        return f"died ({signal.Signals(-status).name})"
    return "died"


def join(words: Sequence[str]) -> Team:
    """In a helper: its place in the team, from the numbers it was started with; it ends with its parent."""
    reading, writing, area, index, count, parent = map(int, words)
    _end_with(parent)
    for handle in (reading, writing, area):
        os.set_inheritable(handle, False)
    return Team(index, count, up=Link(reading, writing, Area(area), "The first process"))


def _end_with(parent: int) -> None:
    """Let the kernel end this process when `parent` is gone; elsewhere it ends when its line does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel was told
        os._exit(0)
