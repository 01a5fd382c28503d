"""One picture as well as the terminal can show it: Kitty, Sixel or half-cells, or its name when pictures are off.

The picture is opened, scaled and encoded in a thread; the loop only puts the result on screen. Kitty's
protocol is spoken by textual-image, which is imported with the first such picture. It would ask the terminal
questions at its import, whose late answers arrive as key presses, so it is kept from seeing one; what it
wants to know has been found out by `terminal.detect`.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.segment import Segment
from rich.style import Style
from textual import events, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from zen_tui.library.errors import ZenError
from zen_tui.library.text import clean
from zen_tui.tui.terminal import Graphics
from zen_tui.tui.widgets.halfcells import Lines, fit, half_cells
from zen_tui.tui.widgets.sixel_picture import SixelPicture, encode

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Wanted:
    """A picture, its small copy if there is one, and the cells that it may fill."""

    path: Path
    small: Path | None
    size: Size


class HalfCells(Widget):
    """Draws lines of segments that were made elsewhere."""

    DEFAULT_CSS = "HalfCells { width: 1fr; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.lines: Lines = []
        self.said = ""
        self._style: Style | None = None

    def render_line(self, y: int) -> Strip:
        if self._style is None:
            self._style = self.rich_style  # slow to work out, and the same for every line
        style, width = self._style, self.size.width
        if self.said:
            text = clean(self.said, max(1, width)) if y == self.size.height // 2 else ""
            return Strip([Segment(f"{text:^{width}}", style)])
        above = max(0, self.size.height - len(self.lines)) // 2
        if not above <= y < above + len(self.lines):
            return Strip.blank(width, style)
        line = self.lines[y - above]
        left = max(0, width - sum(len(segment.text) for segment in line)) // 2
        return Strip([Segment(" " * left, style), *line]).adjust_cell_length(width, style)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._style = None


class PicturePane(Container):
    """`show` a file; the newest call wins."""

    DEFAULT_CSS = """
    PicturePane { width: 1fr; height: 1fr; align: center middle; color: $muted; }
    PicturePane .sharp { width: auto; height: auto; }
    """

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.path: Path | None = None
        self.copy: Path | None = None
        self._drawn: Wanted | None = None
        self._working = False

    def compose(self) -> ComposeResult:
        yield HalfCells()

    @property
    def graphics(self) -> Graphics:
        found = getattr(self.app, "graphics", None)
        return found if isinstance(found, Graphics) else Graphics("halfcell", "not asked")

    def show(self, path: Path | None, name: str = "", small: Path | None = None) -> None:
        """Show the picture in `path`, or nothing. `name` is what is said where pictures are off.

        `small` is a small copy of it: shown at once, and for good where the pane has no more pixels.
        """
        self.path, self.copy = path, small
        if path is None or self.graphics.kind == "off":
            self._drawn = None
            self._put_words(name if path else "")
        else:
            self._draw()

    def on_resize(self, event: events.Resize) -> None:
        if self.path is not None and self.graphics.kind != "off":
            self._draw()

    def _draw(self) -> None:
        """Ask for the picture; while one is being prepared, only the newest that is asked for waits."""
        if self.path is None or not self.size.width:
            return
        wanted = Wanted(self.path, self.copy, self.size)
        if wanted != self._drawn:
            self._drawn = wanted
            if not self._working:
                self._begin()

    def _begin(self) -> None:
        if self._drawn is not None:
            self._working = True
            self._prepare(self._drawn, self.graphics)

    @work(thread=True)
    def _prepare(self, wanted: Wanted, graphics: Graphics) -> None:
        """Open and scale in a thread, then hand the result to the loop; stop when it is no longer wanted."""
        try:
            if wanted.small is not None:
                with contextlib.suppress(ZenError, OSError):
                    enough = self._lines(wanted, wanted.small)
                    if enough and graphics.kind == "halfcell":
                        return
            if self._drawn == wanted:
                self._whole(wanted, graphics)
        except ZenError as error:
            self._when_current(wanted, self._put_words, error.message)
        except OSError:
            self._when_current(wanted, self._put_words, "The picture cannot be read.")
        finally:
            self._on_loop(lambda: self._ended(wanted))

    def _lines(self, wanted: Wanted, small: Path) -> bool:
        """Show the small copy as half-cells; True if it has a pixel for each of them."""
        from PIL import Image as Pillow

        with Pillow.open(small) as image:
            cells = fit(image.size, wanted.size.width, wanted.size.height)
            scaled_down = image.width >= cells[0]
            pixels = image.convert("RGB").resize((cells[0], cells[1] * 2), Pillow.Resampling.BILINEAR)
        self._when_current(wanted, self._put_lines, half_cells(pixels.tobytes(), *cells))
        return scaled_down

    def _whole(self, wanted: Wanted, graphics: Graphics) -> None:
        image, cells = scaled(wanted.path, wanted.size, graphics)
        if self._drawn != wanted:
            return
        if graphics.kind == "halfcell":
            self._when_current(wanted, self._put_lines, half_cells(image.tobytes(), *cells))
        elif graphics.kind == "sixel":
            self._when_current(wanted, self._put_sharp, encode(image), cells)
        else:
            self._when_current(wanted, self._put_sharp, image, cells)

    def _ended(self, wanted: Wanted) -> None:
        self._working = False
        if self._drawn != wanted:
            self._begin()

    def _when_current(self, wanted: Wanted, put: Any, *values: object) -> None:
        """Put it on screen unless another picture, or another size, has been asked for meanwhile."""

        def finish() -> None:
            if self._drawn == wanted:
                put(*values)

        self._on_loop(finish)

    def _on_loop(self, then: Callable[[], None]) -> None:
        def call() -> None:
            if self.is_attached:
                then()

        with contextlib.suppress(RuntimeError):  # the app has ended meanwhile
            self.app.call_later(call)

    def _put_words(self, text: str) -> None:
        self._forget_sharp()
        plain = self.query_one(HalfCells)
        plain.lines, plain.said = [], text
        plain.refresh()

    def _put_lines(self, lines: Lines) -> None:
        self._forget_sharp()
        plain = self.query_one(HalfCells)
        plain.lines, plain.said = lines, ""
        plain.refresh()

    def _put_sharp(self, picture: Image | str, cells: tuple[int, int]) -> None:
        self._forget_sharp()
        if isinstance(picture, str):
            widget: Widget = SixelPicture(picture, classes="sharp")
        else:
            widget = kitty_widget(self.graphics)(picture, classes="sharp")
        widget.styles.width, widget.styles.height = cells
        self.query_one(HalfCells).display = False
        self.mount(widget)

    def _forget_sharp(self) -> None:
        self.query(".sharp").remove()
        self.query_one(HalfCells).display = True


def scaled(path: Path, size: Size, graphics: Graphics) -> tuple[Image, tuple[int, int]]:
    """The picture at exactly the pixels that `size` cells show, and the cells it fills.

    Raises:
        BadFile: it is no picture that Zen can read.
    """
    from PIL import Image as Pillow

    from zen_tui.photos.open import open_upright

    cell_width, cell_height = (1, 2) if graphics.kind == "halfcell" else graphics.cell
    image = open_upright(path, max(size.width * cell_width, size.height * cell_height))
    if graphics.kind == "halfcell":
        cells = fit(image.size, size.width, size.height)
        pixels = (cells[0], cells[1] * 2)
    else:
        scale = min(size.width * cell_width / image.width, size.height * cell_height / image.height)
        cells = (
            max(1, min(size.width, round(image.width * scale / cell_width))),
            max(1, min(size.height, round(image.height * scale / cell_height))),
        )
        pixels = (cells[0] * cell_width, cells[1] * cell_height)
    return image.resize(pixels, Pillow.Resampling.LANCZOS, reducing_gap=2.0), cells


def kitty_widget(graphics: Graphics) -> Any:
    """textual-image's widget class for Kitty, imported without letting it query the terminal."""
    logging.getLogger("textual_image").addHandler(logging.NullHandler())
    if "textual_image.widget" not in sys.modules:
        os.environ["TEXTUAL_CELL_WIDTH"], os.environ["TEXTUAL_CELL_HEIGHT"] = map(str, graphics.cell)
        real, sys.__stdout__ = sys.__stdout__, io.StringIO()  # type: ignore[misc, assignment]
        try:
            from textual_image import widget
        finally:
            sys.__stdout__ = real  # type: ignore[misc]
    from textual_image import widget

    return widget.TGPImage
