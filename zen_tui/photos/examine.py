"""Judging one file: what it is, what it shows, and whether it can be a photo of a dataset."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from zen_tui.library.errors import BadFile
from zen_tui.library.records import Measures, Verdict
from zen_tui.library.settings import Thresholds
from zen_tui.library.text import shown
from zen_tui.photos.captions import caption_beside, folder_class
from zen_tui.photos.faces import FaceFinder, Likeness
from zen_tui.photos.judge import judge_one
from zen_tui.photos.masks import sidecar_mask
from zen_tui.photos.measure import SIDE, measure_file
from zen_tui.photos.open import SUFFIXES, decode, read
from zen_tui.photos.sources import NOTHING_SAID, Said, Source
from zen_tui.photos.thumbs import thumbnail_jpeg

SMALLEST = 64  # pixels: no base learns from less


@dataclass
class Found:
    """A file that was examined. `width` and `height` are upright pixels; `reason` says why it is skipped.

    `class_words` come from a folder called `10_ohwx woman`, `caption` from a text file beside the photo, unless
    a dataset `said` otherwise. `notes` are about what was not taken over. `likenesses` are what its faces look
    like, as many of them as are kept; `mask_fault` says why its mask is not.
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
    measures: Measures | None = None
    likenesses: tuple[Likeness, ...] = ()
    reason: str = ""
    mask_fault: str = ""

    @property
    def mask(self) -> Path:
        """Where its mask would lie: where a dataset says, else beside the photo."""
        return self.said.mask or sidecar_mask(self.path)


@dataclass(frozen=True)
class Content:
    """What is to be kept of a file: its bytes, and its thumbnail as JPEG."""

    data: bytes
    thumbnail: bytes


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


def examine_source(source: Source, eye: Eye) -> tuple[Found, Content | None]:
    """As `examine`; also what is to be kept, None if the file is skipped."""
    found = Found(source.path, shown(source.path.name), reason=source.reason)
    if source.reason:
        return found, None
    try:
        data = read(source.path)
        decoded = decode(data, source.path.suffix, SIDE, quick=True)
    except BadFile as error:
        found.reason = error.message
        return found, None
    if min(decoded.width, decoded.height) < SMALLEST:
        found.reason = f"too small: {decoded.width} × {decoded.height} pixels; each side needs {SMALLEST}"
        return found, None
    found.hash, found.size = hashlib.sha256(data).hexdigest(), len(data)
    found.format, found.suffix = decoded.format, SUFFIXES[decoded.format]
    found.width, found.height = decoded.width, decoded.height
    _take_over(found, source)
    seen = eye.faces.find(decoded.picture) if eye.faces else None
    found.measures = measure_file(decoded, seen.faces if seen else None)
    found.likenesses = seen.likenesses if seen else ()
    found.verdicts = judge_one(
        eye.kind, (found.width, found.height), found.measures, eye.thresholds, eye.resolution
    )
    return found, Content(data, thumbnail_jpeg(decoded.picture))


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
