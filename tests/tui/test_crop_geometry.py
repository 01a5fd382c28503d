"""A rectangle on a photo: whatever is done to it, it stays inside, never empties, and holds its shape."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zen_tui.library.records import Crop
from zen_tui.tui.widgets.crop_geometry import (
    LEAST,
    SHAPES,
    SIDES,
    WHOLE,
    Grip,
    drag,
    edges,
    extent,
    grip_at,
    grow,
    move,
    move_side,
    ratio_of,
    reshape,
    shape_of,
    span,
)

GRIPS: tuple[Grip, ...] = (*SIDES, "top left", "top right", "bottom left", "bottom right", "inside", "")
sizes = st.tuples(st.integers(1, 9000), st.integers(1, 9000))
photos = st.tuples(st.integers(200, 9000), st.integers(200, 9000))  # where every shape fits at its least size
pixels = st.floats(-12_000, 12_000)
points = st.floats(-0.5, 1.5)
shapes = st.sampled_from(SHAPES)


@st.composite
def crops(draw: st.DrawFn) -> Crop:
    left, right = sorted((draw(st.floats(0, 1)), draw(st.floats(0, 1))))
    top, bottom = sorted((draw(st.floats(0, 1)), draw(st.floats(0, 1))))
    return Crop(left, top, right, bottom)


Deed = Callable[[Crop, tuple[int, int]], Crop]


@st.composite
def deeds(draw: st.DrawFn) -> Deed:
    """Anything that a key or the mouse does."""
    x, y, by, shape = draw(points), draw(points), draw(pixels), draw(shapes)
    side, grip, what = draw(st.sampled_from(SIDES)), draw(st.sampled_from(GRIPS)), draw(st.integers(0, 5))
    return (
        lambda crop, size: move(crop, size, by, x * size[1]),
        lambda crop, size: grow(crop, size, by, ratio_of(shape, size)),
        lambda crop, size: move_side(crop, size, side, by, ratio_of(shape, size)),
        lambda crop, size: reshape(crop, size, ratio_of(shape, size)),
        lambda crop, size: drag(crop, size, grip, x, y, ratio_of(shape, size)),
        lambda crop, size: span((y, x), (x, y), size, ratio_of(shape, size)),
    )[what]


@settings(deadline=None)
@given(sizes, st.lists(deeds(), min_size=1, max_size=12))
def test_whatever_is_done_it_stays_inside_and_is_never_empty(size: tuple[int, int], done: list[Deed]) -> None:
    crop = WHOLE
    for deed in done:
        crop = deed(crop, size)
        left, top, right, bottom = edges(crop, size)
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]
        assert 0 <= crop.left < crop.right <= 1
        assert 0 <= crop.top < crop.bottom <= 1
        assert right - left >= min(LEAST, size[0])
        assert bottom - top >= min(LEAST, size[1])
        assert crop == Crop(left / size[0], top / size[1], right / size[0], bottom / size[1]), "not whole pixels"


@settings(deadline=None)
@given(photos, crops(), pixels, points, points, shapes.filter(lambda shape: shape != "free"))
def test_a_shape_is_held_to_a_pixel(
    size: tuple[int, int], crop: Crop, by: float, x: float, y: float, shape: str
) -> None:
    ratio = ratio_of(shape, size)
    assert ratio is not None
    if shape == "as the photo" and not 1 / 3 < ratio < 3:
        return
    crop = reshape(crop, size, ratio)
    made = [crop, grow(crop, size, by, ratio), move(crop, size, by, by)]
    made += [move_side(crop, size, side, by, ratio) for side in SIDES]
    made += [drag(crop, size, grip, x, y, ratio) for grip in GRIPS]
    for one in made:
        width, height = extent(one, size)
        assert abs(width - height * ratio) <= 0.5 + ratio * 0.5 + 1e-6


@settings(deadline=None)
@given(sizes, crops(), pixels, pixels)
def test_moving_keeps_the_size_and_sizing_keeps_the_centre(
    size: tuple[int, int], crop: Crop, by: float, down: float
) -> None:
    crop = move(crop, size, 0, 0)
    assert extent(move(crop, size, by, down), size) == extent(crop, size)
    smaller = grow(crop, size, -abs(by), None)
    assert abs((smaller.left + smaller.right) - (crop.left + crop.right)) * size[0] <= 2
    assert abs((smaller.top + smaller.bottom) - (crop.top + crop.bottom)) * size[1] <= 2


@settings(deadline=None)
@given(sizes, crops(), pixels)
def test_a_side_moves_alone_where_no_shape_is_held(size: tuple[int, int], crop: Crop, by: float) -> None:
    crop = move(crop, size, 0, 0)
    before = dict(zip(SIDES, edges(crop, size), strict=True))
    for side in SIDES:
        after = dict(zip(SIDES, edges(move_side(crop, size, side, by, None), size), strict=True))
        assert {name for name in SIDES if after[name] != before[name]} <= {side}


@settings(deadline=None)
@given(photos, crops())
def test_a_corner_goes_where_it_is_pulled(size: tuple[int, int], crop: Crop) -> None:
    crop = move(crop, size, 0, 0)
    left, top, right, bottom = edges(drag(crop, size, "bottom right", 1, 1, None), size)
    assert (left, top) == edges(crop, size)[:2]
    assert (right, bottom) == size


@settings(deadline=None)
@given(photos, crops(), points, points, shapes)
def test_what_is_opposite_to_a_pulled_corner_or_side_stays(
    size: tuple[int, int], crop: Crop, x: float, y: float, shape: str
) -> None:
    ratio = ratio_of(shape, size)
    if ratio and not 1 / 3 < ratio < 3:
        return
    crop = reshape(move(crop, size, 0, 0), size, ratio)
    left, top, right, bottom = edges(crop, size)
    room = LEAST * max(ratio or 1, 1 / (ratio or 1)) + 1  # with less beside it, what stays has to give way
    if right > room and bottom > room:
        assert edges(drag(crop, size, "top left", x, y, ratio), size)[2:] == (right, bottom)
        assert edges(drag(crop, size, "left", x, y, ratio), size)[2] == right
        assert edges(drag(crop, size, "top", x, y, ratio), size)[3] == bottom
    if size[0] - left > room and size[1] - top > room:
        assert edges(drag(crop, size, "bottom right", x, y, ratio), size)[:2] == (left, top)
        assert edges(drag(crop, size, "right", x, y, ratio), size)[0] == left
        assert edges(drag(crop, size, "bottom", x, y, ratio), size)[1] == top


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_recognised(shape: str) -> None:
    size = (6000, 3375)
    made = reshape(Crop(0.2, 0.3, 0.5, 0.65), size, ratio_of(shape, size))
    assert shape_of(made, size) == (shape if shape != "as the photo" else "free")


def test_the_shape_of_the_photo_may_be_chance_and_is_not_held() -> None:
    assert shape_of(Crop(0.1, 0.1, 0.6, 0.6), (6000, 4000)) == "free"
    assert shape_of(Crop(0.1, 0.1, 0.6, 0.6), (4000, 4000)) == "free"


def test_grips_are_found_where_they_are_seen() -> None:
    crop, reach = Crop(0.2, 0.2, 0.8, 0.6), (0.02, 0.02)
    assert grip_at(crop, 0.2, 0.21, reach) == "top left"
    assert grip_at(crop, 0.79, 0.6, reach) == "bottom right"
    assert grip_at(crop, 0.5, 0.61, reach) == "bottom"
    assert grip_at(crop, 0.81, 0.4, reach) == "right"
    assert grip_at(crop, 0.5, 0.4, reach) == "inside"
    assert grip_at(crop, 0.9, 0.4, reach) == ""


def test_the_largest_square_is_in_the_middle() -> None:
    assert edges(reshape(WHOLE, (6000, 4000), 1), (6000, 4000)) == (1000, 0, 5000, 4000)
