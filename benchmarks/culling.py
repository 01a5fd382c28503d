"""How long a key takes on Datasets with thousands of photos in a set: from the press to the terminal's bytes.

A key counts as painted when the terminal has received the text that its effect writes, such as `left out` or
`8 of 2,000`. `after a mark` are keys that come while what was marked is judged. The worst press is told beside
the median.

Usage: python -m benchmarks.culling [--photos 2000] [--presses 12] [--size 160x45]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw

from benchmarks.terminal import Press, Terminal, load, summary, table
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Crop, Face, Measures
from zen_tui.library.settings import Thresholds
from zen_tui.photos.judge import rejudge_all
from zen_tui.photos.measure import VERSION
from zen_tui.photos.thumbs import write_thumbnail
from zen_tui.tui.screens.datasets_judging import PAUSE

TARGET = 100.0  # milliseconds
DRAWINGS = 24  # originals that differ; the files of a set are links to them
PIXELS = (3000, 2000)


def make_home(folder: Path, count: int) -> Home:
    """A home with one dataset of `count` measured photos: a fifth are blurred, eight of ten have a twin."""
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
        phash = 0
        for number in range(count):
            hash = f"{number:064x}"
            os.link(originals[number % DRAWINGS], home.photo("mara", hash, ".jpg"))
            os.link(folder / f"{number % DRAWINGS}-small.jpg", home.thumbnail("mara", hash))
            box = Crop(left=0.3, top=0.1, right=0.3 + rng.random() * 0.3, bottom=0.6)
            eyes = ((0.38, 0.3), (0.46, 0.3), (0.42, 0.38), (0.39, 0.45), (0.45, 0.45))
            twin = number % 2 == 1 and number % 10 < 8
            phash = phash ^ 1 if twin else rng.getrandbits(64)
            measures = Measures(
                version=VERSION, phash=f"{phash:016x}", mirror=f"{rng.getrandbits(64):016x}",
                blur=rng.random(), mean=rng.random(), palette=_colours(rng), clothes=_colours(rng),
                faces=(Face(box=box, points=eyes, score=0.9),),
            )  # fmt: skip
            datasets.add_photo(
                db, made.id, source=f"/photos/{number}.jpg", hash=hash, suffix=".jpg", name=f"IMG_{number:05}.jpg",
                format="JPEG", width=PIXELS[0], height=PIXELS[1], caption=f"a photo of ohwx woman, {number}",
                measures=measures,
            )  # fmt: skip
        rejudge_all(db, home, made, Thresholds(blur=0.8, blur_frame=0.8))
    return home


def _colours(rng: random.Random) -> tuple[float, ...]:
    """A palette with most of its share in a few colours, as that of a place or of clothes."""
    shares = [rng.random() ** 8 for _ in range(27)]
    return tuple(share / sum(shares) for share in shares)


def _drawing(number: int) -> Image.Image:
    """A head before a ground, with enough grain to be as large a file as a photograph."""
    width, height = PIXELS
    image = Image.new("HSV", PIXELS, (number * 37 % 256, 120, 150)).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 2 // 3, width, height), fill=(90, 70, 50))
    draw.ellipse((width * 0.3, height * 0.15, width * 0.6, height * 0.8), fill=(80 + 5 * number, 60, 40))
    draw.ellipse((width * 0.36, height * 0.25, width * 0.54, height * 0.7), fill=(225, 180, 140))
    return Image.blend(image, Image.effect_noise(PIXELS, 60).convert("RGB"), 0.15)


Key = tuple[str, str, str]  # what is measured ('' for what is not), the key, the text that its effect writes
WAIT = ""  # as the key: rest for so many seconds


def keys(count: int, photos: int) -> Iterator[Key]:
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
    yield "", "g", anywhere
    for number in range(count):
        yield "this one", "d", r"\d left out"
        yield "undo", "U", "undone"
        for _ in range(4 if number % 4 == 3 else 2):  # two of ten have no twin
            yield "", "l", anywhere
    yield "", "g", anywhere
    for number in range(count):
        yield "", "x", "left out"
        yield "", WAIT, str(PAUSE * (1 + number / count))
        yield "after a mark", "l", rf"\b{number + 2:,} of {photos:,}"
    for number in range(count):
        yield "rate", str(number % 5 + 1), "★"
        yield "", "l", anywhere
    yield from (("sort", "s", r"imported|first|together|by name") for _ in range(count))
    yield from (("large", "f", anywhere) for _ in range(max(2, count // 4 * 2)))
    yield "", "G", anywhere
    yield "", "g", anywhere
    yield "", "/", "flag:blur"
    for letter in "flag:blur":
        yield "filter letter", letter, letter
    yield "", "\x1b", anywhere


def measure(home: Home, photos: int, count: int, columns: int, rows: int) -> dict[str, list[Press]]:
    """Every press by what it is called."""
    took: dict[str, list[Press]] = {}
    terminal = Terminal(home.root, columns, rows)
    try:
        took["open the app"] = [terminal.press("", rf"1 of {photos:,}", 1.0)]
        for name, key, wanted in keys(count, photos):
            if key == WAIT:
                time.sleep(float(wanted))
            else:
                took.setdefault(name, []).append(terminal.press(key, wanted))
    finally:
        terminal.close()
    took.pop("", None)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=2000, help="photos in the set")
    parser.add_argument("--presses", type=int, default=12, help="presses of each key")
    parser.add_argument("--size", default="160x45", help="columns and rows of the terminal")
    chosen = parser.parse_args()
    columns, rows = map(int, chosen.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(Path(folder) / "home", chosen.photos)
        took = measure(home, chosen.photos, chosen.presses, columns, rows)
    found = {name: summary(presses) for name, presses in took.items()}
    print(json.dumps({"photos": chosen.photos, "size": chosen.size, "load": load(), "milliseconds": found}))
    print(table(found), file=sys.stderr)
    slow = [name for name, row in found.items() if name != "open the app" and row["worst"] > TARGET]
    said = f"slower than {TARGET:.0f} ms at worst: {', '.join(slow)}" if slow else f"all within {TARGET:.0f} ms"
    print(f"{said} ({load()})", file=sys.stderr)


if __name__ == "__main__":
    main()
