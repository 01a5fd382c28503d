"""What a person prefers: `settings.toml` in the home, read with care and changed a line at a time."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Literal

import msgspec

from zen_tui.library.durable import write_text
from zen_tui.library.errors import BadFile
from zen_tui.library.paths import Home


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a measure of a photo becomes a verdict: `[verdicts]` in settings.toml.

    Their values were measured on photographs (`benchmarks/verdicts.py`).
    """

    duplicate: int = 8  # bits of 64 in which near-duplicates differ at most, mirrored ones too
    blur: float = 0.6  # of a face: 0 is crisp, 1 is smooth
    blur_frame: float = 0.5  # of a whole photo, where there is no face in it
    dark: float = 0.35  # the lightest hundredth is at least this bright, 0 to 1
    bright: float = 0.85  # largest mean brightness of a face
    clipped: float = 0.05  # largest fraction of a face that is burnt out
    clipped_frame: float = 0.2  # largest fraction of a whole photo
    aspect: float = 2.0  # long side by short side
    small: int = 512  # pixels of the short side at least, where the base is not known
    face: int = 64  # pixels that a face is wide at least, as training sees it
    stranger: float = 0.36  # least likeness to the dataset's own faces, a cosine
    screen: float = 0.5  # how much like a screenshot, 0 to 1
    panels: float = 0.5  # how much like a collage, 0 to 1


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings and their defaults. A file need only hold what differs."""

    theme: str = "zen"  # zen, paper, or one of Textual's
    images: Literal["auto", "kitty", "sixel", "halfcell", "off"] = "auto"
    bell: bool = True  # ring when a job ends
    advance: bool = False  # after a mark in Datasets, go on to the next photo
    fetch: bool = False  # whether `zen bases fetch` may go online, and nothing else ever does
    captioner: str = ""  # the model that described photos last
    matte: str = ""  # the model that found the subject last
    verdicts: Thresholds = Thresholds()
    keys: dict[str, str] = {}  # id of an action: key, as in [keys] "datasets.out" = "r"


def read(home: Home) -> Settings:
    """The settings of `home`; the defaults when there is no file.

    Raises:
        BadFile: the file is not TOML, or holds a name or value that does not fit.
    """
    try:
        raw = tomllib.loads(home.settings.read_text(encoding="utf-8"))
        return msgspec.convert(raw, Settings)
    except FileNotFoundError:
        return Settings()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise BadFile(
            f"{home.settings} cannot be read: {error}.", "Correct that line, or move the file aside."
        ) from error


def change(home: Home, name: str, value: str | bool) -> Settings:
    """Set one top-level setting, leaving the rest of the file, comments too, as it is."""
    text = home.settings.read_text(encoding="utf-8") if home.settings.exists() else ""
    table = re.search(r"^\s*\[", text, re.M)
    at = table.start() if table else len(text)
    top, tables = text[:at], text[at:]
    line = f"{name} = {json.dumps(value)}"
    top, found = re.subn(rf"^{re.escape(name)}\s*=.*$", lambda _: line, top, flags=re.M)
    write_text(home.settings, (top if found else f"{line}\n{top}") + tables)
    return read(home)
