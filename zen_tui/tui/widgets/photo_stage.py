"""A photo that is worked on: rectangles lie on it, what is chosen is bright, and the mouse takes hold of it.

The photo is decoded once, in a thread; every change after that is drawn from a copy at the size of the window.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events, work
from textual.message import Message

from zen_tui.library.errors import ZenError
from zen_tui.tui.widgets.crop_geometry import Point
from zen_tui.tui.widgets.halfcells import Lines
from zen_tui.tui.widgets.live_pane import LivePane
from zen_tui.tui.widgets.photo_paint import Frame, Light, Paints, draw_frame, draw_sharp

if TYPE_CHECKING:
    from PIL.Image import Image

COPY = 3072  # pixels of the longer side of what is kept in memory


class PhotoStage(LivePane):
    """`open` a photo, then `light` it as often as you like. Tells where the mouse grabs, pulls and lets go."""

    @dataclass
    class Opened(Message):
        """The photo is there, as a copy of at most `COPY` pixels a side."""

        picture: Image

    @dataclass
    class Grabbed(Message):
        """The mouse went down at `at`, a fraction of the photo."""

        at: Point

    @dataclass
    class Pulled(Message):
        """The mouse moved to `at` while it was held down."""

        at: Point

    @dataclass
    class Dropped(Message):
        """The mouse was let go."""

    @dataclass
    class Turned(Message):
        """The wheel was turned: 1 away from the person, -1 towards."""

        by: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.picture: Image | None = None
        self.lit = Light(under=True)
        self.frames: tuple[Frame, ...] = ()
        self._wanted: Path | None = None
        self._held = False
        self._paints: tuple[object, Paints] | None = None

    # Showing ----------------------------------------------------------------------------------------------

    def open(self, path: Path, thumbnail: Path) -> None:
        """Decode the photo at `path`, and show its thumbnail, if there is one, until it is there."""
        self._wanted = path
        self.picture, self._paints, self.words = None, None, ""
        self.redraw()
        self._decode(path, thumbnail)

    @work(thread=True, exclusive=True, group="decode", exit_on_error=False)
    def _decode(self, path: Path, thumbnail: Path) -> None:
        from zen_tui.photos.open import decode, open_upright, read

        with contextlib.suppress(ZenError):
            self._tell(self._arrive, path, open_upright(thumbnail))
        try:
            picture = decode(read(path), path.suffix, COPY).picture
        except ZenError as error:
            self._tell(self._refuse, path, f"This photo cannot be shown: {error.message}.")
        else:
            self._tell(self._arrive, path, picture)

    def _tell(self, put: Callable[..., None], path: Path, what: object) -> None:
        """Call `put` in the loop, if the photo is still wanted then."""

        def finish() -> None:
            if path == self._wanted and self.is_attached:
                put(what)

        with contextlib.suppress(RuntimeError):  # the app has ended meanwhile
            self.app.call_later(finish)

    def _arrive(self, picture: Image) -> None:
        self.picture, self._paints = picture, None
        self.redraw()
        self.post_message(self.Opened(picture))

    def _refuse(self, why: str) -> None:
        self.picture, self.words = None, why
        self.redraw()

    def light(self, lit: Light, *frames: Frame) -> None:
        """Show what is bright and where the rectangles are."""
        self.lit, self.frames = lit, tuple(sorted(frames, key=lambda frame: frame.active))
        self.redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._paints = None

    def seen_size(self) -> tuple[float, float] | None:
        return self.picture.size if self.picture else None

    def rough(self, cells: tuple[int, int]) -> Lines:
        columns, rows = cells
        paints = self._paints_for(cells)
        mask = self.lit.mask((columns, rows * 2)).tobytes()
        lines = [paints.line(y, mask[2 * y * columns : 2 * (y + 1) * columns]) for y in range(rows)]
        for frame in self.frames:
            draw_frame(lines, frame, self.app.theme_variables)
        return lines

    def _paints_for(self, cells: tuple[int, int]) -> Paints:
        assert self.picture is not None
        ground = self.app.theme_variables["background"]
        known = (cells, ground, self.graphics.kind)
        if self._paints is None or self._paints[0] != known:
            self._paints = known, Paints(self.picture, cells, ground, plain=self.graphics.kind == "off")
        return self._paints[1]

    def sharp(self, pixels: tuple[int, int]) -> Image | None:
        if self.picture is None:
            return None
        return draw_sharp(self.picture, pixels, self.lit, self.frames, self.app.theme_variables)

    # The mouse --------------------------------------------------------------------------------------------

    def reach(self) -> Point:
        """How near to an edge the mouse has to be, in fractions of the photo."""
        columns, rows = self.cells
        return 0.75 / max(1, columns), 0.75 / max(1, rows)

    def _at(self, event: events.MouseEvent) -> Point | None:
        """Where the mouse is in the photo; the outermost cells mean its very edge."""
        columns, rows = self.cells
        if not columns:
            return None
        place = event.screen_offset - self.content_region.offset
        x, y = place.x - (self.size.width - columns) // 2, place.y - (self.size.height - rows) // 2
        return _share(x, columns), _share(y, rows)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        at = self._at(event)
        if at is not None and event.button == 1:
            self._held = True
            self.capture_mouse()
            self.post_message(self.Grabbed(at))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        at = self._at(event)
        if at is not None and self._held:
            self.post_message(self.Pulled(at))

    def on_mouse_up(self) -> None:
        if self._held:
            self._held = False
            self.release_mouse()
            self.post_message(self.Dropped())

    def on_mouse_scroll_up(self) -> None:
        self.post_message(self.Turned(1))

    def on_mouse_scroll_down(self) -> None:
        self.post_message(self.Turned(-1))


def _share(at: int, count: int) -> float:
    if at <= 0:
        return 0.0
    return 1.0 if at >= count - 1 else (at + 0.5) / count
