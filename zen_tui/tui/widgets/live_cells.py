"""Half-cells that change often: lines are laid out once, and only the cells that differ are painted again.

Over a slow line that is the difference between a few hundred bytes a key and a hundred thousand.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.strip import Strip

from zen_tui.tui.widgets.halfcells import Lines
from zen_tui.tui.widgets.picture_pane import HalfCells

GAP = 8  # cells; what lies nearer together is painted as one


class LiveCells(HalfCells):
    """`put` shows lines in the middle of the widget; each line fills the same number of cells."""

    DEFAULT_CSS = "LiveCells { width: 1fr; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self._strips: list[Strip] = []
        self._laid: tuple[tuple[int, int], Size] | None = None

    def put(self, lines: Lines, cells: tuple[int, int]) -> None:
        """Show `lines`, which are `cells` columns and rows."""
        before, self.lines, self.said = self.lines, lines, ""
        alike = self._laid == (cells, self.size) and len(before) == len(lines)
        self._laid = (cells, self.size)
        left, above = (self.size.width - cells[0]) // 2, (self.size.height - cells[1]) // 2
        blank, width = self.rich_style, self.size.width
        sides = Segment(" " * left, blank), Segment(" " * (width - left - cells[0]), blank)
        if not alike:
            self._strips = [Strip([sides[0], *line, sides[1]], width) for line in lines]
            self.refresh()
            return
        changed: list[Region] = []
        for y, (old, new) in enumerate(zip(before, lines, strict=True)):
            found = [
                Region(left + start, above + y, end - start, 1) for start, end in differing(old, new, cells[0])
            ]
            if found:
                self._strips[y] = Strip([sides[0], *new, sides[1]], width)
                changed += found
        if changed:
            self.refresh(*changed)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._laid = None

    def render_line(self, y: int) -> Strip:
        if self.said or self._laid is None or self._laid[1] != self.size:
            return super().render_line(y)
        row = y - (self.size.height - self._laid[0][1]) // 2
        return self._strips[row] if 0 <= row < len(self._strips) else super().render_line(y)


def differing(old: list[Segment], new: list[Segment], width: int) -> Iterator[tuple[int, int]]:
    """Spans of cells (from, to) in which two lines of `width` cells differ."""
    if len(old) != width or len(new) != width:  # several cells in one segment
        if old != new:
            yield 0, width
        return
    start = end = -1
    for x in [x for x, (one, other) in enumerate(zip(old, new, strict=True)) if one is not other]:
        if start < 0:
            start = x
        elif x - end > GAP:
            yield start, end
            start = x
        end = x + 1
    if start >= 0:
        yield start, end
