"""The arithmetic of a rectangle on a photo: moved, sized, dragged and given a shape; no pixels, no screen.

Every function takes a crop in fractions of the photo and the photo's size in pixels, and returns a crop whose
edges lie on whole pixels, inside the photo, at least `LEAST` pixels wide and high (or all there is of a
smaller photo). Where a shape (width by height) is held, it is true to a pixel.
"""

from __future__ import annotations

from typing import Literal

from zen_tui.library.records import Crop

LEAST = 64  # pixels
WHOLE = Crop(0, 0, 1, 1)
SHAPES = ("free", "square", "2:3", "3:2", "3:4", "4:3", "as the photo")

Size = tuple[int, int]
Point = tuple[float, float]
Side = Literal["left", "top", "right", "bottom"]
Grip = Literal[
    "left", "top", "right", "bottom", "top left", "top right", "bottom left", "bottom right", "inside", ""
]
SIDES: tuple[Side, ...] = ("left", "top", "right", "bottom")


def ratio_of(shape: str, size: Size) -> float | None:
    """Width by height of one of `SHAPES`; None where any will do."""
    if shape == "free":
        return None
    if shape == "square":
        return 1.0
    if shape == "as the photo":
        return size[0] / size[1]
    wide, _, high = shape.partition(":")
    return int(wide) / int(high)


def shape_of(crop: Crop, size: Size) -> str:
    """Which of `SHAPES` a crop was made in; 'free' when none, or only the photo's own, which may be chance."""
    width, height = extent(crop, size)
    for shape in ("square", "2:3", "3:2", "3:4", "4:3"):
        ratio = ratio_of(shape, size)
        own = ratio is not None and abs(size[0] - size[1] * ratio) <= max(1.0, ratio)
        if ratio and not own and abs(width - height * ratio) <= max(1.0, ratio):
            return shape
    return "free"


def edges(crop: Crop, size: Size) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in whole pixels."""
    width, height = size
    return (
        round(crop.left * width),
        round(crop.top * height),
        round(crop.right * width),
        round(crop.bottom * height),
    )


def extent(crop: Crop, size: Size) -> Size:
    """Width and height in pixels."""
    left, top, right, bottom = edges(crop, size)
    return right - left, bottom - top


def move(crop: Crop, size: Size, right: float, down: float) -> Crop:
    """Shifted by so many pixels, as far as the photo goes; its size stays."""
    left, top, width, height = _placed(crop, size)
    return _crop(left + right, top + down, width, height, size)


def grow(crop: Crop, size: Size, by: float, ratio: float | None) -> Crop:
    """Wider by `by` pixels (narrower below zero) about the centre, the height in proportion.

    Near the border it slides inwards. Without a shape to hold, a side that fills the photo waits for the other.
    """
    left, top, width, height = _placed(crop, size)
    wider, higher = width + by, height + by * height / width
    if ratio is None:
        wide, high = _within(wider, size[0]), _within(higher, size[1])
    else:
        wide, high = _shaped(wider, size, ratio)
    return _crop(left + (width - wide) / 2, top + (height - high) / 2, wide, high, size)


def move_side(crop: Crop, size: Size, side: Side, by: float, ratio: float | None) -> Crop:
    """One side shifted by `by` pixels (to the right, or down); the opposite one stays.

    Where a shape is held, the other two sides give way equally.
    """
    left, top, width, height = _placed(crop, size)
    outwards = by if side in ("right", "bottom") else -by
    if side in ("left", "right"):
        room = size[0] - left if side == "right" else left + width
        wide, high = _sized(width + outwards, height, (room, size[1]), ratio)
        at = left if side == "right" else left + width - round(wide)
        return _crop(at, top + (height - high) / 2, wide, high, size)
    room = size[1] - top if side == "bottom" else top + height
    high, wide = _sized(height + outwards, width, (room, size[0]), 1 / ratio if ratio else None)
    at = top if side == "bottom" else top + height - round(high)
    return _crop(left + (width - wide) / 2, at, wide, high, size)


def reshape(crop: Crop, size: Size, ratio: float | None) -> Crop:
    """The same centre and about the same area in another shape, as far as the photo goes."""
    if ratio is None:
        return crop
    left, top, width, height = _placed(crop, size)
    wide, high = _shaped((width * height * ratio) ** 0.5, size, ratio)
    return _crop(left + (width - wide) / 2, top + (height - high) / 2, wide, high, size)


def drag(crop: Crop, size: Size, grip: Grip, x: float, y: float, ratio: float | None) -> Crop:
    """A corner or a side of `crop` pulled to (x, y), fractions of the photo; the opposite one stays."""
    left, top, right, bottom = edges(crop, size)
    if grip in ("left", "right"):
        by = x * size[0] - (left if grip == "left" else right)
        return move_side(crop, size, grip, by, ratio)
    if grip in ("top", "bottom"):
        by = y * size[1] - (top if grip == "top" else bottom)
        return move_side(crop, size, grip, by, ratio)
    if "top" in grip or "bottom" in grip:
        stays = (right if "left" in grip else left, bottom if "top" in grip else top)
        return _spanned(stays, (x * size[0], y * size[1]), size, "left" in grip, "top" in grip, ratio)
    return crop


def span(start: Point, end: Point, size: Size, ratio: float | None) -> Crop:
    """The rectangle from one point of the photo to another, both in fractions."""
    stays = (_between(start[0], 0, 1) * size[0], _between(start[1], 0, 1) * size[1])
    pulled = (end[0] * size[0], end[1] * size[1])
    return _spanned(stays, pulled, size, pulled[0] < stays[0], pulled[1] < stays[1], ratio)


def grip_at(crop: Crop, x: float, y: float, reach: Point) -> Grip:
    """What of the rectangle lies under (x, y); `reach` is how near counts, all in fractions of the photo."""
    if not (
        crop.left - reach[0] <= x <= crop.right + reach[0] and crop.top - reach[1] <= y <= crop.bottom + reach[1]
    ):
        return ""
    across = _nearer(x, crop.left, crop.right, reach[0])
    down = _nearer(y, crop.top, crop.bottom, reach[1])
    rows, columns = ("", "top", "bottom"), ("", "left", "right")
    named = f"{rows[down]} {columns[across]}".strip()
    found: dict[str, Grip] = {
        "left": "left", "right": "right", "top": "top", "bottom": "bottom", "top left": "top left",
        "top right": "top right", "bottom left": "bottom left", "bottom right": "bottom right",
    }  # fmt: skip
    return found.get(named, "inside")


def _placed(crop: Crop, size: Size) -> tuple[int, int, int, int]:
    """Left, top, width and height in pixels, brought within the bounds if they were not."""
    left, top, right, bottom = edges(crop, size)
    width, height = round(_within(right - left, size[0])), round(_within(bottom - top, size[1]))
    return round(_between(left, 0, size[0] - width)), round(_between(top, 0, size[1] - height)), width, height


def _spanned(stays: Point, end: Point, size: Size, to_left: bool, to_top: bool, ratio: float | None) -> Crop:
    """From the point that stays to where the other was pulled; all in pixels."""
    room = (stays[0] if to_left else size[0] - stays[0], stays[1] if to_top else size[1] - stays[1])
    wide = max(0.0, stays[0] - end[0] if to_left else end[0] - stays[0])
    high = max(0.0, stays[1] - end[1] if to_top else end[1] - stays[1])
    if ratio is None:
        wide, high = _within(wide, size[0], room[0]), _within(high, size[1], room[1])
    else:
        wide, high = _shaped(max(wide, high * ratio), size, ratio, room)
    wide, high = round(wide), round(high)
    left, top = stays[0] - wide if to_left else stays[0], stays[1] - high if to_top else stays[1]
    return _crop(left, top, wide, high, size)


def _sized(along: float, across: float, room: tuple[float, float], ratio: float | None) -> tuple[float, float]:
    """The two sides when `along` changes: `across` stays, or follows the ratio (along by across)."""
    if ratio is None:
        return _within(along, room[0]), across
    return _shaped(along, room, ratio)


def _shaped(
    width: float, size: tuple[float, float], ratio: float, room: tuple[float, float] | None = None
) -> tuple[float, float]:
    """Width and height of this ratio, as near to `width` as the bounds let it be; the least size goes first."""
    room = room or size
    least = (min(LEAST, size[0]), min(LEAST, size[1]))
    largest = min(room[0], room[1] * ratio)
    wide = max(min(width, largest), least[0], least[1] * ratio)
    high = wide / ratio
    return min(wide, size[0]), min(high, size[1])


def _within(length: float, whole: float, room: float | None = None) -> float:
    """A length between the least and what there is."""
    return max(min(length, whole if room is None else room), min(LEAST, whole))


def _between(value: float, low: float, high: float) -> float:
    return max(low, min(value, high))


def _nearer(at: float, low: float, high: float, reach: float) -> int:
    """1 at the low edge, 2 at the high one, 0 away from both."""
    to_low, to_high = abs(at - low), abs(at - high)
    if min(to_low, to_high) > reach:
        return 0
    return 1 if to_low <= to_high else 2


def _crop(left: float, top: float, width: float, height: float, size: Size) -> Crop:
    """On whole pixels and inside; the size is kept where the place has to give way."""
    wide, high = (
        min(size[0], max(round(width), min(LEAST, size[0]))),
        min(size[1], max(round(height), min(LEAST, size[1]))),
    )
    x = round(_between(round(left), 0, size[0] - wide))
    y = round(_between(round(top), 0, size[1] - high))
    return Crop(x / size[0], y / size[1], (x + wide) / size[0], (y + high) / size[1])
