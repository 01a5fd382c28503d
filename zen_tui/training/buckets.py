"""The shapes in which photos are trained whole: each of about as many pixels as a square of the resolution.

A photo goes into the shape nearest to its own. From 16 steps a side on, none loses more than a twentieth to
that; the more shapes there were, the fewer photos would share one, and a batch is of one shape.
"""

from __future__ import annotations

from functools import cache

from zen_tui.library.records import Crop
from zen_tui.library.specs import TrainSettings

Size = tuple[int, int]
"""(width, height) in pixels."""

STEPS = 16  # of a square's side; a bucket's sides are whole steps, so that similar photos meet in one
WIDEST = 2.0  # sides to each other; a wider photo loses its ends
LEAST = 0.85  # of the square's pixels; none has more than it, so that what fits into memory still does


@cache
def buckets(resolution: int, multiple: int) -> tuple[Size, ...]:
    """All shapes for `resolution`, sides multiples of `multiple` pixels, the square among them."""
    step = multiple * max(1, round(resolution / STEPS / multiple))
    most = resolution * resolution
    sides = range(step, int(resolution * WIDEST) + 1, step)
    found = {
        (width, height)
        for width in sides
        for height in sides
        if LEAST * most <= width * height <= most and max(width / height, height / width) <= WIDEST
    }
    return tuple(sorted(found | {(resolution, resolution)}))


def nearest_bucket(width: float, height: float, resolution: int, multiple: int) -> Size:
    """The bucket in which a picture of `width` x `height` loses least; among nearly equal ones the largest."""
    return min(
        buckets(resolution, multiple),
        key=lambda size: (round(lost(width, height, size), 2), -size[0] * size[1], size),
    )


def lost(width: float, height: float, size: Size) -> float:
    """The share of a picture that is cut off so that the rest fills `size` without being stretched."""
    shape, wanted = width / height, size[0] / size[1]
    return 1 - min(shape / wanted, wanted / shape)


def trained_size(width: int, height: int, crop: Crop | None, settings: TrainSettings, multiple: int) -> Size:
    """The size at which a photo of `width` x `height` pixels is trained, of which `crop` is used."""
    if settings.aspect == "square":
        return settings.resolution, settings.resolution
    used = crop or Crop(0, 0, 1, 1)
    across, down = width * (used.right - used.left), height * (used.bottom - used.top)
    return nearest_bucket(across, down, settings.resolution, multiple)
