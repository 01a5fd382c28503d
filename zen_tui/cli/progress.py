"""A progress bar on stderr, drawn only when a person is there to see it."""

from __future__ import annotations

import sys
import time

from zen_tui.library.text import duration

WIDTH = 24


class Bar:
    """Counts pieces of work; a context manager that leaves the line clean when it ends."""

    def __init__(self, label: str, total: int = 0) -> None:
        self.label, self.total, self.done = label, total, 0
        self.note = ""
        self.visible = sys.stderr.isatty()
        self.began = self.drawn = time.monotonic()

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def advance(self, by: int = 1) -> None:
        """Another `by` pieces are done."""
        self.at(self.done + by)

    def at(self, done: int, total: int | None = None, note: str = "", label: str | None = None) -> None:
        """`done` pieces of `total` are done; drawn at most ten times a second."""
        self.done, self.total = done, self.total if total is None else total
        self.note, self.label = note, label or self.label
        now = time.monotonic()
        if self.visible and (now - self.drawn > 0.1 or self.done == self.total):
            self.drawn = now
            sys.stderr.write(f"\r\033[K{self._line(now)}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the bar away so that a line can be written."""
        if self.visible:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def _line(self, now: float) -> str:
        if not self.total:
            return f"{self.label}  {self.done:,}  {self.note}"
        filled = min(WIDTH, round(WIDTH * self.done / self.total))
        elapsed = now - self.began
        left = duration(elapsed / self.done * (self.total - self.done)) + " left" if self.done > 1 else ""
        bar = "█" * filled + "·" * (WIDTH - filled)
        return f"{self.label}  {bar}  {self.done:,} of {self.total:,}  {self.note}  {left}"
