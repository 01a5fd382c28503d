"""Telling screenshots and collages from photographs by what no camera draws.

A sensor has noise and a lens has blur: a photograph seldom has large areas of one exact grey with small sharp
marks on them, as text on a screen, and no edge in it is straight, level and one pixel wide from one side to the
other, as the border between two pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EVEN = 2  # grey levels apart at most: the same colour, saved as a JPEG
EDGE = 14  # grey levels: a step that the eye sees
INK = 24  # grey levels between a mark and its ground
TILE = 8  # pixels
GROUND = 0.3  # share of tiles that have one and the same grey, where a picture is all screen
FAINT = 0.1  # of that share: what has less is no screen, and is not looked at closely
MARK = 10  # pixels that a mark is wide at most, across a stroke of it
MARKS = 5.0  # in 1,000 pixels, where a picture is all screen
GUTTER = 0.08  # of a side: how wide a border of one colour may be
BUSY = 20.0  # grey levels: the least deviation of the lines beside it, which are of two pictures
PURE = 5  # grey levels: as even as this is only what was drawn, and then one dull side will do
SPREAD = 4.0  # grey levels: the deviation of a line of one colour
SEAM = 0.3  # of a line's length: photographs stay under a seventh of this
SOME = 8  # of so many lines one tells whether a column may be of one colour
RIM = 0.06  # of a side: no border lies nearer to the end of a picture


def screen(grey: NDArray[np.uint8]) -> float:
    """How much a grey picture resembles a screenshot, 0 to 1: a large even ground, and small sharp marks on it."""
    import numpy as np

    down, across = (side // TILE for side in grey.shape)
    if not down or not across:
        return 0.0
    rows = grey[: down * TILE, : across * TILE].reshape(down, TILE, -1)
    most, least = (
        end(end(rows, axis=1).reshape(down, across, TILE), axis=2)
        for end in (np.maximum.reduce, np.minimum.reduce)
    )
    greys = np.bincount(rows[:, 0, ::TILE][most - least <= EVEN], minlength=256)
    best = 0.0
    for ground in np.argsort(greys)[:-3:-1]:  # beside a picture's own black bars it may be the second
        share = min(1.0, float(greys[ground]) / most.size / GROUND)
        if share > max(best, FAINT):
            apart = np.abs(grey.astype(np.int16) - int(ground))
            marks = 1000 * (_marks(apart) + _marks(apart.T)) / grey.size
            best = max(best, min(share, marks / MARKS))
    return best


def _marks(apart: NDArray[Any]) -> int:
    """How often a line of the ground is broken by something short that stands out from it."""
    import numpy as np

    on = np.zeros((apart.shape[0], apart.shape[1] + 2), np.int8)
    on[:, 1:-1] = apart <= EVEN
    turns = np.diff(on.ravel())
    begins, ends = np.flatnonzero(turns == 1) + 1, np.flatnonzero(turns == -1) + 1  # of stretches of ground
    breaks = begins[1:] - ends[:-1]
    middle = ends[:-1] + breaks // 2
    row, column = np.divmod(middle, on.shape[1])
    same_line = ends[:-1] // on.shape[1] == begins[1:] // on.shape[1]
    short = same_line & (breaks <= MARK)
    return int((apart[row[short], column[short] - 1] > INK).sum())


def panels(grey: NDArray[np.uint8]) -> float:
    """How much a grey picture resembles a collage, 0 to 1: a straight border from one side to the other."""
    import numpy as np

    return max(max(_gutter(image), _seam(image)) for image in (grey, np.ascontiguousarray(grey.T)))


def _gutter(image: NDArray[np.uint8]) -> float:
    """The best upright strip of one colour: the share of its length along which both sides step off sharply."""
    import numpy as np

    wide = image.shape[1]
    rim = max(3, round(RIM * wide))
    even = _even(image)
    strips = np.split(even, np.flatnonzero(np.diff(even) > 1) + 1) if len(even) else []
    best = 0.0
    for strip in strips:
        first, last = int(strip[0]), int(strip[-1])
        if first < rim or last >= wide - rim or last - first > GUTTER * wide:
            continue
        beside = image[:, first - 3].std(), image[:, last + 3].std()
        pure = np.ptp(np.percentile(image[:, (first + last) // 2], (1, 99))) <= PURE
        if max(beside) < BUSY or (min(beside) < BUSY and not pure):
            continue  # a moulding, a rail, a shadow
        colour = image[:, first : last + 1].mean()
        left = np.abs(image[:, first - 3 : first] - colour).max(axis=1) > EDGE
        right = np.abs(image[:, last + 1 : last + 4] - colour).max(axis=1) > EDGE
        best = max(best, float(min(left.mean(), right.mean())))
    return best


def _even(image: NDArray[np.uint8]) -> NDArray[Any]:
    """The columns of one colour. Some lines rule most of the others out: where these differ much, so does all."""
    import numpy as np

    some = image[::SOME]
    maybe = np.flatnonzero(_variance(some) * len(some) < SPREAD**2 * len(image))
    return maybe[_variance(image[:, maybe]) < SPREAD**2]


def _variance(image: NDArray[np.uint8]) -> NDArray[Any]:
    """Of each column, in a tenth of the time that `var` takes."""
    import numpy as np

    values = image.astype(np.int32)
    squares = np.einsum("ij,ij->j", values, values)
    return squares / len(image) - (values.sum(axis=0) / len(image)) ** 2  # type: ignore[no-any-return]


def _seam(image: NDArray[np.uint8]) -> float:
    """Along how much of a column the picture jumps there, now lighter and now darker; 1 from `SEAM` on."""
    import numpy as np

    high, wide = image.shape
    if wide < 8:
        return 0.0
    before, after = image[:, :-1], image[:, 1:]
    size = np.maximum(before, after) - np.minimum(before, after)
    around = np.maximum(np.maximum(size[:, :-4], size[:, 1:-3]), np.maximum(size[:, 3:-1], size[:, 4:]))
    step = size[:, 2:-2]
    jump = (step > EDGE) & ((step - 1) >> 1 >= around)  # more than twice as large, in eight bits
    row, column = np.divmod(np.flatnonzero(jump), jump.shape[1])
    rises = image[row, column + 3] > image[row, column + 2]
    up, down = (np.bincount(column[way], minlength=jump.shape[1]) / high for way in (rises, ~rises))
    rim = max(2, round(RIM * wide))
    score = (up + down) * np.minimum(1.0, 8 * np.minimum(up, down))
    return min(1.0, float(score[rim:-rim].max(initial=0.0)) / SEAM)
