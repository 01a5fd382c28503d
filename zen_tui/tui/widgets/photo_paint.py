"""How a photo with rectangles on it is drawn: what is chosen is bright, the rest dim, edges are characters.

Each cell's characters for bright and dim are made when first needed and kept, so that a change costs a look-up
a cell, however large the photo is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from zen_tui.library.records import Crop
from zen_tui.library.text import clean
from zen_tui.tui.widgets.crop_geometry import SIDES, Side
from zen_tui.tui.widgets.halfcells import Lines

if TYPE_CHECKING:
    from PIL.Image import Image

DASH, LETTERS = 10, 13  # pixels, of sharp pictures
DIM = 0.68  # how much of the ground covers what is not chosen

LINES = {  # horizontal, vertical, and the corners from the top left clockwise
    (True, False): "━┃┏┓┛┗",
    (True, True): "╍╏┏┓┛┗",
    (False, False): "─│┌┐┘└",
    (False, True): "╌╎┌┐┘└",
}
CHOSEN = "═║"  # a side that the arrows move alone


@dataclass(frozen=True)
class Frame:
    """A rectangle as it is drawn. `sides` are those that the arrows move; `active` has them move at all."""

    box: Crop
    label: str = ""
    active: bool = True
    dashed: bool = False
    sides: Sequence[Side] = SIDES

    @property
    def alone(self) -> Side | None:
        """The one side that the arrows move; None when they move all."""
        return self.sides[0] if self.active and len(self.sides) == 1 else None

    @property
    def colour(self) -> str:
        """The theme's name of its colour."""
        return "primary" if self.active else "foreground"


@dataclass(frozen=True)
class Light:
    """What of the photo is bright: a mask (or all, or nothing), and rectangles painted over it in order."""

    under: Image | bool = False
    over: tuple[tuple[Crop, bool], ...] = ()

    def mask(self, size: tuple[int, int]) -> Image:
        """Grey, 255 where it is bright."""
        from PIL import Image as Pillow

        if isinstance(self.under, bool):
            found = Pillow.new("L", size, 255 if self.under else 0)
        else:
            found = self.under.resize(size, Pillow.Resampling.BILINEAR)
        for box, bright in self.over:
            found.paste(255 if bright else 0, pixel_box(box, size))
        return found


def pixel_box(box: Crop, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A rectangle in whole pixels of a picture of `size`; one pixel at least."""
    left, top = min(size[0] - 1, round(box.left * size[0])), min(size[1] - 1, round(box.top * size[1]))
    return left, top, max(left + 1, round(box.right * size[0])), max(top + 1, round(box.bottom * size[1]))


class Paints:
    """The characters of a photo in so many cells, bright and dim; `plain` says it with dots instead of colours."""

    def __init__(self, picture: Image, cells: tuple[int, int], ground: str, *, plain: bool = False) -> None:
        self.columns, rows = cells
        self.plain = Style(bgcolor=ground) if plain else None
        self.kept: dict[int, Segment] = {}
        if plain:
            self.bright = self.dim = b""
            return
        from PIL import Image as Pillow

        size = (self.columns, rows * 2)
        bright = picture.resize(size, Pillow.Resampling.BOX, reducing_gap=2.0)
        self.bright = bright.tobytes()
        self.dim = dimmed(bright, ground).tobytes()

    def line(self, y: int, mask: bytes) -> list[Segment]:
        """One row of characters; `mask` holds a byte for each of its upper halves, then for the lower ones."""
        columns, kept = self.columns, self.kept
        found = []
        for x in range(columns):
            key = (y * columns + x) * 4 + (mask[x] > 127) * 2 + (mask[columns + x] > 127)
            segment = kept.get(key)
            if segment is None:
                segment = kept[key] = self._made(key)
            found.append(segment)
        return found

    def _made(self, key: int) -> Segment:
        place, upper, lower = key // 4, key & 2, key & 1
        if self.plain is not None:
            return Segment(" " if upper and lower else "·", self.plain)
        y, x = divmod(place, self.columns)
        at = 3 * (2 * y * self.columns + x)
        below = at + 3 * self.columns
        above_from, below_from = self.bright if upper else self.dim, self.bright if lower else self.dim
        colours = Color.from_rgb(*above_from[at : at + 3]), Color.from_rgb(*below_from[below : below + 3])
        return Segment("▀", Style.from_color(*colours))


def draw_frame(lines: Lines, frame: Frame, colours: Mapping[str, str]) -> None:
    """Put the edges of `frame` over the cells that they run through; `lines` has a segment a cell."""
    columns, rows = len(lines[0]), len(lines)
    left, top = min(columns - 1, int(frame.box.left * columns)), min(rows - 1, int(frame.box.top * rows))
    right = max(left, ceil(frame.box.right * columns - 1e-9) - 1)
    bottom = max(top, ceil(frame.box.bottom * rows - 1e-9) - 1)
    normal = Style(color=colours[frame.colour], bgcolor=colours["background"])
    chosen = Style(color=colours["attention"], bgcolor=colours["background"], bold=True)
    flat, upright, *corners = list(LINES[frame.active, frame.dashed])
    for side, y in (("top", top), ("bottom", bottom)):
        sign, style = (CHOSEN[0], chosen) if side == frame.alone else (flat, normal)
        lines[y][left : right + 1] = [Segment(sign, style)] * (right + 1 - left)
    for side, x in (("left", left), ("right", right)):
        sign, style = (CHOSEN[1], chosen) if side == frame.alone else (upright, normal)
        for y in range(top + 1, bottom):
            lines[y][x] = Segment(sign, style)
    for sign, (x, y) in zip(corners, ((left, top), (right, top), (right, bottom), (left, bottom)), strict=True):
        lines[y][x] = Segment(sign, normal)
    if frame.label and right - left > 4:
        letters = f" {clean(frame.label, right - left - 3)} "
        lines[top][left + 1 : left + 1 + len(letters)] = [Segment(letter, normal) for letter in letters]


def draw_sharp(
    picture: Image, pixels: tuple[int, int], lit: Light, frames: Sequence[Frame], colours: Mapping[str, str]
) -> Image:
    """The same as a picture of so many pixels."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    bright = picture.resize(pixels, Pillow.Resampling.BILINEAR, reducing_gap=2.0)
    drawn = dimmed(bright, colours["background"])
    drawn.paste(bright, mask=lit.mask(pixels))
    pen = ImageDraw.Draw(drawn)
    for frame in frames:
        left, top, right, bottom = pixel_box(frame.box, pixels)
        right, bottom = right - 1, bottom - 1
        colour = colours[frame.colour]
        pen.rectangle((left, top, right, bottom), outline=colours["background"], width=4)
        pen.rectangle((left, top, right, bottom), outline=colour, width=2)
        if frame.dashed:
            for x in range(left + DASH, right, 2 * DASH):
                for y in (top, bottom - 3):
                    pen.rectangle((x, y, min(x + DASH // 2, right), y + 3), fill=colours["background"])
            for y in range(top + DASH, bottom, 2 * DASH):
                for x in (left, right - 3):
                    pen.rectangle((x, y, x + 3, min(y + DASH // 2, bottom)), fill=colours["background"])
        if frame.label:
            at, font = (left + 30, top + 1), ImageFont.load_default(LETTERS)
            pen.rectangle(pen.textbbox(at, f" {frame.label} ", font), fill=colours["background"])
            pen.text(at, f" {frame.label} ", colour, font)
        if frame.active:
            arm = max(6, min(24, (right - left) // 4, (bottom - top) // 4))
            for x, across in ((left, 1), (right, -1)):
                for y, down in ((top, 1), (bottom, -1)):
                    pen.rectangle(_ordered(x, y, x + across * arm, y + down * 4), fill=colour)
                    pen.rectangle(_ordered(x, y, x + across * 4, y + down * arm), fill=colour)
        if frame.alone:
            ends = {
                "left": (left, top, left + 5, bottom), "right": (right - 5, top, right, bottom),
                "top": (left, top, right, top + 5), "bottom": (left, bottom - 5, right, bottom),
            }  # fmt: skip
            pen.rectangle(ends[frame.alone], fill=colours["attention"])
    return drawn


def dimmed(picture: Image, ground: str) -> Image:
    """`picture` as it looks where it is not chosen, on the colour `ground`."""
    from PIL import Image as Pillow

    return Pillow.blend(picture, Pillow.new("RGB", picture.size, ground), DIM)


def _ordered(x0: int, y0: int, x1: int, y1: int) -> tuple[int, int, int, int]:
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
