"""Photos for the editors of crops."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import colourful, save
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Photo
from zen_tui.photos.intake import import_photos


@pytest.fixture
def photos(db: Database, home: Home, tmp_path: Path) -> list[Photo]:
    """Three photos of 1200 x 800, 800 x 1000 and 400 x 400 pixels."""
    made = datasets.add_dataset(db, "mara", "ohwx", "woman", "person")
    for number, size in enumerate(((1200, 800), (800, 1000), (400, 400))):
        save(tmp_path / "in" / f"{number}.png", colourful(*size, seed=number + 40))
    import_photos(db, home, made, [tmp_path / "in"])
    return datasets.photos(db, made.id)
