"""A grid of thousands of small pictures in one widget: only what is seen is decoded and drawn.

One widget for each picture costs ten times as much (measured), so cursor, selection and labels are drawn
inside this one, by its painter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from operator import attrgetter
from pathlib import Path

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from zen_tui.tui.keys import bindings
from zen_tui.tui.widgets.tile_layout import TileLayout
from zen_tui.tui.widgets.tile_painter import MARGIN, TilePainter

REST = 0.15  # seconds without a move, before the pages beside the one that is seen are decoded


@dataclass(frozen=True)
class Tile:
    """A picture and the line under it. `tone` is the label's colour: one of `PhotoGrid.TONES` or ''."""

    id: int
    path: Path
    label: str = ""
    tone: str = ""
    faded: bool = False


class PhotoGrid(ScrollView, can_focus=True):
    """`show` gives it tiles. `cursor` is the index of the current one, `selected` holds ids.

    A screen that draws something of the current tile watches `cursor`: then both are painted in one frame.

    Args:
        least: columns that a picture is wide at least.
        empty: what to say when there are no tiles.
    """

    @dataclass
    class Opened(Message):
        """A person wants to see this tile large."""

        grid: PhotoGrid
        index: int

        @property
        def control(self) -> PhotoGrid:
            return self.grid

    @dataclass
    class Selected(Message):
        """The selection changed."""

        grid: PhotoGrid
        ids: frozenset[int]

        @property
        def control(self) -> PhotoGrid:
            return self.grid

    scope = "grid"
    BINDINGS = bindings("grid")
    TONES = ("label", "good", "attention", "best", "lost", "chosen", "cursor", "ground", "empty", "selected")
    COMPONENT_CLASSES = {f"grid--{tone}" for tone in TONES}
    DEFAULT_CSS = """
    PhotoGrid {
        height: 1fr; overflow-x: hidden; scrollbar-gutter: stable;
        & > .grid--label { color: $muted; }
        & > .grid--good { color: $primary; }
        & > .grid--attention { color: $attention; }
        & > .grid--best { color: $best; }
        & > .grid--lost { color: $lost; }
        & > .grid--chosen { color: $bright; text-style: bold; }
        & > .grid--cursor { color: $muted; }
        &:focus > .grid--cursor { color: $primary; }
        & > .grid--selected { color: $attention; text-style: bold; }
        & > .grid--ground { color: $line; background: $surface; }
        & > .grid--empty { color: $muted; }
    }
    """
    cursor: reactive[int] = reactive(-1)

    def __init__(self, *, least: int = 18, empty: str = "", id: str | None = None, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.least = least
        self.empty = empty
        self.tiles: list[Tile] = []
        self.selected: set[int] = set()
        self._places: dict[int, int] = {}  # of tiles, by id
        self._painter = TilePainter(self)
        self._resting: Timer | None = None
        self.tiling = TileLayout.fit(0, 0, least)

    # What is shown ----------------------------------------------------------------------------------------

    def show(self, tiles: Iterable[Tile], *, cursor_id: int | None = None) -> None:
        """Show these tiles; the cursor stays on the tile it was on, or goes to `cursor_id`."""
        wanted = cursor_id if cursor_id is not None else self.current.id if self.current else None
        self.tiles = list(tiles)
        self._places = dict(zip(map(attrgetter("id"), self.tiles), count(), strict=False))
        self.selected &= self._places.keys()
        last = min(max(0, self.cursor), len(self.tiles) - 1)
        kept = self._places.get(wanted, last) if wanted is not None else 0
        self.set_reactive(PhotoGrid.cursor, kept if self.tiles else -1)
        self._lay_out()
        self.into_view()

    def change(self, changed: Iterable[Tile]) -> None:
        """Show these tiles in place of those with the same ids; the rest, and the cursor, stay."""
        for tile in changed:
            if (index := self._places.get(tile.id)) is not None:
                self.tiles[index] = tile
                self._refresh_tile(index)

    def go_to(self, id: int) -> bool:
        """Put the cursor on the tile with this id; False when it is not shown."""
        index = self._places.get(id)
        if index is not None:
            self.cursor = index
        return index is not None

    @property
    def current(self) -> Tile | None:
        """The tile under the cursor."""
        return self.tiles[self.cursor] if 0 <= self.cursor < len(self.tiles) else None

    @property
    def chosen(self) -> list[Tile]:
        """The selected tiles, or the one under the cursor when none is selected."""
        picked = [self.tiles[index] for index in sorted(self._places[id] for id in self.selected)]
        return picked or ([self.current] if self.current else [])

    def clear_selection(self) -> None:
        self.select(set())

    def select(self, ids: set[int]) -> None:
        """Select exactly these."""
        self.selected = ids & self._places.keys()
        self._painter.clear()
        self.refresh()
        self.post_message(self.Selected(self, frozenset(ids)))

    # Measures ---------------------------------------------------------------------------------------------

    @property
    def columns(self) -> int:
        """How many pictures stand side by side."""
        return self.tiling.columns

    @property
    def tile_size(self) -> tuple[int, int]:
        """Columns and rows of one picture; with the line under it a row is one line higher."""
        return self.tiling.width, self.tiling.height

    @property
    def rows(self) -> int:
        return -(-len(self.tiles) // self.columns)

    def _lay_out(self) -> None:
        width, height = self.scrollable_content_region.size
        self.tiling = TileLayout.fit(width - 2 * MARGIN, height, self.least)
        self.virtual_size = Size(width, self.rows * (self.tiling.height + 1))
        self._painter.clear()
        self.refresh()
        self._rest()

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()
        self.into_view()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._painter.restyle()

    # Moving -----------------------------------------------------------------------------------------------

    def watch_cursor(self, before: int, cursor: int) -> None:
        self.into_view()
        self._refresh_tile(before)
        self._refresh_tile(cursor)
        self._rest()

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self.tiles) - 1)) if self.tiles else -1

    def action_move(self, x: int, y: int) -> None:
        moved = self.cursor + x + y * self.columns
        if 0 <= moved < len(self.tiles):
            self.cursor = moved
        elif y > 0 and self.cursor // self.columns < self.rows - 1:
            self.cursor = len(self.tiles) - 1

    def action_page(self, direction: int) -> None:
        page = max(1, self.size.height // (self.tile_size[1] + 1))
        self.cursor += direction * page * self.columns

    def action_first(self) -> None:
        self.cursor = 0

    def action_last(self) -> None:
        self.cursor = len(self.tiles) - 1

    def action_select(self) -> None:
        if self.current:
            self.select(self.selected ^ {self.current.id})

    def action_open(self) -> None:
        if self.current:
            self.post_message(self.Opened(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked; a second click opens it."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        width, height = self.tile_size
        column = max(0, offset.x - MARGIN - 1) // (width + self.tiling.gap)
        index = (offset.y + int(self.scroll_offset.y)) // (height + 1) * self.columns + column
        if column < self.columns and index < len(self.tiles):
            if index == self.cursor and event.chain > 1:
                self.action_open()
            self.cursor = index

    def into_view(self) -> None:
        """Scroll so that the tile under the cursor is seen."""
        if self.cursor < 0 or not self.size.height:
            return
        row_height = self.tile_size[1] + 1
        top = self.cursor // self.columns * row_height
        seen, height = int(self.scroll_offset.y), self.scrollable_content_region.height
        if top < seen or height <= row_height:
            self.scroll_to(y=top, animate=False)
        elif top + row_height > seen + height:
            self.scroll_to(y=top + row_height - height, animate=False)

    # Drawing ----------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        return self._painter.line(y + int(self.scroll_offset.y))

    def render_lines(self, crop: Region) -> list[Strip]:
        lines = [self.render_line(y) for y in crop.line_range]
        if crop.column_span != (0, self.outer_size.width):
            lines = [line.crop(*crop.column_span) for line in lines]
        return lines

    def arrived(self, tile: Tile) -> None:
        """The picture of a tile is there: draw only where it has its place."""
        if (index := self._places.get(tile.id)) is not None:
            self._refresh_tile(index)

    def _refresh_tile(self, index: int) -> None:
        """Draw one tile anew, with its label and the bars beside it, if it is seen."""
        if not 0 <= index < len(self.tiles):
            return
        width, height = self.tile_size
        row, column = divmod(index, self.columns)
        self._painter.forget(row)
        y = row * (height + 1) - int(self.scroll_offset.y)
        tile = Region(MARGIN + column * (width + self.tiling.gap), y, width + 2, height + 1)
        if region := tile.intersection(self.size.region):
            self.refresh(region)

    def _rest(self) -> None:
        """Decode the pages before and after this one, once nobody has moved for a moment."""
        if self._resting is None:
            self._resting = self.set_timer(REST, self._look_around)
        else:
            self._resting.reset()

    def _look_around(self) -> None:
        self._resting = None
        if not self.is_attached:
            return
        height = self.tile_size[1] + 1
        top = int(self.scroll_offset.y) // height * self.columns
        page = (self.size.height // height + 2) * self.columns
        self._painter.ask(self.tiles[top + page : top + 2 * page])
        self._painter.ask(self.tiles[max(0, top - page) : top])
