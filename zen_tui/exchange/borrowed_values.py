"""Values in other tools' files: asked for by name, of any type, and shown in few words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from zen_tui.library.text import clean

LONGEST = 2000  # characters of a text


class Block:
    """One block of a file: its values by name, those that were asked for, and numbers written as text."""

    def __init__(self, values: Any, prefix: str = "") -> None:
        self.values: Mapping[str, Any] = values if isinstance(values, dict) else {}
        self.prefix = prefix
        self.seen: set[str] = set()

    def get(self, name: str) -> Any:
        """The value, or None; '' is none."""
        self.seen.add(name)
        value = self.values.get(name)
        return None if value == "" else value

    def number(self, name: str) -> float | None:
        """The value as a finite number, or None where it is none."""
        return as_number(self.get(name))

    def flag(self, name: str) -> bool | None:
        value = self.get(name)
        return value if isinstance(value, bool) else None

    def word(self, name: str) -> str:
        """The value as a short lower-case word, '' where it is none."""
        value = self.get(name)
        return clean(value, 60).strip().lower() if isinstance(value, str) else ""

    def text(self, name: str) -> str:
        """The value as text on one line, '' where it is none."""
        value = self.get(name)
        return clean(value, LONGEST).strip() if isinstance(value, str) else ""

    def block(self, name: str) -> Block:
        return Block(self.get(name), f"{self.prefix}{name}.")

    def said(self, name: str, otherwise: str = "") -> str:
        """'network.linear = 16', to be shown; 'network.linear, 4 unless named' where it is not there."""
        value = self.values.get(name)
        if value is None:
            return f"{self.prefix}{name}" + (f", {otherwise} unless named" if otherwise else "")
        return f"{self.prefix}{name} = {shown_value(value)}"

    def rest(self) -> list[str]:
        """The names that nobody asked for and that say something."""
        empty = (None, "", False, 0)
        names = [
            name for name, value in self.values.items() if name not in self.seen and not _is_one(value, empty)
        ]
        return [clean(f"{self.prefix}{name}", 60) for name in names]


def as_number(value: Any) -> float | None:
    """A number, or a text that is one: YAML takes 1e-4 for a text. None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def whole(number: float) -> int | float:
    """A number without a fraction as an int."""
    return int(number) if number == int(number) else number


def sizes_in(value: Any) -> list[float]:
    """The sides of squares of as many pixels, from 1024, '512,768', '1024x768', [512, 768] …"""
    parts = value if isinstance(value, list) else str(value).split(",") if isinstance(value, str) else [value]
    found = []
    for part in parts[:16]:
        sides = (
            [as_number(side) for side in part.lower().split("x")] if isinstance(part, str) else [as_number(part)]
        )
        if any(side is None or side <= 0 for side in sides) or len(sides) > 2:
            return []
        found.append(math.sqrt(math.prod(side or 0 for side in sides) ** (2 / len(sides))))
    return [float(round(side / 8) * 8) for side in found]


def shown_value(value: Any) -> str:
    """A value in a few words; of lists and tables that hold more, only that there are some."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value:g}" if abs(value) < 1e15 else "a large number"
    if isinstance(value, str):
        return clean(value, 60)
    if isinstance(value, list) and all(isinstance(each, (int, float, str)) for each in value[:6]):
        return f"[{', '.join(shown_value(each) for each in value[:6])}{', …' if len(value) > 6 else ''}]"
    return "…"


def last_part(path: str) -> str:
    """The last two parts of a model's name or path, to be shown."""
    pure = PureWindowsPath(path) if "\\" in path else PurePosixPath(path)
    return clean("/".join(pure.parts[-2:]), 80)


def _is_one(value: Any, of: tuple[Any, ...]) -> bool:
    """Whether a plain value is one of these; what is no plain value says something."""
    return not isinstance(value, (dict, list)) and value in of
