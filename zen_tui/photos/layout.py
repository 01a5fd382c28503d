"""Telling screenshots and collages from photographs by the lines that no camera draws.

A sensor has noise: two neighbouring pixels of a photograph are seldom exactly alike over a long stretch, and
no edge in it is straight, level and one pixel wide from one side of the picture to the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

EDGE = 14  # grey levels: an edge that the eye sees
EVEN = 2.0  # grey levels of spread: a line of one colour
MARGIN = 0.06  # of a side: how wide a gutter of a collage may be, and how far from the rim it lies


def screen(grey: NDArray[Any]) -> float:
    """How much a grey picture resembles a screenshot, 0 to 1: even areas that end in a sharp edge."""
    import numpy as np

    found = []
    for image in (grey, grey.T):
        step = np.abs(np.diff(image.astype(np.int16), axis=1))
        same = step <= 1
        run = same[:, :-2] & same[:, 1:-1]
        ends = (run & (step[:, 2:] > EDGE)).mean()
        found.append(min(1.0, float(same.mean())) * min(1.0, 40 * float(ends)))
    return max(found)


def panels(grey: NDArray[Any]) -> float:
    """How much a grey picture resembles a collage, 0 to 1: a straight border from one side to the other."""
    import numpy as np

    values = grey.astype(np.float32)
    return max(max(_gutter(image), _seam(image)) for image in (values, np.ascontiguousarray(values.T)))


def _gutter(image: NDArray[Any]) -> float:
    """The best column of one even colour, from top to bottom, that has pictures close on both sides."""
    import numpy as np

    spread = image.std(axis=0)
    wide = image.shape[1]
    near = max(2, round(MARGIN * wide))
    busy = spread > 4 * EVEN
    best = 0.0
    for x in np.flatnonzero(spread < EVEN):
        if near < x < wide - near:
            left, right = busy[max(0, x - near) : x], busy[x + 1 : x + 1 + near]
            best = max(best, min(1.0, 2 * min(float(left.mean()), float(right.mean()))))
    return best


def _seam(image: NDArray[Any]) -> float:
    """The share of a column's length along which the picture jumps there, now lighter and now darker."""
    import numpy as np

    step = np.diff(image, axis=1)
    size = np.abs(step)
    around = np.maximum(np.maximum(size[:, :-4], size[:, 1:-3]), np.maximum(size[:, 3:-1], size[:, 4:]))
    jump = (size[:, 2:-2] > EDGE) & (size[:, 2:-2] > 2 * around)
    up = (jump & (step[:, 2:-2] > 0)).mean(axis=0)
    down = (jump & (step[:, 2:-2] < 0)).mean(axis=0)
    near = max(2, round(MARGIN * image.shape[1]))
    score = (up + down) * np.minimum(1.0, 8 * np.minimum(up, down))
    return float(score[near:-near].max(initial=0.0))
