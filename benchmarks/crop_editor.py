"""How long a key of the crop editor takes with a photo of 24 megapixels, in a real pseudo-terminal.

The time runs from the key's byte being written to the terminal until it has received the crop's new numbers,
which are painted in the same frame as the rectangle. Keys come when the app rests, then as fast as they can.

Usage: python -m benchmarks.crop_editor [--rounds 20] [--images halfcell] [--size 160x45]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from PIL import Image

from benchmarks.terminal import QUIET, Press, Terminal, load, summary, table
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.photos.intake import import_photos
from zen_tui.tui.widgets.crop_geometry import WHOLE, edges, extent, grow, move

SIZE = (6000, 4000)
TARGET = 100.0  # milliseconds


def photo(path: Path) -> Path:
    """A JPEG of 24 megapixels in which no two places look the same."""
    noise = Image.effect_noise((SIZE[0] // 8, SIZE[1] // 8), 60)
    colours = Image.merge("RGB", (noise, noise.transpose(Image.Transpose.ROTATE_180), noise.effect_spread(9)))
    colours.resize(SIZE, Image.Resampling.BICUBIC).save(path, quality=90)
    return path


def measure(terminal: Terminal, rounds: int, quiet: float) -> list[Press]:
    """Sizes and moves in turn, each after so many seconds of quiet; 0 is as fast as they can come."""
    terminal.press("0", "6000×4000")
    crop, taken = WHOLE, []
    for number in range(rounds):
        if number % 2:
            crop = move(crop, SIZE, 60, 0)
            key, text = "l", "{}, {}".format(*edges(crop, SIZE)[:2])
        else:
            crop = grow(crop, SIZE, -120, None)
            key, text = "-", "{}×{}".format(*extent(crop, SIZE))
        taken.append(terminal.press(key, text, quiet))
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=20, help="keys that are measured each time")
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
            terminal.press("", "import", 1.0)
            taken = {
                "open": [terminal.press("c", "6000×4000", 1.0)],
                "at rest": measure(terminal, chosen.rounds, QUIET),
                "after the sharp picture": measure(terminal, chosen.rounds // 4, 0.8),
                "as fast as they come": measure(terminal, chosen.rounds, 0.0),
            }
        finally:
            terminal.close()
    found = {name: summary(presses) for name, presses in taken.items()}
    print(json.dumps({"images": chosen.images, "size": chosen.size, "load": load(), "milliseconds": found}))
    print(table(found), file=sys.stderr)
    slowest = max(row["worst"] for name, row in found.items() if name != "open")
    state = "within" if slowest < TARGET else "above"
    print(f"slowest key {slowest:.0f} ms, {state} the target of {TARGET:.0f} ({load()})", file=sys.stderr)


if __name__ == "__main__":
    main()
