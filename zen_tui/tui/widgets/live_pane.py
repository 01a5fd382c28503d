"""A picture that changes with every key: at once as half-cells, and once hands rest, as the terminal can.

Half-cells of a whole window take a few milliseconds; Kitty and Sixel take a hundred and more, so they are made
in a thread after `REST` seconds without a change, and give way to half-cells at the next one.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from textual import events, work
from textual.app import ComposeResult
from textual.timer import Timer

from zen_tui.library.records import Crop
from zen_tui.tui.widgets.halfcells import Lines, fit, half_cells
from zen_tui.tui.widgets.live_cells import LiveCells
from zen_tui.tui.widgets.picture_pane import PicturePane
from zen_tui.tui.widgets.sixel_picture import encode

if TYPE_CHECKING:
    from PIL.Image import Image

REST = 0.3  # seconds
SMALL = 480  # pixels of the shorter side of what previews are drawn from while keys are pressed


class LivePane(PicturePane):
    """Subclasses say what is seen: `seen_size`, `rough` and `sharp`; `redraw` shows it."""

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.words = ""  # what is said while there is nothing to see
        self._resting: Timer | None = None
        self._drawing = 0  # counts the changes, so that what comes late is known to be old

    def compose(self) -> ComposeResult:
        yield LiveCells()

    def _put_lines(self, lines: Lines) -> None:
        self._forget_sharp()
        self.query_one(LiveCells).put(lines, self.cells)

    def _forget_sharp(self) -> None:
        """Hide it; it is removed when the next one comes, for that takes longer than a key may."""
        for picture in self.query(".sharp"):
            picture.display = False
        self.query_one(LiveCells).display = True

    def _put_sharp(self, picture: Image | str, cells: tuple[int, int]) -> None:
        self.query(".sharp").remove()
        super()._put_sharp(picture, cells)

    def seen_size(self) -> tuple[float, float] | None:
        """Width and height of what is seen, in any unit; None while there is nothing to see."""
        return None

    def rough(self, cells: tuple[int, int]) -> Lines:
        """Lines of exactly so many columns and rows."""
        return []

    def sharp(self, pixels: tuple[int, int]) -> Image | None:
        """The picture at exactly this size; called in a thread. None where half-cells have to do."""
        return None

    @property
    def cells(self) -> tuple[int, int]:
        """The columns and rows that the picture fills; (0, 0) while there is none."""
        seen = self.seen_size()
        if seen is None or not self.size.area:
            return 0, 0
        if self.graphics.kind in ("halfcell", "off"):
            return fit((max(1, round(seen[0])), max(1, round(seen[1]))), *self.size)
        width, height = self.graphics.cell
        scale = min(self.size.width * width / seen[0], self.size.height * height / seen[1])
        return (
            max(1, min(self.size.width, round(seen[0] * scale / width))),
            max(1, min(self.size.height, round(seen[1] * scale / height))),
        )

    def redraw(self) -> None:
        """Show how things stand now."""
        self._drawing += 1
        if self._resting is not None:
            self._resting.stop()
        cells = self.cells
        if not all(cells):
            if self.seen_size() is None:
                self._put_words(self.words)
            return
        self._put_lines(self.rough(cells))
        if self.graphics.kind in ("sixel", "kitty"):
            number, (width, height) = self._drawing, self.graphics.cell
            pixels = (cells[0] * width, cells[1] * height)
            self._resting = self.set_timer(REST, lambda: self._sharpen(number, cells, pixels))

    def on_resize(self, event: events.Resize) -> None:
        self.redraw()

    @work(thread=True, exclusive=True, group="sharp", exit_on_error=False)
    def _sharpen(self, number: int, cells: tuple[int, int], pixels: tuple[int, int]) -> None:
        def wanted() -> bool:
            return number == self._drawing

        image = self.sharp(pixels) if wanted() else None
        if image is None or not wanted():
            return
        picture = encode(image, wanted) if self.graphics.kind == "sixel" else image

        def finish() -> None:
            if wanted() and self.is_attached:
                self._put_sharp(picture, cells)

        with contextlib.suppress(RuntimeError):  # the app has ended meanwhile
            self.app.call_later(finish)


class Preview(LivePane):
    """The part of a photo that a training takes, as it sees it."""

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.picture: Image | None = None
        self.small: Image | None = None  # of the picture, enough for half-cells
        self.part = Crop(0, 0, 1, 1)

    def show_part(self, picture: Image | None, part: Crop) -> None:
        """Show `part`, in fractions, of `picture`."""
        if picture is not self.picture:
            self.small = picture.reduce(max(1, min(picture.size) // SMALL)) if picture else None
        self.picture, self.part = picture, part
        self.redraw()

    def seen_size(self) -> tuple[float, float] | None:
        if self.picture is None or self.graphics.kind == "off":
            return None
        part, (width, height) = self.part, self.picture.size
        return (part.right - part.left) * width, (part.bottom - part.top) * height

    def rough(self, cells: tuple[int, int]) -> Lines:
        image = self._part_of(self.small, (cells[0], cells[1] * 2))
        return half_cells(image.tobytes(), *cells) if image else []

    def sharp(self, pixels: tuple[int, int]) -> Image | None:
        return self._part_of(self.picture, pixels)

    def _part_of(self, picture: Image | None, pixels: tuple[int, int]) -> Image | None:
        from PIL import Image as Pillow

        if picture is None:
            return None
        part, (width, height) = self.part, picture.size
        box = (part.left * width, part.top * height, part.right * width, part.bottom * height)
        return picture.resize(pixels, Pillow.Resampling.BILINEAR, box=box, reducing_gap=2.0)
