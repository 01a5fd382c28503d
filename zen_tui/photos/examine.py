"""Judging one file: what it is, what it shows, and whether it can be a photo of a dataset."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from zen_tui.library.errors import BadFile
from zen_tui.library.records import Measures, Verdict
from zen_tui.library.settings import Thresholds
from zen_tui.library.text import shown
from zen_tui.photos.captions import folder_class, sidecar_caption
from zen_tui.photos.faces import FaceFinder, Likeness
from zen_tui.photos.judge import judge_one
from zen_tui.photos.measure import SIDE, measure
from zen_tui.photos.open import SUFFIXES, decode, read
from zen_tui.photos.sources import Source
from zen_tui.photos.thumbs import thumbnail

SMALLEST = 64  # pixels: no base learns from less


@dataclass
class Found:
    """A file that was examined. `width` and `height` are upright pixels; `reason` says why it is skipped.

    `class_words` come from a folder called `10_ohwx woman`; `caption` from a text file beside the photo.
    `likenesses` are what its faces look like, as many of them as are kept.
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
    verdicts: list[Verdict] = field(default_factory=list)
    measures: Measures | None = None
    likenesses: tuple[Likeness, ...] = ()
    reason: str = ""
    thumbnail: Image.Image | None = None


@dataclass(frozen=True)
class Eye:
    """How files are looked at: the pixels that training will use, the thresholds, and who finds faces.

    `kind` is the dataset's; with '' there are no verdicts on faces. `faces` is None where none are looked for.
    """

    resolution: int = 512
    kind: str = ""
    thresholds: Thresholds = field(default_factory=Thresholds)
    faces: FaceFinder | None = None


def examine(path: Path, *, resolution: int = 512) -> Found:
    """Read, hash and decode a file, measure and judge it. Never raises for a bad file and never writes.

    Args:
        resolution: the pixels that training will use, for the verdict `small`.
    """
    return examine_source(Source(Path(path)), Eye(resolution))[0]


def examine_source(source: Source, eye: Eye) -> tuple[Found, bytes]:
    """As `examine`; also the content of the file, empty if it is skipped."""
    found = Found(source.path, shown(source.path.name), reason=source.reason)
    if source.reason:
        return found, b""
    try:
        data = read(source.path)
        decoded = decode(data, source.path.suffix, SIDE)
    except BadFile as error:
        found.reason = error.message
        return found, b""
    if min(decoded.width, decoded.height) < SMALLEST:
        found.reason = f"too small: {decoded.width} × {decoded.height} pixels; each side needs {SMALLEST}"
        return found, b""
    found.hash, found.size = hashlib.sha256(data).hexdigest(), len(data)
    found.format, found.suffix = decoded.format, SUFFIXES[decoded.format]
    found.width, found.height = decoded.width, decoded.height
    found.caption = sidecar_caption(source.path)
    found.repeats, found.class_words = folder_class(source.path.parent)
    seen = eye.faces.find(decoded.picture) if eye.faces else None
    found.measures = measure(decoded.picture, seen.faces if seen else None)
    found.likenesses = seen.likenesses if seen else ()
    found.verdicts = judge_one(
        eye.kind, (found.width, found.height), found.measures, eye.thresholds, eye.resolution
    )
    found.thumbnail = thumbnail(decoded.picture)
    return found, data
