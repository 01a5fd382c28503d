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


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings and their defaults. A file need only hold what differs."""

    theme: str = "zen"  # zen, paper, or one of Textual's
    images: Literal["auto", "kitty", "sixel", "halfcell", "off"] = "auto"
    bell: bool = True  # ring when a job ends
    fetch: bool = False  # whether `zen bases fetch` may go online, and nothing else ever does
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
