"""A grid of thousands of small pictures in one widget: only what is seen is decoded and drawn.

One widget for each picture costs ten times as much (measured), so cursor, selection and labels are drawn
inside this one. Pictures are decoded in threads and arrive one by one; drawing never waits for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from zen_tui.library.text import clean
from zen_tui.tui.keys import bindings
from zen_tui.tui.widgets.halfcells import Lines, Tiles, sunk
from zen_tui.tui.widgets.tile_layout import TileLayout


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

    Args:
        least: columns that a picture is wide at least.
        empty: what to say when there are no tiles.
    """

    @dataclass
    class Moved(Message):
        """The cursor stands on another tile (or on none: -1)."""

        grid: PhotoGrid
        index: int

        @property
        def control(self) -> PhotoGrid:
            return self.grid

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
        height: 1fr; padding: 0 1; overflow-x: hidden; scrollbar-gutter: stable;
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
        self._tiles = Tiles(self)
        self._faded: dict[tuple[int, int], Lines] = {}
        self._styles: dict[str, Style] = {}
        self._sunk_into: tuple[int, int, int] | None = None
        self.tiling = TileLayout.fit(0, 0, least)

    # What is shown ----------------------------------------------------------------------------------------

    def show(self, tiles: Iterable[Tile], *, cursor_id: int | None = None) -> None:
        """Show these tiles; the cursor stays on the tile it was on, or goes to `cursor_id`."""
        wanted = cursor_id if cursor_id is not None else self.current.id if self.current else None
        before = self.current
        self.tiles = list(tiles)
        self.selected &= {tile.id for tile in self.tiles}
        places = {tile.id: index for index, tile in enumerate(self.tiles)}
        kept = places.get(wanted, min(max(0, self.cursor), len(self.tiles) - 1)) if wanted is not None else 0
        self.set_reactive(PhotoGrid.cursor, kept if self.tiles else -1)
        self._lay_out()
        self.into_view()
        if (self.current and self.current.id) != (before and before.id):
            self.post_message(self.Moved(self, self.cursor))

    def change(self, changed: Iterable[Tile]) -> None:
        """Show these tiles in place of those with the same ids; the rest, and the cursor, stay."""
        news = {tile.id: tile for tile in changed}
        for index, tile in enumerate(self.tiles):
            if tile.id in news:
                self.tiles[index] = news[tile.id]
                self._refresh_tile(index)

    def go_to(self, id: int) -> bool:
        """Put the cursor on the tile with this id; False when it is not shown."""
        index = next((index for index, tile in enumerate(self.tiles) if tile.id == id), None)
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
        picked = [tile for tile in self.tiles if tile.id in self.selected]
        return picked or ([self.current] if self.current else [])

    def clear_selection(self) -> None:
        self.select(set())

    def select(self, ids: set[int]) -> None:
        """Select exactly these."""
        self.selected = set(ids)
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
        self.tiling = TileLayout.fit(width, height, self.least)
        self.virtual_size = Size(width, self.rows * (self.tiling.height + 1))
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()
        self.into_view()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()
        ground = self._tiles.ground()
        if ground != self._sunk_into:  # the theme was changed, not only the focus
            self._sunk_into = ground
            self._tiles.clear()
            self._faded.clear()

    # Moving -----------------------------------------------------------------------------------------------

    def watch_cursor(self, before: int, cursor: int) -> None:
        self.into_view()
        self._refresh_tile(before)
        self._refresh_tile(cursor)
        self.post_message(self.Moved(self, cursor))

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
        column = max(0, offset.x - 1) // (width + self.tiling.gap)
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
        width, height = self.tile_size
        row, line = divmod(y + int(self.scroll_offset.y), height + 1)
        gap = self.tiling.gap
        segments: list[Segment] = []
        if not self.tiles:
            segments = [Segment(self.empty, self._style("empty"))] if y == 0 else []
        first, last = row * self.columns, min((row + 1) * self.columns, len(self.tiles))
        before = False
        for index in range(first, last):
            here = index == self.cursor
            tile = self.tiles[index]
            segments.append(self._bars(before, here and line < height, 1 if index == first else gap))
            before = here and line < height
            segments += (
                self._picture(index, tile, width, height)[line] if line < height else self._label(tile, here)
            )
        if segments and self.tiles:
            segments.append(self._bars(False, False, 1) if not before else Segment("▌", self._style("cursor")))
        return Strip(segments).adjust_cell_length(self.size.width).apply_style(self._ground)

    def _bars(self, before: bool, here: bool, width: int) -> Segment:
        """What stands left of a picture: the bars of the cursor, or nothing."""
        right = "▐" if here else " "
        left = "▌" if before else " "
        return Segment(left + " " * (width - 2) + right if width > 1 else right, self._style("cursor"))

    def _style(self, name: str) -> Style:
        if name not in self._styles:
            self._styles[name] = self.get_component_rich_style(f"grid--{name}")
        return self._styles[name]

    @property
    def _ground(self) -> Style:
        """The grid's own style; asked for at every line, and slow to work out."""
        if "" not in self._styles:
            self._styles[""] = self.rich_style
        return self._styles[""]

    def _picture(self, index: int, tile: Tile, width: int, height: int) -> Lines:
        lines = self._tiles.draw(tile.path, tile.path, width, height, lambda: self._arrived(index, tile))
        if lines is None:
            lost = self._tiles.is_lost(tile.path, width, height)
            blank, mark = Segment(" " * width, self._style("ground")), "no picture" if lost else "·"
            middle = Segment(f"{mark:^{width}}", self._style("ground"))
            return [[middle] if y == height // 2 else [blank] for y in range(height)]
        return self._fade(tile, width, lines) if tile.faded else lines

    def _fade(self, tile: Tile, width: int, lines: Lines) -> Lines:
        """The picture three quarters sunk into the ground: marked out, yet still to be recognised."""
        if (tile.id, width) not in self._faded:
            ground = self._tiles.ground()
            self._faded[tile.id, width] = [[sunk(segment, ground) for segment in line] for line in lines]
        return self._faded[tile.id, width]

    def _label(self, tile: Tile, here: bool) -> list[Segment]:
        width = self.tile_size[0]
        mark = "✓ " if tile.id in self.selected else ""
        text = clean(tile.label, max(1, width - len(mark)))
        style = self._style(tile.tone or ("chosen" if here else "label"))
        space = Segment(" " * max(0, width - len(mark) - cell_len(text)))
        return [Segment(mark, self._style("selected")), Segment(text, style), space]

    def _arrived(self, index: int, tile: Tile) -> None:
        """Draw only where the picture has its place."""
        if index >= len(self.tiles) or self.tiles[index].path != tile.path:
            return
        self._refresh_tile(index)

    def _refresh_tile(self, index: int) -> None:
        """Draw one tile anew, with its label and the bars beside it, if it is seen."""
        if not 0 <= index < len(self.tiles):
            return
        width, height = self.tile_size
        row, column = divmod(index, self.columns)
        y = row * (height + 1) - int(self.scroll_offset.y)
        region = Region(column * (width + self.tiling.gap), y, width + 2, height + 1).intersection(
            self.size.region
        )
        if region:
            self.refresh(region)
