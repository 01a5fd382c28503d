"""What the status line says, worked out without a widget: the lock, GPU memory, the running job."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from zen_tui.library.records import Job
from zen_tui.library.text import duration

BARS = 8


@dataclass
class Status:
    """`lock` is the level the worker probed ('' before any worker ran); memory is (used, total) bytes."""

    lock: str = ""
    memory: tuple[int, int] | None = None
    job: Job | None = None
    waiting: int = 0
    pace: list[tuple[float, int]] = field(default_factory=list)  # (clock, step) of the running job

    def follow(self, running: Job | None, waiting: int) -> None:
        """Take note of where the running job is, for the time left."""
        if running is None or self.job is None or running.id != self.job.id:
            self.pace = []
        self.job, self.waiting = running, waiting
        if running and (not self.pace or running.step != self.pace[-1][1]):
            if self.pace and running.step < self.pace[-1][1]:
                self.pace = []
            self.pace = [*self.pace[-40:], (time.monotonic(), running.step)]

    def left(self) -> float | None:
        """Seconds until the running job is done at its present speed; None before that is known."""
        if self.job is None or len(self.pace) < 3:
            return None
        (began, first), (now, last) = self.pace[0], self.pace[-1]
        if last <= first or now - began < 1:
            return None
        return (self.job.steps - last) * (now - began) / (last - first)

    def parts(self) -> list[tuple[str, str]]:
        """Runs of (text, name of a theme colour)."""
        found = list(LOCKS.get(self.lock, LOCKS[""]))
        if self.memory and self.memory[1]:
            used, total = self.memory
            filled = min(BARS, round(BARS * used / total))
            found += [("   " + "▮" * filled, "primary"), ("▯" * (BARS - filled), "muted")]
            found.append((f" {used / 1e9:.1f}/{total / 1e9:.0f} GB", "foreground"))
        if self.job:
            found += [("   ▸ ", "attention"), (self.job.title, "foreground")]
            if self.job.steps:
                found.append((f" {self.job.step:,}/{self.job.steps:,}", "foreground"))
            if (left := self.left()) is not None:
                found.append((f" {duration(left)}", "muted"))
            if self.waiting:
                found.append((f" +{self.waiting}", "muted"))
        elif self.waiting:
            found.append((f"   {self.waiting} waiting", "muted"))
        return found


LOCKS: dict[str, tuple[tuple[str, str], ...]] = {
    "kernel": (("● ", "primary"), ("offline, locked", "foreground")),
    "process": (("● ", "primary"), ("offline", "foreground")),
    "named": (("▲ ", "attention"), ("joined with machines you named", "attention")),
    "none": (("▲ ", "attention"), ("offline lock missing", "attention")),
    "": (("○ ", "muted"), ("no worker yet", "muted")),
}
