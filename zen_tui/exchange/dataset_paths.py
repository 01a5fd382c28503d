"""Where the folders lie that another tool's dataset description names, and what it says in words.

Such descriptions travel: they were written on another machine, in another folder, or on Windows. A folder is
looked for where it is said to be, then beside the description.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from zen_tui.library.errors import BadFile
from zen_tui.library.text import clean, shown
from zen_tui.photos.captions import LONGEST
from zen_tui.photos.open import read

LARGEST = 100_000_000  # bytes of a description


class Settings:
    """One block of a description: its values by name, each checked when it is asked for."""

    def __init__(self, values: dict[str, Any], described_in: Path) -> None:
        self.values, self.described_in = values, described_in

    def text(self, name: str, otherwise: str = "") -> str:
        """A text, made safe to show.

        Raises:
            BadFile: it is there and is no text.
        """
        value = self._value(name, str, otherwise)
        return clean(value, LONGEST).strip()

    def folder(self, name: str) -> Path | None:
        """The folder or file that is named, where it can be found."""
        return find_folder(self._value(name, str, ""), self.described_in)

    def flag(self, name: str, otherwise: bool = False) -> bool:
        """True or false."""
        return bool(self._value(name, bool, otherwise))

    def number(self, name: str, otherwise: float) -> float:
        """A number."""
        value = self._value(name, (int, float), otherwise)
        return float(value)

    def _value(self, name: str, kind: type | tuple[type, ...], otherwise: Any) -> Any:
        value = self.values.get(name)
        if value is None:
            return otherwise
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise BadFile(
                f"{shown(self.described_in)}: {clean(name, 60)} cannot be {clean(repr(value), 60)}.",
                "Correct it in that file and import again.",
            )
        return value


def text_of(path: Path, limit: int = LARGEST) -> str:
    """A description as text.

    Raises:
        BadFile: it cannot be read, is too long, or is no text.
    """
    try:
        data = read(path, limit)
    except BadFile as error:
        raise BadFile(f"{shown(path)} cannot be read: {error.message}.") from None
    if len(data) >= limit:
        raise BadFile(f"{shown(path)} is too long for a description of a dataset.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile(f"{shown(path)} is not text in UTF-8.") from None


def find_folder(named: str, described_in: Path) -> Path | None:
    """The folder or file that a description calls `named`, or None if it is nowhere to be found."""
    if not named.strip() or "\0" in named:
        return None
    pure = PureWindowsPath(named) if "\\" in named else PurePosixPath(named)
    near = described_in.parent
    places = [near / Path(os.path.expanduser(named))]
    if not pure.is_absolute():
        places += [near / Path(*pure.parts), Path.cwd() / Path(*pure.parts)]
    tails = [pure.parts[-count:] for count in (2, 1) if len(pure.parts) > count]
    places += [near / Path(*tail) for tail in tails if ".." not in tail]
    return next((place for place in places if _exists(place)), None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
