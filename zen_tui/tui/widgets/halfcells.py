"""Small pictures drawn as half-cells: one character shows two pixels, one above the other.

Decoding happens in two threads and the result is a few lines of segments at exactly the size asked for, so
that drawing a warm picture costs a dictionary look-up. Pillow is loaded with the first picture, never before.
"""

from __future__ import annotations

import contextlib
import io
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.widget import Widget

Lines = list[list[Segment]]
Source = Path | bytes
KEPT = 400

_threads: list[ThreadPoolExecutor] = []


def pool() -> ThreadPoolExecutor:
    """The two threads that decode small pictures, shared by every widget."""
    if not _threads:
        _threads.append(ThreadPoolExecutor(2, thread_name_prefix="pictures"))
    return _threads[0]


def half_cells(rgb: bytes, width: int, height: int) -> Lines:
    """Lines of segments from `rgb`, which holds `width` x `2 * height` pixels of three bytes."""
    row = width * 3
    lines: Lines = []
    for y in range(height):
        above = rgb[2 * y * row : (2 * y + 1) * row]
        below = rgb[(2 * y + 1) * row : (2 * y + 2) * row]
        line: list[Segment] = []
        run, last = 0, b""
        for x in range(0, row + 3, 3):
            pair = above[x : x + 3] + below[x : x + 3]
            if pair != last and run:
                upper, lower = Color.from_rgb(*last[:3]), Color.from_rgb(*last[3:])
                line.append(Segment("▀" * run, Style.from_color(upper, lower)))
                run = 0
            run, last = run + 1, pair
        lines.append(line)
    return lines


def fit(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """The cells that a picture of `size` pixels fills inside `width` x `height` cells, keeping its shape."""
    scale = min(width / size[0], 2 * height / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale / 2))


def decode(source: Source, width: int, height: int, ground: tuple[int, int, int]) -> Lines:
    """A JPEG or PNG, centred in `width` x `height` cells on `ground`."""
    from PIL import Image

    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
        image.draft("RGB", (width * 2, height * 4))
        columns, rows = fit(image.size, width, height)
        small = image.convert("RGB").resize((columns, rows * 2), Image.Resampling.BOX)
    canvas = Image.new("RGB", (width, height * 2), ground)
    canvas.paste(small, ((width - columns) // 2, (height - rows) // 2 * 2))
    return half_cells(canvas.tobytes(), width, height)


def sunk(segment: Segment, ground: tuple[int, int, int]) -> Segment:
    """A piece of a picture three quarters sunk into the ground, and grey."""
    style = segment.style
    if style is None or style.color is None or style.bgcolor is None:
        return segment
    colours = []
    for colour in (style.color, style.bgcolor):
        red, green, blue = colour.get_truecolor()
        grey = (red * 3 + green * 6 + blue) / 10
        colours.append(tuple(int(0.72 * base + 0.28 * grey) for base in ground))
    return Segment(segment.text, Style.from_color(Color.from_rgb(*colours[0]), Color.from_rgb(*colours[1])))


class Tiles:
    """The decoded pictures of one widget, newest kept; `draw` answers at once, with None while it is not ready."""

    def __init__(self, widget: Widget) -> None:
        self.widget = widget
        self.ready: OrderedDict[Hashable, Lines] = OrderedDict()
        self.asked: set[Hashable] = set()
        self.lost: set[Hashable] = set()

    def draw(
        self, key: Hashable, source: Source, width: int, height: int, done: Callable[[], object]
    ) -> Lines | None:
        """The picture `source`, known as `key`, in `width` x `height` cells; `done` is called once it is there."""
        whole = (key, width, height)
        if whole in self.ready:
            self.ready.move_to_end(whole)
            return self.ready[whole]
        if whole not in self.asked and whole not in self.lost:
            self.asked.add(whole)
            future = pool().submit(decode, source, width, height, self.ground())
            future.add_done_callback(lambda future: self._arrived(whole, future, done))
        return None

    def is_lost(self, key: Hashable, width: int, height: int) -> bool:
        """Whether this picture cannot be read."""
        return (key, width, height) in self.lost

    def ground(self) -> tuple[int, int, int]:
        """The colour behind a picture that is not as wide or as high as its place."""
        return self.widget.background_colors[1].rgb

    def clear(self) -> None:
        """Forget every picture, for instance when the theme changed."""
        self.ready.clear()
        self.lost.clear()

    def _arrived(self, whole: Hashable, future: Future[Lines], done: Callable[[], object]) -> None:
        def keep() -> None:
            self.asked.discard(whole)
            error = future.exception()
            if error is not None:
                self.lost.add(whole)
            else:
                self.ready[whole] = future.result()
                while len(self.ready) > KEPT:
                    self.ready.popitem(last=False)
            if self.widget.is_attached:
                done()

        with contextlib.suppress(RuntimeError):  # the app has ended meanwhile
            self.widget.call_later(keep)
