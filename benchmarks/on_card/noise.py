"""Photos of nothing, and Stable Diffusion XL with random numbers: what a run can be tried with from disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

from zen_tui.exchange.bases import add_base
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Dataset
from zen_tui.photos.intake import import_photos

PHOTOS = 6
SIDE = 1024  # pixels


def noise_dataset(db: Database, home: Home) -> Dataset:
    """A dataset of pictures of nothing, as large as photos."""
    folder = home.root / "photos"
    folder.mkdir()
    for number in range(PHOTOS):
        bands = [Image.effect_noise((SIDE, SIDE), 20.0 * number + 20.0) for _ in "RGB"]
        Image.merge("RGB", bands).save(folder / f"{number}.png")
    dataset = datasets.add_dataset(db, "noise", "ohwx", "object", "object")
    import_photos(db, home, dataset, [folder])
    return dataset


def large_base(db: Database, home: Home, folder: Path, *, tiny: bool) -> Base:
    """The base in `folder`, written unless it lies there; another process does it, and frees the card."""
    if not folder.exists():
        word = ["tiny"] if tiny else []
        command = [sys.executable, "-m", "benchmarks.on_card.folder", str(folder), *word]
        subprocess.run(command, check=True)
    return add_base(db, home, folder, "sdxl")
