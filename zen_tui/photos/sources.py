"""Finding the photos among files and folders, without opening or following anything odd."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from zen_tui.library.errors import NotFound, Refused
from zen_tui.library.records import Crop, Split, Verdict
from zen_tui.library.text import shown
from zen_tui.photos.captions import SUFFIXES as CAPTION_SUFFIXES
from zen_tui.photos.masks import is_sidecar
from zen_tui.photos.open import READABLE

SYSTEM_FILES = {"thumbs.db", "desktop.ini"}
OF_OTHER_TOOLS = {".toml", ".yaml", ".yml", ".json", ".jsonl", ".csv", ".npz", ".safetensors", ".xmp", ".aae"}


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset says of one of its photos. None: it says nothing, and the photo's folder is asked.

    `exact`: its caption stands as it is, even where it is empty.
    """

    caption: str | None = None
    exact: bool = False
    class_words: str | None = None
    repeats: int | None = None
    weight: float = 1.0
    split: Split | None = None
    mask: Path | None = None
    name: str | None = None
    aliases: tuple[str, ...] = ()
    rating: int = 0
    crop: Crop | None = None
    verdicts: tuple[Verdict, ...] | None = None


NOTHING_SAID = Said()


@dataclass(frozen=True)
class Source:
    """A file that was found. `reason` says why it cannot be a photo; '' if it may be one."""

    path: Path
    size: int = 0
    reason: str = ""
    said: Said = NOTHING_SAID


def find_sources(
    paths: Iterable[Path | Source], *, recursive: bool = True, aside: Counter[str] | None = None
) -> Iterator[Source]:
    """Every file in `paths` and, recursively, in their folders, in order of name. A `Source` is given as it is.

    Hidden files, captions, masks and the files that systems and other tools strew are passed over in silence;
    links, pipes and folders that may not be read are given with a reason. Links are followed only where
    `paths` names them.

    Args:
        recursive: look into folders within folders.
        aside: counts the files of other tools that were passed over, by suffix.

    Raises:
        NotFound: one of `paths` does not exist; raised before anything is given.
    """
    named = list(paths)
    for path in named:
        if not isinstance(path, Source) and not os.path.lexists(path):
            raise NotFound(f"There is no file or folder {shown(path)}.", "Check the path.")
    for path in named:
        if isinstance(path, Source):
            yield path
        elif path.is_dir():
            yield from _in_folder(path, recursive, Counter() if aside is None else aside)
        elif path.is_file():
            yield Source(path, path.stat().st_size)
        else:
            yield Source(path, reason="not a regular file")


def require_sources(paths: Iterable[Path | Source]) -> list[Source]:
    """As `find_sources`, all at once.

    Raises:
        NotFound: one of `paths` does not exist.
        Refused: there is nothing in them that could be a photo.
    """
    named = list(paths)
    found = list(find_sources(named))
    if not found:
        raise no_photos(path for path in named if not isinstance(path, Source))
    return found


def no_photos(paths: Iterable[Path]) -> Refused:
    """The error for `paths` that hold nothing that could be a photo."""
    where = ", ".join(shown(path) for path in paths) or "what was named"
    return Refused(f"There are no photos in {where}.", READABLE)


def scan(paths: Iterable[Path]) -> Iterator[Path]:
    """The regular files among `find_sources`, in order of name."""
    return (source.path for source in find_sources(paths) if not source.reason)


def _in_folder(folder: Path, recursive: bool, aside: Counter[str]) -> Iterator[Source]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        yield Source(folder, reason=f"permission: the folder cannot be read ({error.strerror})")
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in SYSTEM_FILES:
            continue
        path = folder / entry.name
        if entry.is_symlink():
            yield Source(path, reason="not a regular file: it is a link")
        elif entry.is_dir():
            if recursive:
                yield from _in_folder(path, recursive, aside)
        elif not entry.is_file():
            yield Source(path, reason="not a regular file")
        elif path.suffix.lower() in OF_OTHER_TOOLS:
            aside[path.suffix.lower()] += 1
        elif path.suffix.lower() not in CAPTION_SUFFIXES and not is_sidecar(entry.name):
            yield Source(path, entry.stat().st_size)
