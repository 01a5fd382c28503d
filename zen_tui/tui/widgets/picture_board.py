"""The pictures of a job as they are made: a place for each, a preview that clears up, then the picture."""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from zen_tui.library.events import Preview
from zen_tui.library.text import clean
from zen_tui.tui.keys import bindings
from zen_tui.tui.widgets.halfcells import Lines, Source, Tiles

GAP = 2
LEAST, MOST = 16, 28  # columns of a picture


@dataclass(frozen=True)
class Place:
    """One picture of a job: `label` says which, `path` is there once it is recorded."""

    label: str
    path: Path | None = None
    picture: int | None = None


class PictureBoard(ScrollView, can_focus=True):
    """`show` gives it the places and the previews; `enter` opens a finished picture."""

    @dataclass
    class Opened(Message):
        """The picture with this id should be shown in full size."""

        picture: int

    scope = "board"

    @dataclass
    class Moved(Message):
        """The cursor stands on the picture at this place."""

        place: int

    BINDINGS = bindings("board")
    COMPONENT_CLASSES = {"board--label", "board--making", "board--chosen", "board--empty", "board--ground"}
    DEFAULT_CSS = """
    PictureBoard {
        height: 1fr; overflow-x: hidden;
        & .board--label { color: $muted; }
        & .board--making { color: $attention; }
        & .board--chosen { color: $bright; text-style: bold; }
        & .board--empty { color: $muted; }
        & .board--ground { color: $line; background: $surface; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.places: Sequence[Place] = ()
        self.previews: dict[int, Preview] = {}
        self.cursor = 0
        self.waiting = ""
        self._clearest: dict[int, Lines] = {}  # the newest preview that was decoded, while a newer one is
        self._bytes: dict[int, bytes] = {}  # the newest preview of each picture, as a JPEG
        self._tiles = Tiles(self)

    def show(self, places: Sequence[Place], previews: dict[int, Preview], waiting: str = "") -> None:
        """Show these pictures; `waiting` is what to say while there are none."""
        if (list(places), previews, waiting) == (list(self.places), self.previews, self.waiting):
            return
        for index, preview in previews.items():
            if preview != self.previews.get(index):
                with contextlib.suppress(binascii.Error):
                    self._bytes[index] = base64.b64decode(preview.image, validate=True)
        self.places, self.previews, self.waiting = list(places), dict(previews), waiting
        self.cursor = min(self.cursor, max(0, len(self.places) - 1))
        self._lay_out()

    def clear(self) -> None:
        """Forget every picture, before another job is shown."""
        self.places, self.previews, self.cursor = (), {}, 0
        self._clearest.clear()
        self._bytes.clear()
        self._lay_out()

    @property
    def columns(self) -> int:
        """How many pictures stand side by side."""
        wide = max(1, (self._width + GAP) // (LEAST + GAP))
        enough = max(1, len(self.places))
        while wide > 1 and (self._width + GAP) // wide - GAP < MOST and self._rows_for(wide - 1, enough):
            wide -= 1
        return wide

    def _rows_for(self, columns: int, count: int) -> bool:
        """Whether `columns` larger pictures side by side still show all `count` of them without scrolling."""
        width = min(MOST, (self._width + GAP) // columns - GAP)
        return -(-count // columns) * (width // 2 + 1) <= self.size.height

    @property
    def _width(self) -> int:
        return max(LEAST, self.scrollable_content_region.width)

    @property
    def tile(self) -> tuple[int, int]:
        """Columns and rows of one picture."""
        width = min(MOST, (self._width + GAP) // self.columns - GAP) // 2 * 2
        return width, width // 2

    def action_move(self, x: int, y: int) -> None:
        if self.places:
            moved = self.cursor + x + y * self.columns
            if 0 <= moved < len(self.places):
                self._go(moved)

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(max(0, len(self.places) - 1))

    def action_open(self) -> None:
        if self.places and (picture := self.places[self.cursor].picture) is not None:
            self.post_message(self.Opened(picture))

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked; a second click opens it."""
        at = event.get_content_offset_capture(self) + self.scroll_offset
        width, height = self.tile
        clicked = at.y // (height + 1) * self.columns + min(self.columns - 1, at.x // (width + GAP))
        if clicked == self.cursor:
            self.action_open()
        elif 0 <= clicked < len(self.places):
            self._go(clicked)

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._tiles.clear()
        self._clearest.clear()

    def _go(self, place: int) -> None:
        self.cursor = place
        self.post_message(self.Moved(place))
        height = self.tile[1] + 1
        top = place // self.columns * height
        seen = int(self.scroll_offset.y)
        if top < seen:
            self.scroll_to(y=top, animate=False)
        elif top + height > seen + self.size.height:
            self.scroll_to(y=top + height - self.size.height, animate=False)
        self.refresh()

    def _lay_out(self) -> None:
        rows = -(-len(self.places) // self.columns)
        self.virtual_size = Size(self._width, rows * (self.tile[1] + 1))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, height = self.tile
        row, line = divmod(y + int(self.scroll_offset.y), height + 1)
        segments: list[Segment] = []
        if not self.places:
            segments = [Segment(self.waiting, self._style("empty"))] if y == 0 else []
        for index in range(row * self.columns, min((row + 1) * self.columns, len(self.places))):
            if line < height:
                segments += self._picture(index, width, height)[line]
            else:
                segments.append(self._label(index, width))
            segments.append(Segment(" " * GAP))
        return Strip(segments).adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"board--{name}")

    def _picture(self, index: int, width: int, height: int) -> Lines:
        """The picture itself, else its clearest preview, else an empty place."""
        place, preview = self.places[index], self.previews.get(index)
        source: Source | None = place.path or self._bytes.get(index)
        key = ("picture", place.path) if place.path else ("preview", index, preview and preview.t)
        if source is not None and (lines := self._tiles.draw(key, source, width, height, self.refresh)):
            self._clearest[index] = lines
        found = self._clearest.get(index)
        if found and len(found) == height:
            return found
        blank = Segment(" " * width, self._style("ground"))
        mark = Segment(f"{'·':^{width}}", self._style("ground"))
        return [[mark] if y == height // 2 else [blank] for y in range(height)]

    def _label(self, index: int, width: int) -> Segment:
        place, preview = self.places[index], self.previews.get(index)
        chosen = index == self.cursor and self.has_focus
        text = f"{'▸' if chosen else ''}{index + 1}  {place.label}"
        name = "chosen" if chosen else "label"
        if place.path is None and preview is not None:
            text = f"{index + 1}  step {preview.step} of {preview.steps}"
            name = "making"
        return Segment(f"{clean(text, width):<{width}}", self._style(name))
