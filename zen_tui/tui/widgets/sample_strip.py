"""The samples of a run side by side by step, one prompt at a time, scrubbed with the arrow keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from zen_tui.library.events import Sample
from zen_tui.library.paths import Home
from zen_tui.library.text import clean
from zen_tui.tui.keys import bindings
from zen_tui.tui.widgets.halfcells import Tiles

GAP = 2
LABELS = 1  # rows above the pictures
WORDS = 1  # rows below them, for the prompt


class SampleStrip(Widget, can_focus=True):
    """`show` gives it the samples; it follows the newest step until a person scrubs back."""

    @dataclass
    class Opened(Message):
        """The sample under the cursor should be shown in full size."""

        sample: Sample

    scope = "samples"
    BINDINGS = bindings("samples")
    COMPONENT_CLASSES = {"strip--label", "strip--chosen", "strip--best", "strip--words", "strip--empty"}
    DEFAULT_CSS = """
    SampleStrip {
        height: 1fr;
        & .strip--label { color: $muted; }
        & .strip--chosen { color: $bright; text-style: bold; }
        & .strip--best { color: $best; }
        & .strip--words { color: $foreground; }
        & .strip--empty { color: $muted; }
    }
    """

    def __init__(self, home: Home, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.home = home
        self.samples: dict[int, list[Sample]] = {}
        self.prompt_at = 0
        self.step: int | None = None  # the chosen step; None follows the newest
        self.best: int | None = None
        self.waiting = ""
        self._first = 0
        self._tiles = Tiles(self)

    def show(self, samples: Sequence[Sample], best: int | None = None, waiting: str = "") -> None:
        """Show these samples; `best` is the step to flag, `waiting` what to say while there are none."""
        by_prompt: dict[int, list[Sample]] = {}
        for sample in samples:
            by_prompt.setdefault(sample.index, []).append(sample)
        if (by_prompt, best, waiting) != (self.samples, self.best, self.waiting):
            self.samples, self.best, self.waiting = by_prompt, best, waiting
            self.refresh()

    @property
    def prompts(self) -> list[int]:
        """The numbers of the prompts that have a sample."""
        return sorted(self.samples)

    @property
    def row(self) -> list[Sample]:
        """The samples of the chosen prompt, by step."""
        prompts = self.prompts
        return self.samples[prompts[min(self.prompt_at, len(prompts) - 1)]] if prompts else []

    @property
    def chosen(self) -> int:
        """The place in `row` of the chosen sample; the nearest earlier step when this prompt lacks it."""
        row = self.row
        if self.step is None:
            return len(row) - 1
        return max((i for i, sample in enumerate(row) if sample.step <= self.step), default=0)

    @property
    def sample(self) -> Sample | None:
        """The chosen sample."""
        return self.row[self.chosen] if self.row else None

    def action_scrub(self, by: int) -> None:
        row = self.row
        if row:
            place = min(len(row) - 1, max(0, self.chosen + by))
            self.step = None if place == len(row) - 1 else row[place].step
            self.refresh()

    def action_prompt(self, by: int) -> None:
        if self.samples:
            self.prompt_at = min(len(self.samples) - 1, max(0, self.prompt_at + by))
            self.refresh()

    def action_open(self) -> None:
        if self.sample is not None:
            self.post_message(self.Opened(self.sample))

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked; a second click opens it."""
        place = self._first + event.get_content_offset_capture(self).x // (self._columns + GAP)
        if 0 <= place < len(self.row):
            if place == self.chosen:
                self.action_open()
            else:
                self.action_scrub(place - self.chosen)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._tiles.clear()

    @property
    def _rows(self) -> int:
        return max(1, self.size.height - LABELS - WORDS)

    @property
    def _columns(self) -> int:
        return 2 * self._rows

    def _visible(self) -> list[tuple[int, Sample]]:
        """The samples that fit, scrolled so that the chosen one is among them."""
        fit = max(1, (self.size.width + GAP) // (self._columns + GAP))
        row, chosen = self.row, self.chosen
        self._first = max(min(self._first, chosen, max(0, len(row) - fit)), chosen - fit + 1, 0)
        return [(place, row[place]) for place in range(self._first, min(len(row), self._first + fit))]

    def render_line(self, y: int) -> Strip:
        if not self.samples:
            segments = [Segment(self.waiting, self._style("empty"))] if y == 0 else []
        elif y < LABELS:
            segments = self._labels()
        elif y < LABELS + self._rows:
            segments = self._pictures(y - LABELS)
        else:
            segments = self._words() if y == LABELS + self._rows else []
        return Strip(segments).adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"strip--{name}")

    def _labels(self) -> list[Segment]:
        segments: list[Segment] = []
        for place, sample in self._visible():
            mark = "▸ " if place == self.chosen else ""
            star = " ★" if sample.step == self.best else ""
            word = "step " if place == 0 and self._columns > 10 else ""
            name = "chosen" if place == self.chosen else "best" if star else "label"
            text = f"{mark}{word}{sample.step:,}{star}"[: self._columns]
            segments.append(Segment(f"{text:<{self._columns + GAP}}", self._style(name)))
        return segments

    def _pictures(self, y: int) -> list[Segment]:
        segments: list[Segment] = []
        for _, sample in self._visible():
            path = self.home.resolve(sample.path)
            lines = self._tiles.draw(sample.path, Path(path), self._columns, self._rows, self.refresh)
            if lines is None:
                lost = self._tiles.is_lost(sample.path, self._columns, self._rows) and y == 0
                text = "not readable" if lost else "·" if y == self._rows // 2 else ""
                segments.append(Segment(f"{text:^{self._columns}}"[: self._columns], self._style("empty")))
            else:
                segments += lines[y]
            segments.append(Segment(" " * GAP))
        return segments

    def _words(self) -> list[Segment]:
        sample = self.sample
        if sample is None:
            return []
        number = f"prompt {self.prompts.index(sample.index) + 1} of {len(self.prompts)}"
        tail = f"   seed {sample.seed}   {number}"
        room = max(8, self.size.width - len(tail) - 2)
        return [
            Segment(f"“{clean(sample.prompt, room)}”", self._style("words")),
            Segment(tail, self._style("label")),
        ]
