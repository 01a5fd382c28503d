"""Judging one file: what it is, what it shows, and whether it can be a photo of a dataset."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from zen_tui.library.errors import BadFile
from zen_tui.library.records import Verdict
from zen_tui.library.text import shown
from zen_tui.photos.captions import caption_beside, folder_class
from zen_tui.photos.open import SUFFIXES, decode, read
from zen_tui.photos.sources import NOTHING_SAID, Said, Source
from zen_tui.photos.thumbs import SIZE

SMALLEST = 64  # pixels: no base learns from less
LONGEST_ASPECT = 2.0


@dataclass
class Found:
    """A file that was examined. `width` and `height` are upright pixels; `reason` says why it is skipped.

    `class_words` come from a folder called `10_ohwx woman`, `caption` from a text file beside the photo, unless
    a dataset `said` otherwise. `notes` are about what was not taken over.
    """

    path: Path
    name: str
    hash: str = ""
    size: int = 0
    format: str = ""
    suffix: str = ""
    width: int = 0
    height: int = 0
    caption: str = ""
    repeats: int = 1
    class_words: str = ""
    said: Said = NOTHING_SAID
    notes: tuple[str, ...] = ()
    verdicts: list[Verdict] = field(default_factory=list)
    reason: str = ""
    thumbnail: Image.Image | None = None


def examine(path: Path, *, resolution: int = 512) -> Found:
    """Read, hash and decode a file, and judge it. Never raises for a bad file and never writes.

    Args:
        resolution: the pixels that training will use, for the verdict `small`.
    """
    return examine_source(Source(Path(path)), resolution)[0]


def examine_source(source: Source, resolution: int) -> tuple[Found, bytes]:
    """As `examine`; also the content of the file, empty if it is skipped."""
    found = Found(source.path, shown(source.path.name), reason=source.reason)
    if source.reason:
        return found, b""
    try:
        data = read(source.path)
        decoded = decode(data, source.path.suffix, SIZE)
    except BadFile as error:
        found.reason = error.message
        return found, b""
    if min(decoded.width, decoded.height) < SMALLEST:
        found.reason = f"too small: {decoded.width} × {decoded.height} pixels; each side needs {SMALLEST}"
        return found, b""
    found.hash, found.size = hashlib.sha256(data).hexdigest(), len(data)
    found.format, found.suffix = decoded.format, SUFFIXES[decoded.format]
    found.width, found.height = decoded.width, decoded.height
    _take_over(found, source)
    found.verdicts = size_verdicts(decoded.width, decoded.height, resolution)
    found.thumbnail = decoded.picture
    return found, data


def _take_over(found: Found, source: Source) -> None:
    """What is known of the photo beside its pixels: from a dataset's own words, else from its folder."""
    said = found.said = source.said
    repeats, class_words = folder_class(source.path.parent)
    found.repeats = repeats if said.repeats is None else said.repeats
    found.class_words = class_words if said.class_words is None else said.class_words
    if said.caption is None:
        found.caption, found.notes = caption_beside(source.path)
    else:
        found.caption = said.caption
    found.name = said.name or found.name


def size_verdicts(width: int, height: int, resolution: int) -> list[Verdict]:
    """What the size alone says: `small` (short side below `resolution`), `aspect` (longer than 2 to 1)."""
    verdicts = []
    short, long = sorted((width, height))
    if short < resolution:
        text = f"{width} × {height} pixels: the short side is under the {resolution} that training uses."
        verdicts.append(Verdict("small", short, text))
    if long > LONGEST_ASPECT * short:
        ratio = round(long / short, 2)
        verdicts.append(Verdict("aspect", ratio, f"{ratio:g} times as long as wide: much will be cropped."))
    return verdicts
