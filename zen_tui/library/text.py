"""Text from outside, made safe to show and to use as a name.

File names, tensor keys and metadata are foreign: they may carry escape codes, bidirectional overrides or
markup. `clean` is applied before such text is stored for display; it is never used to build a path.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import unicodedata
from collections.abc import Iterable

_INVISIBLE = (
    "Cc",
    "Cf",
    "Cs",
    "Co",
    "Cn",
)  # control, format (directions too), private …
_SPACES = ("Zs", "Zl", "Zp")


def clean(text: str, limit: int = 400) -> str:
    """`text` with nothing but printable characters and plain spaces, cut to `limit` characters."""
    if not text.isprintable():
        text = "".join(
            " " if ch in "\t\r\n" or unicodedata.category(ch) in _SPACES else ch
            for ch in text
            if ch in "\t\r\n" or unicodedata.category(ch) not in _INVISIBLE
        )
    return text if len(text) <= limit else text[: limit - 1] + "…"


def shown(path: str | os.PathLike[str]) -> str:
    """A path or file name as it may be printed: cleaned, with bytes that are not UTF-8 as \\x.."""
    return clean(os.fsencode(path).decode("utf-8", "backslashreplace"), limit=4096)


def slugify(name: str) -> str:
    """A lower-case name of letters, digits and dashes that is safe as a folder; empty when nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:48]


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like `word`, or None when nothing is close."""
    found = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.5)
    return found[0] if found else None


def megabytes(size: float) -> str:
    """`size` in bytes as a person reads it: '4 kB', '3.2 MB', '18 MB', '2.1 GB'."""
    mb = size / 1e6
    if 0 < mb < 0.05:
        return f"{math.ceil(size / 1000)} kB"
    if mb >= 1000:
        return f"{mb / 1000:.1f} GB"
    return f"{mb:.1f} MB" if mb < 10 else f"{mb:.0f} MB"


def duration(seconds: float) -> str:
    """`seconds` as a person reads it: '8 s', '4 min 06 s', '2 h 05 min'."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def plural(count: int, word: str) -> str:
    """'1 photo', '3 photos'."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
