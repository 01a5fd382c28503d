"""How the tiles of a grid stand: as many side by side as fit, each a square of pixels with a line under it."""

from __future__ import annotations

from dataclasses import dataclass

GAP = 2  # least columns between pictures; the cursor is drawn in them
SMALLEST = 12  # columns of a picture in a low window


@dataclass(frozen=True)
class TileLayout:
    """`columns` pictures side by side, each `width` x `height` cells, with `gap` cells between them."""

    columns: int
    width: int
    height: int
    gap: int

    @classmethod
    def fit(cls, width: int, height: int, least: int) -> TileLayout:
        """For a grid of `width` x `height` cells whose pictures are `least` columns wide or more.

        In a low window they are smaller, so that rows are seen. What the last row's end would leave empty is
        shared out among the gaps. One column on each side is for the cursor.
        """
        inner = max(SMALLEST, width - 2)
        narrowest = min(least, max(SMALLEST, (height // 2 - 1) * 2))
        columns = max(1, (inner + GAP) // (narrowest + GAP))
        wide = max(6, min((inner + GAP) // columns - GAP, 2 * least)) // 2 * 2
        gap = GAP if columns == 1 else min(GAP + 2, (inner - columns * wide) // (columns - 1))
        return cls(columns, wide, wide // 2, gap)
