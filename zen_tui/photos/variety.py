"""How varied a set is: which way faces look, how close they are, how many places, clothes and lights there are.

Everything is read from the measures of the photos; near-duplicates count once, those left out not at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from operator import mul
from typing import Literal

from zen_tui.library.records import Crop, Face, Photo

TURNED = (
    0.25  # of the distance between the eyes, by which the nose is off their middle: 0 to 0.22 facing, 0.67 side
)
CLOSE, HALF = 0.28, 0.12  # height of the face in that of the picture, at least: a close-up, a half-length
SAME = (
    0.85  # share of colours in common; of 1 % of pairs of unlike scenes more was measured, of one place 0.8 to 1
)
DAY, EVENING = 0.6, 0.3  # mean brightness of the surroundings: above and below
AT_ONCE = 256  # palettes turned into an array, during which no other thread can go on
WHOLE = Crop(0.0, 0.0, 1.0, 1.0)
LIGHT = tuple(  # of the colours of a palette, 0 to 1: three steps each of red, green and blue
    (0.299 * (at // 9) + 0.587 * (at // 3 % 3) + 0.114 * (at % 3)) / 2 for at in range(27)
)

Pose = Literal["front", "left", "right"]
Distance = Literal["close", "half", "far"]


def shots(photos: Iterable[Photo]) -> list[Photo]:
    """The photos in use, one of each group of near-duplicates: that without the verdict, else the first."""
    kept: dict[int, Photo] = {}
    for photo in photos:
        if photo.split != "out":
            key = -photo.id if photo.alike is None else photo.alike
            duplicate = any(verdict.kind == "duplicate" for verdict in photo.verdicts)
            if key not in kept or not duplicate:
                kept[key] = photo
    return list(kept.values())


def subject(photo: Photo) -> Face | None:
    """The face of the person a photo is of: the most like the dataset's own, else the largest."""
    faces = photo.measures.faces if photo.measures else None
    if not faces or not photo.measures:
        return None
    return faces[photo.measures.subject] if photo.measures.subject < len(faces) else faces[0]


def pose(face: Face) -> Pose | None:
    """Which way a face looks, as seen in the picture: from the nose's place between the eyes. None if unknown."""
    if len(face.points) < 3:
        return None
    (one, _), (other, _), (nose, _) = face.points[:3]
    span = abs(other - one)
    off = nose - (one + other) / 2
    if abs(off) <= TURNED * span:
        return "front"
    return "left" if off < 0 else "right"


def distance(photo: Photo, face: Face) -> Distance:
    """How close a face is in the part of the photo that is trained on."""
    crop = photo.crop or WHOLE
    share = (face.box.bottom - face.box.top) / (crop.bottom - crop.top)
    return "close" if share >= CLOSE else "half" if share >= HALF else "far"


def surroundings(photo: Photo) -> float | None:
    """Mean brightness around the subject, 0 to 1; None where it was not measured."""
    palette = photo.measures.palette if photo.measures else ()
    if not palette:
        return None
    return float(sum(map(mul, palette, LIGHT)))


class Variety:
    """The different shots among photos, and how many of them share a background or a set of clothes.

    What is asked for is worked out once: thousands of photos take a moment.
    """

    def __init__(self, photos: Iterable[Photo]) -> None:
        self.shots = shots(photos)

    @cached_property
    def places(self) -> list[int]:
        """How many shots there are before each background, most first."""
        return alike_colours(shot.measures.palette for shot in self.shots if shot.measures)

    @cached_property
    def clothes(self) -> list[int]:
        """How many shots there are in each set of clothes, most first; only where what is below a face is seen."""
        return alike_colours(shot.measures.clothes for shot in self.shots if shot.measures)


def alike_colours(palettes: Iterable[tuple[float, ...]]) -> list[int]:
    """How many palettes are alike to each of those that are unlike each other, most first.

    The first is the measure of those like it, the next one that is unlike it is another, and so on; each of the
    rest counts for the measure before it that it has the most in common with.
    """
    import numpy as np

    known = [palette for palette in palettes if palette]
    if not known:
        return []
    some = range(0, len(known), AT_ONCE)
    rest = np.hstack([np.array(known[at : at + AT_ONCE], np.float32).T for at in some])  # (colours, palettes)
    likest = np.zeros(len(known), np.float32)  # to any measure before it
    measure = np.full(len(known), -1)
    for first in range(len(known)):
        if likest[first] < SAME:
            measure[first] = first
            later = slice(first + 1, None)
            common = np.minimum(rest[:, later], rest[:, first, None]).sum(axis=0)
            nearer = common > likest[later]
            likest[later][nearer] = common[nearer]
            measure[later][nearer] = first
    return sorted(Counter(measure.tolist()).values(), reverse=True)
