"""Smoothed losses of several runs over each other in braille dots, each with its letter at its end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from zen_tui.tui.widgets.braille import BLANK, Dots
from zen_tui.tui.widgets.plot_scale import Columns, Vertical, round_span, steps_line

LEFT = 8  # cells for the numbers of the vertical scale
RIGHT = 3  # for the letters
BELOW = 2  # the axis and its numbers
LETTERS = "ABCD"


@dataclass
class RunCurve:
    """The losses of a run. The first three sequences are of one length."""

    steps: Sequence[int]
    losses: Sequence[float]
    smoothed: Sequence[float]
    holdout: Sequence[tuple[int, float]]


class CurvesPlot(Widget):
    """`show` gives it up to four runs."""

    COMPONENT_CLASSES = {"curves--A", "curves--B", "curves--C", "curves--D", "curves--label", "curves--axis"}
    DEFAULT_CSS = """
    CurvesPlot {
        height: 1fr;
        & .curves--A { color: $primary; }
        & .curves--B { color: $attention; }
        & .curves--C { color: $best; }
        & .curves--D { color: $bright; }
        & .curves--label { color: $muted; }
        & .curves--axis { color: $line; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.curves: list[RunCurve] = []
        self._lines: list[Strip] | None = None

    def show(self, curves: list[RunCurve]) -> None:
        self.curves = curves
        self._redraw()

    def on_resize(self, event: events.Resize) -> None:
        self._redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._redraw()

    def _redraw(self) -> None:
        self._lines = None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        if self._lines is None:
            self._lines = self._draw()
        strip = self._lines[y] if y < len(self._lines) else Strip([])
        return strip.extend_cell_length(self.size.width).apply_style(self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"curves--{name}")

    def _draw(self) -> list[Strip]:
        width, height = self.size.width - LEFT - RIGHT, self.size.height - BELOW
        if width < 8 or height < 2:
            return []
        drawn = [curve for curve in self.curves if curve.steps or curve.holdout]
        if not drawn:
            return [Strip([Segment("No step was made yet.", self._style("label"))])]
        span = round_span(max([0, *(s for c in drawn for s in [*c.steps[-1:], *(h[0] for h in c.holdout)])]))
        columns = [Columns(2 * width, span) for _ in self.curves]
        for column, curve in zip(columns, self.curves, strict=True):
            column.take(curve.steps, curve.losses, curve.smoothed)
        values = [v for column in columns for v in column.lasts.values()]
        scale = Vertical.around([*values, *(loss for curve in drawn for _, loss in curve.holdout)], log=False)
        layers = [Dots(width, height) for _ in self.curves]
        marks: dict[tuple[int, int], tuple[str, str]] = {}
        for letter, column, layer, curve in zip(LETTERS, columns, layers, self.curves, strict=False):
            line = [(x, scale.dot(v, height * 4)) for x, v in sorted(column.lasts.items()) if math.isfinite(v)]
            layer.path(line)
            for step, loss in curve.holdout:
                if math.isfinite(loss):
                    marks[_row(scale, loss, height), column.at(step) >> 1] = ("◆", letter)
            if line:
                _put_letter(marks, min(height - 1, line[-1][1] >> 2), (line[-1][0] >> 1) + 1, letter, height)
        labels = {_row(scale, value, height): value for value in scale.ticks(max(3, height // 3))}
        lines = [Strip([self._number(labels.get(row)), *self._cells(row, layers, marks)]) for row in range(height)]
        axis = Strip([Segment(" " * LEFT), Segment("─" * width, self._style("axis"))])
        below = steps_line(columns[0], LEFT, LEFT + width + RIGHT)
        return [*lines, axis, Strip([Segment(below, self._style("label"))])]

    def _cells(
        self, row: int, layers: Sequence[Dots], marks: dict[tuple[int, int], tuple[str, str]]
    ) -> list[Segment]:
        segments: list[Segment] = []
        for column in range(layers[0].width + RIGHT):
            char, style = marks.get((row, column), (" ", "label"))
            if char == " " and column < layers[0].width:
                for letter, layer in zip(LETTERS, layers, strict=False):
                    if dots := layer.rows[row][column]:
                        char, style = chr(BLANK + dots), letter
            segments.append(Segment(char, self._style(style)))
        return list(Strip(segments).simplify())

    def _number(self, value: float | None) -> Segment:
        text = "" if value is None else f"{value:.4g}"
        return Segment(f"{text:>{LEFT - 1}} ", self._style("label"))


def _row(scale: Vertical, value: float, height: int) -> int:
    return min(height - 1, max(0, scale.dot(value, height * 4) >> 2))


def _put_letter(
    marks: dict[tuple[int, int], tuple[str, str]], row: int, column: int, letter: str, height: int
) -> None:
    """The letter at the end of its line, or the nearest row where no other letter stands."""
    for away in range(height):
        for place in (row - away, row + away):
            if 0 <= place < height and marks.get((place, column), ("◆", ""))[0] == "◆":
                marks[place, column] = (letter, letter)
                return
