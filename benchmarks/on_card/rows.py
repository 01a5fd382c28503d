"""What a check found, one line each: told as it happens, kept as JSON lines, and put into a table at the end."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

Figure = float | int | str | bool | None


class Row(msgspec.Struct, frozen=True):
    """One finding: the check it belongs to, the case, its figures by name, and what is wrong, '' if nothing is."""

    check: str
    case: str
    figures: dict[str, Figure] = {}
    trouble: str = ""

    @property
    def line(self) -> str:
        shown = "  ".join(f"{name} {_shown(value)}" for name, value in self.figures.items() if value is not None)
        return f"{self.check:8} {self.case:36} {shown}{f'  WRONG: {self.trouble}' if self.trouble else ''}"


def _shown(value: Figure) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class Book:
    """Writes rows into `folder`; nothing is begun once `seconds` are over."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self.until = time.monotonic() + seconds

    def add(self, row: Row) -> None:
        with open(self.folder / "rows.jsonl", "ab") as file:
            file.write(msgspec.json.encode(row) + b"\n")
        sys.stdout.write(row.line.rstrip() + "\n")
        sys.stdout.flush()

    def attempt(self, check: str, case: str, work: Callable[[], Iterator[Row]]) -> None:
        """Do `work` and keep its rows; an error of any kind becomes a row, with its place in log.txt."""
        if self._late(check, case):
            return
        try:
            for row in work():
                self.add(row)
                if self._late(check, "the rest"):
                    return
        except Exception as error:
            with open(self.folder / "log.txt", "a") as file:
                file.write(f"{check} {case}\n{traceback.format_exc()}\n")
            self.add(Row(check, case, trouble=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"))

    def _late(self, check: str, case: str) -> bool:
        late = time.monotonic() > self.until
        if late:
            self.add(Row(check, case, {"left out": "there was no time for it"}))
        return late


def read(folder: Path) -> list[Row]:
    """The rows that lie in `folder`."""
    file = folder / "rows.jsonl"
    lines = file.read_bytes().splitlines() if file.exists() else []
    return [msgspec.json.decode(line, type=Row) for line in lines]
