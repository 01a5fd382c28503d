"""How well this terminal shows one picture: asked once, before the app takes the terminal over.

Four questions are sent at once, the last being one that every terminal answers (device attributes), so that
silence costs one short wait at most: Kitty graphics, name and version, cell size in pixels, device attributes.
Sixel is attribute 4. Kitty's Unicode placeholders came with 0.28; an older one shows boxes, so it gets
half-cells. References: sw.kovidgoyal.net/kitty/graphics-protocol, invisible-island.net/xterm/ctlseqs.
"""

from __future__ import annotations

import os
import re
import select
import sys
import time
from dataclasses import dataclass
from typing import Literal, cast

Kind = Literal["kitty", "sixel", "halfcell", "off"]
PATIENCE = 0.6  # seconds; a reply over a slow line takes 0.3
QUERY = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[>q\x1b[16t\x1b[c"
ATTRIBUTES = re.compile(r"\x1b\[\?([\d;]*)c")
VERSION = re.compile(r"\x1bP>\|([^\x1b]*)\x1b\\")
CELL = re.compile(r"\x1b\[6;(\d+);(\d+)t")
KITTY_WITH_PLACEHOLDERS = (0, 28)
CELL_OF_VT340 = (10, 20)  # pixels, when nobody says


@dataclass(frozen=True)
class Graphics:
    """`kind` is what to draw a single picture with, `why` a clause for `zen doctor`, `cell` is in pixels."""

    kind: Kind
    why: str
    terminal: str = ""
    cell: tuple[int, int] = CELL_OF_VT340


def detect(wanted: str = "auto") -> Graphics:
    """What to use here. `wanted` is the setting `images`; the variable ZEN_IMAGES goes before it."""
    named = os.environ.get("ZEN_IMAGES")
    wanted = named or wanted
    if wanted in ("kitty", "sixel", "halfcell", "off"):
        where = "ZEN_IMAGES" if named else "settings.toml"
        return Graphics(cast(Kind, wanted), f"{where} asks for it", cell=cell_of_window() or CELL_OF_VT340)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Graphics("halfcell", "this is not a terminal")
    if os.environ.get("TERM") in ("dumb", "linux", None):
        return Graphics("halfcell", "the terminal is a plain console")
    if os.environ.get("TMUX"):
        return Graphics("halfcell", "tmux stands between Zen and the terminal")
    return read_reply(_ask(QUERY))


def describe() -> tuple[str, str]:
    """How pictures are shown here, and why: for `zen doctor`."""
    from zen_tui.library import settings
    from zen_tui.library.paths import Home

    found = detect(settings.read(Home.find()).images)
    name = f" ({found.terminal})" if found.terminal else ""
    return found.kind, f"{found.why}{name}"


def read_reply(reply: str) -> Graphics:
    """What the terminal's answers mean."""
    found = ATTRIBUTES.search(reply)
    if not found:
        return Graphics("halfcell", "the terminal did not answer")
    named = VERSION.search(reply)
    name = re.sub(r"[^\x20-\x7e]", "", named[1])[:40] if named else ""
    measured = CELL.search(reply)
    said = (int(measured[2]), int(measured[1])) if measured else (0, 0)
    cell = cell_of_window() or (said if all(said) else CELL_OF_VT340)
    if "\x1b_Gi=31;OK" in reply and _has_placeholders(name):
        return Graphics("kitty", "the terminal answers the Kitty graphics query", name, cell)
    if "4" in found[1].split(";"):
        return Graphics("sixel", "the terminal says that it knows Sixel", name, cell)
    return Graphics("halfcell", "the terminal knows neither Kitty graphics nor Sixel", name)


def cell_of_window() -> tuple[int, int] | None:
    """Cell size from what the kernel knows of the window; xterm does not answer the question."""
    import fcntl
    import struct
    import termios

    try:
        raw = fcntl.ioctl(sys.__stdout__.fileno(), termios.TIOCGWINSZ, b"\0" * 8) if sys.__stdout__ else b""
        rows, columns, width, height = struct.unpack("HHHH", raw)
    except (OSError, ValueError, struct.error):
        return None
    return (width // columns, height // rows) if rows and columns and width and height else None


def _has_placeholders(name: str) -> bool:
    """Kitty from 0.28 on, and Ghostty; others take the protocol's commands but not its placeholders."""
    number = re.match(r"kitty\((\d+)\.(\d+)", name)
    if number:
        return (int(number[1]), int(number[2])) >= KITTY_WITH_PLACEHOLDERS
    return name.lower().startswith("ghostty")


def _ask(query: str) -> str:
    """Send `query` and gather the answer until the device attributes came or patience ended."""
    import termios
    import tty

    stdin, stdout = sys.stdin.fileno(), sys.stdout.fileno()
    before = termios.tcgetattr(stdin)
    reply, end = b"", time.monotonic() + PATIENCE
    try:
        tty.setcbreak(stdin, termios.TCSANOW)
        os.write(stdout, query.encode())
        while not ATTRIBUTES.search(reply.decode("latin-1")):
            left = end - time.monotonic()
            if left <= 0 or not select.select([stdin], [], [], left)[0]:
                break
            reply += os.read(stdin, 1024)
    finally:
        termios.tcsetattr(stdin, termios.TCSAFLUSH, before)
    return reply.decode("latin-1")
