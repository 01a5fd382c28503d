"""A picture as Sixel: encoded in a thread, drawn by a widget that paints it over its own empty cells.

All colours are defined before the first pixel: xterm gives wrong colours to what is drawn with a definition
that comes later. The format: vt100.net/docs/vt3xx-gp/chapter14.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.control import Control
from rich.segment import ControlType, Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from PIL.Image import Image

BAND = 6  # rows of pixels in one line of Sixel
EMPTY = 63  # '?', a column of six pixels without colour
RUN = re.compile(rb"(.)\1{3,}", re.S)
COLOURS = 256


def limited(image: Image) -> Image:
    """`image` in 256 colours of its own, dithered, so that a sky shows no bands."""
    from PIL import Image as Pillow

    palette = image.quantize(COLOURS, Pillow.Quantize.MEDIANCUT)
    return image.quantize(COLOURS, palette=palette, dither=Pillow.Dither.FLOYDSTEINBERG)


def encode(image: Image, wanted: Callable[[], bool] = lambda: True) -> str:
    """A picture in RGB as the text that makes a terminal draw it at the cursor; '' once it is not `wanted`."""
    import numpy as np

    image = limited(image)
    pixels, palette = np.asarray(image), image.getpalette() or []
    parts = [f'\x1bP0;1;0q"1;1;{image.width};{image.height}'.encode()]
    for colour in np.unique(pixels).tolist():
        red, green, blue = (round(part / 2.55) for part in palette[3 * colour : 3 * colour + 3])
        parts.append(f"#{colour};2;{red};{green};{blue}".encode())
    for top in range(0, image.height, BAND):
        if not wanted():
            return ""
        band = pixels[top : top + BAND]
        bits = (1 << np.arange(len(band), dtype=np.uint8))[:, None]
        lines = []
        for colour in np.unique(band).tolist():
            columns = ((band == colour) * bits).sum(0, dtype=np.uint8) + np.uint8(EMPTY)
            line = columns.tobytes().rstrip(b"?")
            lines.append(b"#%d" % colour + RUN.sub(_shorter, line))
        parts.append(b"$".join(lines) + b"-")
    return (b"".join(parts) + b"\x1b\\").decode("ascii")


def _shorter(run: re.Match[bytes]) -> bytes:
    return b"!%d%s" % (len(run[0]), run[1])


class SixelPicture(Widget):
    """Draws `data` when all of its cells are in view; under a dialog it leaves them empty."""

    def __init__(self, data: str, *, classes: str = "") -> None:
        super().__init__(classes=classes)
        self.data = data

    def render_lines(self, crop: Region) -> list[Strip]:
        blank = Strip.blank(crop.width, self.rich_style)
        lines = [blank] * crop.height
        if crop.size == self.size and self.screen.is_active:
            region = self.region
            there = Control.move_to(region.x, region.y).segment
            back = Control.move_to(region.right, region.bottom - 1).segment
            picture = Segment(self.data, control=((ControlType.CURSOR_FORWARD, 0),))
            lines[-1] = Strip([*blank, Segment(there.text), picture, Segment(back.text)], crop.width)
        return lines
