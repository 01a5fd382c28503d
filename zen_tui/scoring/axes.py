"""The ground that curves over steps are drawn on: scales with round numbers, lines, dots, and words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from zen_tui.scoring import ink

LEFT, RIGHT, TOP, BOTTOM = 76, 28, 64, 56
FINER = 2  # drawn at this many times the size and averaged down, for smooth lines
Point = tuple[float, float]
"""A step and a value."""


class Axes:
    """A plot of `width` x `height` pixels, over the steps 0..`last` and the values `low`..`high` of `span`.

    `right` pixels beside the curves are left for what is written there.
    """

    def __init__(
        self, title: str, last: float, span: Point, width: int = 1120, height: int = 480, right: int = RIGHT
    ) -> None:
        self.width, self.height, self.right, self.last = width, height, right, last
        self.low, self.high = span
        self._image = Image.new("RGB", (width * FINER, height * FINER), ink.GROUND)
        self._draw = ImageDraw.Draw(self._image)
        ink.write(self._draw, (LEFT * FINER, 18 * FINER), title, 19 * FINER)

    def place(self, point: Point) -> Point:
        """Where `point` lies on the canvas; what is above or below the scale lies at its end."""
        step, value = point
        value = min(max(value, self.low), self.high)
        x = LEFT + (self.width - LEFT - self.right) * step / self.last
        y = TOP + (self.height - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)
        return x * FINER, y * FINER

    def scales(self) -> None:
        """Draw both scales."""
        end = self.place((self.last, self.low))[0]
        for value in ticks(self.low, self.high):
            left, y = self.place((0, value))
            self._draw.line([(left, y), (end, y)], fill=ink.LINE, width=FINER)
            ink.write(self._draw, (left - 10 * FINER, y), f"{value:.4g}", 13 * FINER, ink.MUTED, "rm")
        for mark in ticks(0, self.last):
            x, y = self.place((mark, self.low))
            ink.write(self._draw, (x, y + 8 * FINER), f"{mark:,.0f}", 13 * FINER, ink.MUTED, "ma")
        ink.write(self._draw, (end, (self.height - 14) * FINER), "step", 13 * FINER, ink.MUTED, "rs")

    def line(self, points: Sequence[Point], color: ink.Color, thick: int) -> None:
        """Join `points`."""
        self._draw.line([self.place(point) for point in points], fill=color, width=thick * FINER, joint="curve")

    def dot(self, point: Point, radius: int, color: ink.Color) -> None:
        """A disc at `point`."""
        self._dot(self.place(point), radius * FINER, color)

    def words(self, point: Point, text: str, color: ink.Color) -> None:
        """`text` above `point`, on the side where there is room."""
        x, y = self.place(point)
        anchor = "rs" if x > self.width * FINER / 2 else "ls"
        ink.write(self._draw, (x, y - 14 * FINER), text, 14 * FINER, color, anchor)

    def beside(self, names: Sequence[tuple[str, float, ink.Color]]) -> None:
        """Names right of the curves at the height of their values, moved apart where they would overlap."""
        x, step = (self.width - self.right + 12) * FINER, 19 * FINER
        below = -math.inf
        for text, value, color in sorted(names, key=lambda name: -name[1]):
            below = max(below + step, self.place((0, value))[1])
            ink.write(self._draw, (x, below), text, 14 * FINER, color, "lm")

    def legend(self, entries: Sequence[tuple[str, ink.Color]]) -> None:
        """What the colours mean, at the top right."""
        x, y = float((self.width - RIGHT) * FINER), 30 * FINER
        for text, color in reversed(entries):
            ink.write(self._draw, (x, y), text, 14 * FINER, ink.MUTED, "rm")
            x -= ink.font(14 * FINER).getlength(text) + 14 * FINER
            self._dot((x, y), 4 * FINER, color)
            x -= 26 * FINER

    def empty(self, words: str) -> Image.Image:
        """The plot with nothing but `words` in it."""
        ink.write(self._draw, (self.width, self.height), words, 16 * FINER, ink.MUTED, "mm")
        return self.finished()

    def finished(self) -> Image.Image:
        """What was drawn."""
        return self._image.resize((self.width, self.height), Image.Resampling.LANCZOS)

    def _dot(self, at: Point, radius: int, color: ink.Color) -> None:
        x, y = at
        box = (x - radius, y - radius, x + radius, y + radius)
        self._draw.ellipse(box, fill=color, outline=ink.GROUND, width=FINER)


def span(shown: Sequence[float], raw: Sequence[float]) -> Point:
    """The lowest and the highest value to show: all of `shown`, and nine tenths of `raw`, with some room."""
    ordered = sorted(raw)
    tails = [ordered[len(raw) // 20], ordered[-1 - len(raw) // 20]] if raw else []
    low, high = min([*shown, *tails], default=0.0), max([*shown, *tails], default=1.0)
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    return (max(0.0, low - room) if low >= 0 else low - room), high + room


def ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers within low..high."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    size = next(s * power for s in (1, 2, 5, 10) if s * power >= rough)
    return [n * size for n in range(math.ceil(low / size - 1e-9), math.floor(high / size + 1e-9) + 1)]
