"""How long steps take and how much memory they use."""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from zen_tui.mannequins.memory import give_back_memory

_PAGES, _STATUS, _FORGET = (Path("/proc/self") / name for name in ("statm", "status", "clear_refs"))
_PEAK = "5"  # proc(5): sets the peak of the resident memory to what is in use now


class Clock:
    """Seconds spent on steps alone, `before` included, and how many steps a second there were lately."""

    def __init__(self, before: float) -> None:
        self.seconds = before
        self.last = time.monotonic()
        self.pace = 0.0
        self.took: list[float] = []

    def start(self) -> None:
        """A step begins."""
        self.last = time.monotonic()

    def tick(self) -> tuple[float, float]:
        """A step is done. Returns (seconds so far, steps a second)."""
        now = time.monotonic()
        took, self.last = now - self.last, now
        self.seconds += took
        self.took.append(took)
        rate = 1 / max(took, 1e-9)
        self.pace = 0.9 * self.pace + 0.1 * rate if self.pace else rate
        return self.seconds, self.pace

    def median(self) -> float:
        """Seconds of a usual step: the first ones, while kernels are chosen, take many times as long."""
        return statistics.median(self.took) if self.took else 0.0


class Peak:
    """The most memory that a training takes, from when this is made."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._before = 0
        forget_peak(device)

    @property
    def bytes(self) -> int:
        return max(self._before, peak_memory(self.device))

    @contextlib.contextmanager
    def loading(self) -> Iterator[None]:
        """Weights are read meanwhile. On a CPU they count by what stays of them: while a file is read its pages
        are in memory too, and those the system takes back when it wants them."""
        give_back_memory()
        before = self.bytes
        yield
        if self.device.type != "cuda":
            give_back_memory()
            self._before = before
            forget_peak(self.device)


def memory_in_use(device: torch.device) -> int:
    """Bytes of GPU memory in use, or of this process on a CPU."""
    if device.type == "cuda":
        return int(torch.cuda.memory_allocated(device))
    if _PAGES.exists():
        return int(_PAGES.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return peak_memory(device)


def forget_peak(device: torch.device) -> None:
    """Let `peak_memory` tell of what comes from now on: the worker may have done other jobs before."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif _FORGET.exists():
        with contextlib.suppress(OSError), _FORGET.open("w") as file:
            file.write(_PEAK)


def peak_memory(device: torch.device) -> int:
    """The most bytes that were in use at any time since `forget_peak`, or since the process began."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if _STATUS.exists():
        found = [line.split()[1] for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:")]
        if found:
            return int(found[0]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # Linux counts in kilobytes
