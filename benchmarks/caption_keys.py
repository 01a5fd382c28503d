"""How long a key of the caption editor takes with two thousand photos, in a real pseudo-terminal.

The time runs from the key's byte being written to the terminal until it has received the text that tells what the
key did. Every change is durable, in the journal and in the database, before that text appears.

Usage: python -m benchmarks.caption_keys [--photos 2000] [--rounds 10] [--size 120x36]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from PIL import Image

from benchmarks.terminal import Press, Terminal, load, summary, table
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.photos.thumbs import write_thumbnail

TARGET = 100.0  # milliseconds
PLACES = ("at sea", "in a garden", "in the city", "indoors", "by a window", "on a hill")


def fill(home: Home, count: int) -> None:
    """A dataset of `count` photos with captions of three to five tags, and a thumbnail each."""
    with Database.open(home) as db, db.transaction():
        made = datasets.add_dataset(db, "mara", "ohwx", "woman", "person")
        for number in range(count):
            hash = f"{number:064x}"
            datasets.add_photo(
                db, made.id, source=f"/photos/{number}.jpg", hash=hash, suffix=".jpg", name=f"{number}.jpg",
                format="JPEG", width=1024, height=1024,
                caption=f"a photo of ohwx woman, {PLACES[number % 6]}, {PLACES[number % 5]}, look {number % 40}",
            )  # fmt: skip
            colour = (number * 37 % 256, number * 91 % 256, number * 53 % 256)
            write_thumbnail(Image.new("RGB", (256, 256), colour), home.thumbnail("mara", hash))
            original = home.photo("mara", hash, ".jpg")
            original.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (1024, 1024), colour).save(original)


def measure(terminal: Terminal, rounds: int, count: int) -> dict[str, list[Press]]:
    """Every press by what it does."""
    taken: dict[str, list[Press]] = {}

    def key(name: str, keys: str, text: str) -> None:
        taken.setdefault(name, []).append(terminal.press(keys, text))

    for number in range(rounds):
        key("move", "\x1b[C", f"{number + 2:,} of {count:,}")
    key("select all", "A", f"{count:,} selected")
    for number in range(rounds):
        terminal.press("a", "", 0.3)
        terminal.press(f"tag {number}", f"Enter changes {count:,} of {count:,}")
        key("add a tag to all", "\r", f"{count:,} captions changed")
        key("undo it", "u", "Undone")
    terminal.press("r", "", 0.5)
    terminal.press("woman\r", "", 0.5)
    for letter in "person":
        key("type, with the count of what would change", letter, f"Enter changes {count:,} of {count:,}")
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=10, help="presses of each key")
    parser.add_argument("--size", default="120x36", help="columns and rows of the terminal")
    chosen = parser.parse_args()
    columns, rows = (int(part) for part in chosen.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home").create()
        fill(home, chosen.photos)
        terminal = Terminal(home.root, columns, rows)
        try:
            terminal.press("", "mara", 1.0)
            terminal.press("C", "of 75 tokens", 1.0)
            taken = measure(terminal, chosen.rounds, chosen.photos)
        finally:
            terminal.close()
    found = {name: summary(presses) for name, presses in taken.items()}
    print(json.dumps({"photos": chosen.photos, "size": chosen.size, "load": load(), "milliseconds": found}))
    print(table(found), file=sys.stderr)
    slow = [name for name, row in found.items() if row["median"] > TARGET]
    said = f"above {TARGET:.0f} ms: {', '.join(slow)}" if slow else f"all within {TARGET:.0f} ms"
    print(f"{said} ({load()})", file=sys.stderr)


if __name__ == "__main__":
    main()
