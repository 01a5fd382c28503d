"""How a grid of pictures is drawn: row by row, each made once and kept for as long as nothing in it changes.

Textual would put every line together again, segment by segment, whenever a part of it changes or moves; beside
thousands of coloured half-cells that is most of what a key costs. Pictures are decoded in threads and arrive one
by one; drawing never waits for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.filter import ANSIToTruecolor
from textual.strip import Strip

from zen_tui.library.text import clean
from zen_tui.tui.widgets.halfcells import Lines, Tiles, sunk

if TYPE_CHECKING:
    from zen_tui.tui.widgets.photo_grid import PhotoGrid, Tile

MARGIN = 1  # columns left and right of the pictures and of the cursor beside them
KEPT = 80  # rows


class TilePainter:
    """Draws the tiles of `grid`, which says what has changed with `forget`, `clear` or `restyle`."""

    def __init__(self, grid: PhotoGrid) -> None:
        self.grid = grid
        self._pictures = Tiles(grid)
        self._faded: dict[tuple[int, int], Lines] = {}
        self._styles: dict[str, Style] = {}
        self._rows: dict[int, list[Strip]] = {}
        self._ground: tuple[int, int, int] | None = None

    # What has changed -------------------------------------------------------------------------------------

    def forget(self, row: int) -> None:
        """Something in this row is drawn otherwise now."""
        self._rows.pop(row, None)

    def clear(self) -> None:
        """Every row is drawn otherwise now."""
        self._rows.clear()

    def restyle(self) -> None:
        """Colours have changed: those of the theme, or only of the focus."""
        self._styles.clear()
        self._rows.clear()
        ground = self._pictures.ground()
        if ground != self._ground:
            self._ground = ground
            self._pictures.clear()
            self._faded.clear()

    def ask(self, tiles: Iterable[Tile]) -> None:
        """Have the pictures of these decoded, for they may be seen soon."""
        for tile in tiles:
            self._decoded(tile)

    def _decoded(self, tile: Tile) -> Lines | None:
        width, height = self.grid.tile_size
        return self._pictures.draw(tile.path, tile.path, width, height, lambda: self.grid.arrived(tile))

    # Drawing ----------------------------------------------------------------------------------------------

    def line(self, y: int) -> Strip:
        """Line `y` of all rows, as wide as the grid."""
        grid = self.grid
        if not grid.tiles:
            said = grid.empty if y == 0 else ""
            return self._whole([Segment(" " * MARGIN, self._style("")), Segment(said, self._style("empty"))])
        row, line = divmod(y, grid.tile_size[1] + 1)
        if row not in self._rows:
            while len(self._rows) >= KEPT:
                self._rows.pop(next(iter(self._rows)))
            self._rows[row] = self._row(row)
        return self._rows[row][line]

    def _row(self, row: int) -> list[Strip]:
        grid, height = self.grid, self.grid.tile_size[1]
        margin = Segment(" " * MARGIN, self._style(""))
        lines: Lines = [[margin] for _ in range(height + 1)]
        first, last = row * grid.columns, min((row + 1) * grid.columns, len(grid.tiles))
        for index in range(first, last):
            here, after = index == grid.cursor, index - 1 == grid.cursor and index > first
            tile, gap = grid.tiles[index], 1 if index == first else grid.tiling.gap
            bars, blank = self._bars(after, here, gap), self._bars(False, False, gap)
            for line, part in zip(lines, self._picture(tile), strict=False):
                line.extend((bars, *part))
            lines[height] += [blank, *self._label(tile, here)]
        if first <= grid.cursor == last - 1:
            for line in lines[:height]:
                line.append(Segment("▌", self._style("cursor")))
        return [self._whole(line) for line in lines]

    def _whole(self, line: list[Segment]) -> Strip:
        """A line that fills the grid's width, in colours that the terminal has."""
        strip = Strip(line).adjust_cell_length(self.grid.outer_size.width, self._style(""))
        for colours in self.grid.get_line_filters():
            if not isinstance(colours, ANSIToTruecolor):  # they are of 24 bits already
                strip = strip.apply_filter(colours, self.grid.background_colors[1])
        return strip

    def _bars(self, before: bool, here: bool, width: int) -> Segment:
        """What stands left of a picture: the bars of the cursor, or nothing."""
        right = "▐" if here else " "
        left = "▌" if before else " "
        return Segment(left + " " * (width - 2) + right if width > 1 else right, self._style("cursor"))

    def _style(self, name: str) -> Style:
        """One of the grid's tones, or '' for its ground; slow to work out, so it is kept."""
        if name not in self._styles:
            ground = self.grid.rich_style
            self._styles[name] = ground + self.grid.get_component_rich_style(f"grid--{name}") if name else ground
        return self._styles[name]

    def _picture(self, tile: Tile) -> Lines:
        width, height = self.grid.tile_size
        lines = self._decoded(tile)
        if lines is None:
            lost = self._pictures.is_lost(tile.path, width, height)
            blank, mark = Segment(" " * width, self._style("ground")), "no picture" if lost else "·"
            middle = Segment(f"{mark:^{width}}", self._style("ground"))
            return [[middle] if y == height // 2 else [blank] for y in range(height)]
        return self._fade(tile, width, lines) if tile.faded else lines

    def _fade(self, tile: Tile, width: int, lines: Lines) -> Lines:
        """The picture three quarters sunk into the ground: marked out, yet still to be recognised."""
        if (tile.id, width) not in self._faded:
            ground = self._pictures.ground()
            self._faded[tile.id, width] = [[sunk(segment, ground) for segment in line] for line in lines]
        return self._faded[tile.id, width]

    def _label(self, tile: Tile, here: bool) -> list[Segment]:
        width = self.grid.tile_size[0]
        mark = "✓ " if tile.id in self.grid.selected else ""
        text = clean(tile.label, max(1, width - len(mark)))
        style = self._style(tile.tone or ("chosen" if here else "label"))
        space = Segment(" " * max(0, width - len(mark) - cell_len(text)), self._style(""))
        return [Segment(mark, self._style("selected")), Segment(text, style), space]
