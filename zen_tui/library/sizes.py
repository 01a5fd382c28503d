"""The sizes of picture that a base can make."""

from __future__ import annotations

from zen_tui.library.errors import Refused

SMALLEST, LARGEST = 64, 4096


def nearest_size(width: int, height: int, multiple: int) -> tuple[int, int]:
    """The size closest to `width` x `height` whose sides are multiples of `multiple` within the limits."""

    def fit(side: int) -> int:
        smallest = -(-SMALLEST // multiple) * multiple
        return min(max(round(side / multiple) * multiple, smallest), LARGEST // multiple * multiple)

    return fit(width), fit(height)


def require_size(width: int, height: int, *, multiple: int, base: str) -> None:
    """Check that `base` can make pictures of this size; `multiple` is what its sides must divide by.

    Raises:
        Refused: it cannot; the nearest size that works is named.
    """
    near = nearest_size(width, height, multiple)
    if near != (width, height):
        raise Refused(
            f"{base} cannot make pictures of {width}x{height}: "
            f"each side must be a multiple of {multiple} from {SMALLEST} to {LARGEST} pixels.",
            f"The nearest size that works is {near[0]}x{near[1]}.",
        )
