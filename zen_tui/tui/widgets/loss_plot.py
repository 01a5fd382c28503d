"""The loss of a run, drawn in braille dots: each step dim, the smoothed curve bright, held-out photos as points.

A redraw costs what the width costs, not what the run has steps: the columns are filled as the steps come.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from zen_tui.tui.keys import bindings
from zen_tui.tui.widgets.braille import BLANK, Dots
from zen_tui.tui.widgets.plot_scale import Columns, Vertical, nearest_index, round_span, steps_line

LEFT = 8  # cells for the numbers of the vertical scale
BELOW = 3  # the axis, its numbers, and the line that says what is drawn


@dataclass
class Curve:
    """What the plot draws. The three sequences grow together; the plot reads them and never changes them."""

    steps: Sequence[int] = ()
    losses: Sequence[float] = ()
    smoothed: Sequence[float] = ()
    holdout: Sequence[tuple[int, float]] = ()
    samples: Sequence[int] = ()
    best: int | None = None
    total: int = 0


class LossPlot(Widget, can_focus=True):
    """A live plot of a run's loss. `show` gives it the curve; the arrow keys read a step out."""

    scope = "plot"
    BINDINGS = bindings("plot")
    COMPONENT_CLASSES = {
        "loss-plot--each", "loss-plot--smooth", "loss-plot--held", "loss-plot--best", "loss-plot--label",
        "loss-plot--axis", "loss-plot--value", "loss-plot--cursor",
    }  # fmt: skip
    DEFAULT_CSS = """
    LossPlot {
        height: 1fr;
        & .loss-plot--each { color: $primary 40%; }
        & .loss-plot--smooth { color: $primary; text-style: bold; }
        & .loss-plot--held { color: $attention; }
        & .loss-plot--best { color: $best; text-style: bold; }
        & .loss-plot--label { color: $muted; }
        & .loss-plot--axis { color: $line; }
        & .loss-plot--value { color: $bright; }
        & .loss-plot--cursor { color: $foreground 60%; }
    }
    """

    log_scale: reactive[bool] = reactive(False)
    fitted: reactive[bool] = reactive(False)
    cursor: reactive[int | None] = reactive(None)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.curve = Curve()
        self._columns = Columns(2, 1)
        self._lines: list[Strip] = []
        self._stale = True

    def show(self, curve: Curve) -> None:
        """Draw `curve`; call it again, at most four times a second, when it has grown."""
        self.curve = curve
        self._redraw()

    def action_read(self, cells: int) -> None:
        """Move the cursor by `cells` character cells; the first press puts it on the newest step."""
        steps = self.curve.steps
        if not steps:
            return
        if self.cursor is None:
            self.cursor = steps[-1]
            return
        a_cell = max(1, round(self.span * 2 / max(1, self._columns.width)))
        index = nearest_index(steps, self.cursor + cells * a_cell)
        self.cursor = steps[index or 0]

    def action_read_first(self) -> None:
        """Put the cursor on the first step."""
        self.cursor = self.curve.steps[0] if self.curve.steps else None

    def action_read_last(self) -> None:
        """Put the cursor on the newest step."""
        self.cursor = self.curve.steps[-1] if self.curve.steps else None

    @property
    def span(self) -> int:
        """The step at the right edge."""
        newest = self.curve.steps[-1] if self.curve.steps else 1
        return round_span(newest) if self.fitted or not self.curve.total else max(self.curve.total, newest)

    @property
    def readout(self) -> str:
        """What lies under the cursor, in words; empty without a cursor."""
        index = None if self.cursor is None else nearest_index(self.curve.steps, self.cursor)
        if index is None:
            return ""
        step = self.curve.steps[index]
        words = [
            f"step {step:,}",
            f"loss {self.curve.losses[index]:.4f}",
            f"smoothed {self.curve.smoothed[index]:.4f}",
        ]
        before = bisect_right([at for at, _ in self.curve.holdout], step)
        if before:
            at, loss = self.curve.holdout[before - 1]
            words.append(f"held out {loss:.4f}" + ("" if at == step else f" at {at:,}"))
        return "   ".join(words)

    def watch_log_scale(self) -> None:
        self._redraw()

    def watch_fitted(self) -> None:
        self._redraw()

    def watch_cursor(self) -> None:
        self._redraw()

    def on_resize(self, event: events.Resize) -> None:
        self._redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._redraw()

    def on_click(self, event: events.Click) -> None:
        """Read out the step that was clicked."""
        column = 2 * (event.get_content_offset_capture(self).x - LEFT)
        index = nearest_index(self.curve.steps, column * self.span / max(1, self._columns.width - 1))
        self.cursor = None if index is None else self.curve.steps[index]

    def render_line(self, y: int) -> Strip:
        if self._stale:
            self._lines, self._stale = self._draw(), False
        blank = Strip.blank(self.size.width)
        line = self._lines[y].extend_cell_length(self.size.width) if y < len(self._lines) else blank
        return line.apply_style(self.rich_style)

    def _redraw(self) -> None:
        self._stale = True
        self.refresh()

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"loss-plot--{name}")

    def _draw(self) -> list[Strip]:
        width, height = self.size.width - LEFT - 1, self.size.height - BELOW
        if width < 8 or height < 2:
            return []
        if (self._columns.width, self._columns.span) != (2 * width, self.span):
            self._columns = Columns(2 * width, self.span)
        curve, columns = self.curve, self._columns
        columns.take(curve.steps, curve.losses, curve.smoothed)
        shown = [*columns.usual(), *(loss for _, loss in curve.holdout)]
        scale = Vertical.around(shown, self.log_scale)
        each, smooth = Dots(width, height), Dots(width, height)
        dots = height * 4
        for column, low in columns.lows.items():
            each.column(column, scale.dot(columns.highs[column], dots), scale.dot(low, dots))
        smooth.path(
            [(column, scale.dot(v, dots)) for column, v in sorted(columns.lasts.items()) if math.isfinite(v)]
        )
        over = self._marks(scale, width, height)
        labels = {scale.dot(value, dots) >> 2: value for value in scale.ticks(max(3, height // 3))}
        lines = [
            Strip([self._label(labels.get(row)), *self._cells(row, each, smooth, over)]) for row in range(height)
        ]
        return [*lines, self._axis(width), self._numbers(width), self._words()]

    def _marks(self, scale: Vertical, width: int, height: int) -> dict[tuple[int, int], tuple[str, str]]:
        """What is drawn over the curves: the cursor, held-out points, and the best of them."""
        marks: dict[tuple[int, int], tuple[str, str]] = {}
        if self.cursor is not None:
            column = self._columns.at(self.cursor) >> 1
            marks |= {(row, column): ("│", "cursor") for row in range(height)}
        for step, loss in self.curve.holdout:
            if math.isfinite(loss):
                row = min(height - 1, max(0, scale.dot(loss, height * 4) >> 2))
                best = step == self.curve.best
                place = (row, self._columns.at(step) >> 1)
                if best or marks.get(place, ("", ""))[1] != "best":
                    marks[place] = ("★", "best") if best else ("◆", "held")
        return marks

    def _cells(
        self, row: int, each: Dots, smooth: Dots, over: dict[tuple[int, int], tuple[str, str]]
    ) -> list[Segment]:
        segments: list[Segment] = []
        run, name = "", ""
        for column, (dim, bright) in enumerate(zip(each.rows[row], smooth.rows[row], strict=True)):
            char, kind = over.get((row, column), ("", ""))
            if kind == "cursor" and bright:
                char = ""
            if not char:
                char = chr(BLANK + (bright or dim)) if bright or dim else " "
                kind = "smooth" if bright else "each"
                kind = kind if char != " " else "label"
            if kind != name and run:
                segments.append(Segment(run, self._style(name)))
                run = ""
            run, name = run + char, kind
        segments.append(Segment(run, self._style(name)))
        return segments

    def _label(self, value: float | None) -> Segment:
        text = "" if value is None else f"{value:.4g}"
        return Segment(f"{text:>{LEFT - 1}} ", self._style("label"))

    def _axis(self, width: int) -> Strip:
        line = ["─"] * width
        for step in self.curve.samples:
            line[self._columns.at(step) >> 1] = "▴"
        segments = [Segment(" " * LEFT)]
        for char in line:
            segments.append(Segment(char, self._style("label" if char == "▴" else "axis")))
        return Strip(segments).simplify()

    def _numbers(self, width: int) -> Strip:
        return Strip([Segment(steps_line(self._columns, LEFT, LEFT + width + 1), self._style("label"))])

    def _words(self) -> Strip:
        """The line below: what is under the cursor, or else what the marks mean."""
        if self.readout:
            return Strip([Segment(" " * LEFT), Segment(self.readout, self._style("value"))])
        parts = [("━ ", "smooth", "loss, smoothed"), ("⠒ ", "each", "each step")]
        if self.curve.holdout:
            parts.append(("◆ ", "held", "held-out photos"))
        if self.curve.samples:
            parts.append(("▴ ", "label", "samples"))
        segments = [Segment(" " * LEFT)]
        if self.curve.best is not None:
            so_far = " so far" if self.size.width > 44 else ""
            segments.append(Segment(f"★ best{so_far}: step {self.curve.best:,}   ", self._style("best")))
        room = self.size.width - sum(len(segment.text) for segment in segments)
        for mark, style, words in parts:
            room -= len(mark) + len(words) + 3
            if room >= -3:
                segments += [Segment(mark, self._style(style)), Segment(f"{words}   ", self._style("label"))]
        return Strip(segments)
