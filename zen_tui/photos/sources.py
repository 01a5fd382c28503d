"""Finding the photos among files and folders, without opening or following anything odd."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zen_tui.library.errors import NotFound, Refused
from zen_tui.library.text import shown
from zen_tui.photos.captions import SUFFIXES as CAPTION_SUFFIXES
from zen_tui.photos.masks import is_sidecar
from zen_tui.photos.open import READABLE

SYSTEM_FILES = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Source:
    """A file that was found. `reason` says why it cannot be a photo; '' if it may be one."""

    path: Path
    size: int = 0
    reason: str = ""


def find_sources(paths: Iterable[Path]) -> Iterator[Source]:
    """Every file in `paths` and, recursively, in their folders, in order of name.

    Hidden files, captions and the files that systems strew are passed over in silence; links, pipes and
    folders that may not be read are given with a reason. Links are followed only where `paths` names them.

    Raises:
        NotFound: one of `paths` does not exist; raised before anything is given.
    """
    named = [Path(path) for path in paths]
    for path in named:
        if not os.path.lexists(path):
            raise NotFound(f"There is no file or folder {shown(path)}.", "Check the path.")
    for path in named:
        if path.is_dir():
            yield from _in_folder(path)
        elif path.is_file():
            yield Source(path, path.stat().st_size)
        else:
            yield Source(path, reason="not a regular file")


def require_sources(paths: Iterable[Path]) -> list[Source]:
    """As `find_sources`, all at once.

    Raises:
        NotFound: one of `paths` does not exist.
        Refused: there is nothing in them that could be a photo.
    """
    named = [Path(path) for path in paths]
    found = list(find_sources(named))
    if not found:
        where = ", ".join(shown(path) for path in named) or "what was named"
        raise Refused(f"There are no photos in {where}.", READABLE)
    return found


def scan(paths: Iterable[Path]) -> Iterator[Path]:
    """The regular files among `find_sources`, in order of name."""
    return (source.path for source in find_sources(paths) if not source.reason)


def _in_folder(folder: Path) -> Iterator[Source]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        yield Source(folder, reason=f"permission: the folder cannot be read ({error.strerror})")
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in SYSTEM_FILES or is_sidecar(entry.name):
            continue
        path = folder / entry.name
        if entry.is_symlink():
            yield Source(path, reason="not a regular file: it is a link")
        elif entry.is_dir():
            yield from _in_folder(path)
        elif not entry.is_file():
            yield Source(path, reason="not a regular file")
        elif path.suffix.lower() not in CAPTION_SUFFIXES:
            yield Source(path, entry.stat().st_size)
