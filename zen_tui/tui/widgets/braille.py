"""A canvas of braille dots: every character cell is two dots wide and four high."""

from __future__ import annotations

from itertools import pairwise

BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
BLANK = 0x2800


class Dots:
    """`width` x `height` cells of dots; row 0 is at the top."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rows = [bytearray(width) for _ in range(height)]

    def column(self, x: int, top: int, bottom: int) -> None:
        """Set the dots of dot column `x` from dot row `top` to `bottom`, both included; outside is cut off."""
        cell, bits = x >> 1, BITS[x & 1]
        for y in range(max(0, top), min(self.height * 4 - 1, bottom) + 1):
            self.rows[y >> 2][cell] |= bits[y & 3]

    def path(self, points: list[tuple[int, int]]) -> None:
        """Join `points` (dot column, dot row), which come in order of their columns, by a line two dots thick."""
        for x, y in points[:1]:
            self.column(x, y, y + 1)
        for (x0, y0), (x1, y1) in pairwise(points):
            before = y0
            for x in range(x0 + 1, x1 + 1):
                y = y0 + (y1 - y0) * (x - x0) // (x1 - x0)
                self.column(x, min(y, before + 1), max(y, before - 1) + 1)
                before = y
