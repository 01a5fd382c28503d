"""How long a key of the crop editor takes with a photo of 24 megapixels, in a real pseudo-terminal.

The time runs from the key's byte being written to the terminal until it has received the crop's new numbers,
which are painted in the same frame as the rectangle. Keys come when the app rests, then as fast as they can.

Usage: python benchmarks/crop_editor.py [--rounds 40] [--images halfcell] [--size 160x45]
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import select
import statistics
import struct
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path

from PIL import Image

from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.photos.intake import import_photos
from zen_tui.tui.widgets.crop_geometry import WHOLE, edges, extent, grow, move

ZEN = "import sys; sys.argv = ['zen']; from zen_tui.__main__ import main; main()"
SIZE = (6000, 4000)
TARGET = 100.0  # milliseconds
PATIENCE = 60.0  # seconds


class Terminal:
    """Zen in a pseudo-terminal of `columns` x `rows`."""

    def __init__(self, home: Path, columns: int, rows: int, images: str) -> None:
        environment = {**os.environ, "ZEN_HOME": str(home), "TERM": "xterm-256color", "ZEN_IMAGES": images}
        self.child, self.master = pty.fork()
        if self.child == 0:
            os.execve(sys.executable, [sys.executable, "-c", ZEN], environment)
        ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, columns * 8, rows * 17))

    def press(self, key: str, text: str) -> float:
        """Milliseconds from the key until the terminal has received `text`; the key may be nothing."""
        began = time.perf_counter()
        os.write(self.master, key.encode())
        seen = b""
        while text.encode() not in seen:
            if not select.select([self.master], [], [], PATIENCE)[0]:
                raise SystemExit(f"{text!r} did not appear in {PATIENCE:.0f} s.")
            seen += os.read(self.master, 1 << 20)
        return 1000 * (time.perf_counter() - began)

    def rest(self, seconds: float) -> None:
        """Read what comes until nothing has come for so long."""
        while select.select([self.master], [], [], seconds)[0]:
            os.read(self.master, 1 << 20)

    def busy(self) -> float:
        """Milliseconds of processor time that Zen has used so far, in all its threads."""
        fields = Path(f"/proc/{self.child}/stat").read_text().rpartition(")")[2].split()
        return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)
        os.close(self.master)


def photo(path: Path) -> Path:
    """A JPEG of 24 megapixels in which no two places look the same."""
    noise = Image.effect_noise((SIZE[0] // 8, SIZE[1] // 8), 60)
    colours = Image.merge("RGB", (noise, noise.transpose(Image.Transpose.ROTATE_180), noise.effect_spread(9)))
    colours.resize(SIZE, Image.Resampling.BICUBIC).save(path, quality=90)
    return path


def measure(terminal: Terminal, rounds: int, pause: float) -> dict[str, float]:
    """Sizes and moves in turn: the median and the slowest, and the processor time of one, in milliseconds."""
    terminal.press("0", "6000×4000")
    crop, taken, before = WHOLE, [], terminal.busy()
    for number in range(rounds):
        if number % 2:
            crop = move(crop, SIZE, 60, 0)
            key, text = "l", "{}, {}".format(*edges(crop, SIZE)[:2])
        else:
            crop = grow(crop, SIZE, -120, None)
            key, text = "-", "{}×{}".format(*extent(crop, SIZE))
        taken.append(terminal.press(key, text))
        terminal.rest(pause)
    used = (terminal.busy() - before) / rounds
    return {
        "median_ms": round(statistics.median(taken), 1),
        "slowest_ms": round(max(taken), 1),
        "cpu_ms": round(used, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=40, help="keys that are measured each time")
    parser.add_argument("--images", default="halfcell", choices=["halfcell", "sixel", "kitty", "off"])
    parser.add_argument("--size", default="160x45", help="columns x rows of the terminal")
    chosen = parser.parse_args()
    columns, rows = (int(part) for part in chosen.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home").create()
        with Database.open(home) as db:
            dataset = datasets.add_dataset(db, "mara", "ohwx", "woman", "person")
            import_photos(db, home, dataset, [photo(Path(folder) / "photo.jpg")])
        terminal = Terminal(home.root, columns, rows, chosen.images)
        try:
            terminal.press("", "import")
            terminal.rest(2)
            opened = terminal.press("c", "6000×4000")
            terminal.rest(2)
            resting = measure(terminal, chosen.rounds, 0.05)
            settled = measure(terminal, chosen.rounds // 4, 1.0)
            hurried = measure(terminal, chosen.rounds, 0.0)
        finally:
            terminal.close()
    found = {"opened_ms": round(opened, 1), "resting": resting, "after_sharp": settled, "hurried": hurried}
    print(json.dumps({"images": chosen.images, "size": chosen.size, **found}))
    slowest = max(part["slowest_ms"] for part in (resting, settled, hurried))
    good = slowest < TARGET
    print(
        f"slowest key {slowest:.0f} ms, {'within' if good else 'above'} the target of {TARGET:.0f}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
