"""How long a key takes on Datasets with thousands of photos in a set: from the press to the terminal's bytes.

Zen runs in a real pseudo-terminal on a home that is made for it. A key counts as painted when the terminal
has received the text that its effect writes, such as `left out` or `8 of 2,000`; every press waits for
quiet first, so that one key's bytes are not taken for another's. The worst press is told beside the median.

Usage: python benchmarks/culling.py [--photos 2000] [--presses 40] [--size 160x45]
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import random
import re
import select
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

from PIL import Image, ImageDraw

from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Crop, Face, Measures, Verdict
from zen_tui.photos.thumbs import write_thumbnail

ZEN = "import sys; sys.argv = ['zen']; from zen_tui.__main__ import main; main()"
PATIENCE = 30.0  # seconds
QUIET = 0.25  # seconds without a byte, before a key is pressed
TARGET = 100.0  # milliseconds
DRAWINGS = 24  # originals that differ; the files of a set are links to them
PIXELS = (3000, 2000)


def make_home(folder: Path, count: int) -> Home:
    """A home with one dataset of `count` measured photos, a fifth of them flagged, some of them alike."""
    home = Home(folder).create()
    rng = random.Random(1)
    drawings = [_drawing(number) for number in range(DRAWINGS)]
    originals = [folder / f"{number}.jpg" for number in range(DRAWINGS)]
    for drawing, path in zip(drawings, originals, strict=True):
        drawing.save(path, "JPEG", quality=85)
    home.photo("mara", "0", ".jpg").parent.mkdir(parents=True)
    for number, drawing in enumerate(drawings):
        write_thumbnail(drawing, folder / f"{number}-small.jpg")
    with Database.open(home) as db, db.transaction():
        made = datasets.add_dataset(db, "mara", "ohwx", "woman", "person")
        home.thumbnail("mara", "0").parent.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            hash = f"{number:064x}"
            os.link(originals[number % DRAWINGS], home.photo("mara", hash, ".jpg"))
            os.link(folder / f"{number % DRAWINGS}-small.jpg", home.thumbnail("mara", hash))
            blur = rng.random()
            verdicts = [Verdict("blur", blur, "It is soft.", 0.8)] if blur > 0.8 else []
            box = Crop(left=0.3, top=0.1, right=0.3 + rng.random() * 0.3, bottom=0.6)
            eyes = ((0.38, 0.3), (0.46, 0.3), (0.42, 0.38), (0.39, 0.45), (0.45, 0.45))
            measures = Measures(
                version=1, phash=f"{rng.getrandbits(64):016x}", mirror=f"{rng.getrandbits(64):016x}", blur=blur,
                mean=rng.random(), palette=tuple(rng.random() for _ in range(24)),
                faces=(Face(box=box, points=eyes, score=0.9),),
            )  # fmt: skip
            datasets.add_photo(
                db, made.id, source=f"/photos/{number}.jpg", hash=hash, suffix=".jpg", name=f"IMG_{number:05}.jpg",
                format="JPEG", width=PIXELS[0], height=PIXELS[1], caption=f"a photo of ohwx woman, {number}",
                verdicts=verdicts, measures=measures, alike=number - number % 10 + 1 if number % 10 < 3 else None,
            )  # fmt: skip
    return home


def _drawing(number: int) -> Image.Image:
    """A head before a ground, with enough grain to be as large a file as a photograph."""
    width, height = PIXELS
    image = Image.new("HSV", PIXELS, (number * 37 % 256, 120, 150)).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 2 // 3, width, height), fill=(90, 70, 50))
    draw.ellipse((width * 0.3, height * 0.15, width * 0.6, height * 0.8), fill=(80 + 5 * number, 60, 40))
    draw.ellipse((width * 0.36, height * 0.25, width * 0.54, height * 0.7), fill=(225, 180, 140))
    return Image.blend(image, Image.effect_noise(PIXELS, 60).convert("RGB"), 0.15)


class Terminal:
    """Zen in a pseudo-terminal of this size."""

    def __init__(self, home: Home, columns: int, rows: int) -> None:
        environment = {
            **os.environ,
            "ZEN_HOME": str(home.root),
            "TERM": "xterm-256color",
            "ZEN_IMAGES": "halfcell",
        }
        self.child, self.master = pty.fork()
        if self.child == 0:
            os.execve(sys.executable, [sys.executable, "-c", ZEN], environment)
        ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, patience: float) -> bytes:
        """What comes within `patience` seconds, empty when nothing does."""
        if not select.select([self.master], [], [], patience)[0]:
            return b""
        try:
            return os.read(self.master, 1 << 16)
        except OSError:
            raise SystemExit("Zen ended before its time.") from None

    def rest(self) -> None:
        """Wait until nothing more is painted."""
        while self.read(QUIET):
            pass

    def until(self, key: str, wanted: str) -> tuple[float, float]:
        """Press `key`: milliseconds until text that matches `wanted` has come, and until the last byte of it."""
        began = time.perf_counter()
        os.write(self.master, key.encode())
        seen, found = b"", 0.0
        while not found:
            piece = self.read(PATIENCE)
            if not piece:
                raise SystemExit(f"{key!r} did not paint {wanted!r}, but: {_plain(seen)[-600:]}")
            seen += piece
            if re.search(wanted, _plain(seen)):
                found = time.perf_counter() - began
        last = found
        while self.read(QUIET):
            last = time.perf_counter() - began
        return 1000 * found, 1000 * last

    def close(self) -> None:
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)
        os.close(self.master)


def _plain(painted: bytes) -> str:
    """The text in what the terminal received."""
    return re.sub(r"\x1b\[[0-9;:?<>=]*[A-Za-z]", "", painted.decode(errors="replace"))


Press = tuple[str, str, str]  # what is measured ('' for what is not), the key, the text that its effect writes


def presses(count: int, photos: int) -> Iterator[Press]:
    """The keys of someone who sorts out a set, each with the text that shows that it was done."""
    anywhere = r"\d of [\d,]+"
    yield from (("move", "l", rf"\b{number + 2:,} of {photos:,}") for number in range(count))
    yield from (("row down", "j", anywhere) for _ in range(count))
    yield from (("page down", "\x1b[6~", anywhere) for _ in range(count))
    yield "", "g", anywhere
    for _ in range(count):
        yield "out", "x", "left out"
        yield "use", "u", "trained on"
        yield "hold out", "o", "held out to"
        yield "undo", "U", "trained on"
        yield "", "l", anywhere
    for _ in range(count):
        yield "this one", "d", r"\d left out|Nothing alike"
        yield "undo", "U", "undone|Nothing is left"
        yield "", "l", anywhere
    for number in range(count):
        yield "rate", str(number % 5 + 1), "★"
        yield "", "l", anywhere
    yield from (("sort", "s", r"imported|first|together|by name") for _ in range(count))
    yield from (("large", "f", anywhere) for _ in range(max(2, count // 4 * 2)))
    yield "", "G", anywhere
    yield "", "g", anywhere
    yield "", "/", "flag:blur"
    for letter in "flag:blur":
        yield ("filter letter", letter, letter)
    yield "", "\x1b", anywhere


def measure(home: Home, photos: int, count: int, columns: int, rows: int) -> dict[str, list[tuple[float, float]]]:
    """For every kind of press, milliseconds until its effect was painted and until the last byte of it."""
    took: dict[str, list[tuple[float, float]]] = {}
    terminal = Terminal(home, columns, rows)
    try:
        took["open the app"] = [terminal.until("", rf"1 of {photos:,}")]
        for name, key, wanted in presses(count, photos):
            terminal.rest()
            took.setdefault(name, []).append(terminal.until(key, wanted))
    finally:
        terminal.close()
    took.pop("", None)
    return took


def summary(times: list[float]) -> dict[str, float]:
    """Median, 95th percentile and worst."""
    ordered = sorted(times)
    late = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return {"median": round(statistics.median(ordered), 1), "p95": round(late, 1), "worst": round(ordered[-1], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=2000, help="photos in the set")
    parser.add_argument("--presses", type=int, default=40, help="presses of each key")
    parser.add_argument("--size", default="160x45", help="columns and rows of the terminal")
    chosen = parser.parse_args()
    columns, rows = map(int, chosen.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(Path(folder) / "home", chosen.photos)
        took = measure(home, chosen.photos, chosen.presses, columns, rows)
    result = {
        name: {"presses": len(times), **summary([first for first, _ in times]),
               "settled_worst": round(max(last for _, last in times), 1)}
        for name, times in took.items()
    }  # fmt: skip
    print(json.dumps({"photos": chosen.photos, "size": chosen.size, "milliseconds": result}))
    print(f"{'ms to the painted effect':24} median    p95  worst   settled, worst", file=sys.stderr)
    for name, row in result.items():
        figures = f"{row['median']:6.0f} {row['p95']:6.0f} {row['worst']:6.0f} {row['settled_worst']:10.0f}"
        print(f"{name:24} {figures}", file=sys.stderr)
    slow = [name for name, row in result.items() if name != "open the app" and row["worst"] > TARGET]
    said = (
        f"slower than {TARGET:.0f} ms at worst: {', '.join(slow)}" if slow else f"every key within {TARGET:.0f} ms"
    )
    print(said, file=sys.stderr)


if __name__ == "__main__":
    main()
