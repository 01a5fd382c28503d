"""Which part of a photo to train on: a square that keeps the head and shoulders, or the whole subject.

Trained as a square, a photo without a crop gives its middle one. A crop is suggested only where another square is
better: where the middle one would cut the subject, or would show it so small that its details are lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from zen_tui.library.records import Crop, Face, Photo
from zen_tui.photos.variety import subject

FACE_LEAST = 0.125  # of the square's side: 64 of 512 pixels
FACE_WANTED = 0.25  # of the side, where the face was smaller than that
SUBJECT_LEAST = 0.35  # of the side, for what is not a person
SUBJECT_WANTED = 0.75
SHOULDERS, ABOVE, BELOW = 1.1, 0.3, 1.3  # of a face's width to either side, and of its height over and under it
EYE_LINE = 0.42  # how far down the middle of a face is in the square, where there is a choice
DETAIL = 512  # pixels: no crop is made smaller than this while the photo has more
SAME = 0.03  # of the side: a shift that is not worth a crop


@dataclass(frozen=True)
class _Box:
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def side(self) -> float:
        return max(self.right - self.left, self.bottom - self.top)


def suggest_crop(photo: Photo, kind: str, mask_box: Crop | None = None) -> Crop | None:
    """The square of `photo` to train on, or None where the whole, or its middle, is best or nothing is known.

    Args:
        kind: the dataset's; of a person the head and shoulders are kept.
        mask_box: where the subject is, if a mask tells: in fractions of the photo.
    """
    if min(photo.width, photo.height) <= 0:
        return None
    face = subject(photo) if kind == "person" else None
    if face is None and mask_box is None:
        return None
    full = float(min(photo.width, photo.height))
    keep = _head_and_shoulders(photo, face) if face else _pixels(photo, mask_box or Crop(0, 0, 1, 1))
    side = min(full, max(_side(photo, face, keep, full), min(keep.side, full)))
    middle = (keep.top + keep.bottom) / 2
    if face:  # a little above the middle of the square
        box = _pixels(photo, face.box)
        middle = (box.top + box.bottom) / 2 + (0.5 - EYE_LINE) * side
    left = _place((keep.left + keep.right) / 2, side, photo.width, keep.left, keep.right)
    top = _place(middle, side, photo.height, keep.top, keep.bottom)
    central = ((photo.width - full) / 2, (photo.height - full) / 2)
    if side == full and max(abs(left - central[0]), abs(top - central[1])) <= SAME * full:
        return None
    return Crop(
        round(left / photo.width, 4),
        round(top / photo.height, 4),
        round((left + side) / photo.width, 4),
        round((top + side) / photo.height, 4),
    )


def _side(photo: Photo, face: Face | None, keep: _Box, full: float) -> float:
    """How large the square is: as large as can be, unless the subject would be lost in it."""
    if face:
        width = (face.box.right - face.box.left) * photo.width
        least, wanted = FACE_LEAST, FACE_WANTED
    else:
        width, least, wanted = keep.side, SUBJECT_LEAST, SUBJECT_WANTED
    return full if width >= least * full else max(width / wanted, min(full, DETAIL))


def _head_and_shoulders(photo: Photo, face: Face) -> _Box:
    box = _pixels(photo, face.box)
    wide, high = box.right - box.left, box.bottom - box.top
    return _Box(
        max(0.0, box.left - SHOULDERS * wide),
        max(0.0, box.top - ABOVE * high),
        min(float(photo.width), box.right + SHOULDERS * wide),
        min(float(photo.height), box.bottom + BELOW * high),
    )


def _pixels(photo: Photo, box: Crop) -> _Box:
    return _Box(box.left * photo.width, box.top * photo.height, box.right * photo.width, box.bottom * photo.height)


def _place(middle: float, side: float, length: float, first: float, last: float) -> float:
    """Where a stretch of `side` begins on one of `length`: about `middle`, and holding `first` to `last`.

    Where it cannot hold both, `first` (the top of a head) is kept.
    """
    start = middle - side / 2
    if last - first <= side:
        start = max(start, last - side)
    start = min(start, first)
    return min(max(start, 0.0), length - side)


def box_of_mask(path: Path) -> Crop | None:
    """Where the subject is by its mask, an 8-bit grey PNG; None where there is none, or it is empty or damaged."""
    try:
        with Image.open(path, formats=("PNG",)) as mask:
            box = mask.convert("L").point(lambda value: 255 * (value >= 128)).getbbox()
            wide, high = mask.size
    except (OSError, ValueError):
        return None
    return Crop(box[0] / wide, box[1] / high, box[2] / wide, box[3] / high) if box else None
