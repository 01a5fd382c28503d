"""Photos for the editors of crops, and photos to sort out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import colourful, save
from tests.tui import culled
from tests.tui.shell import add_photos
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Measures, Photo
from zen_tui.library.settings import Thresholds
from zen_tui.photos.intake import import_photos
from zen_tui.photos.judge import rejudge_all
from zen_tui.photos.measure import VERSION


@pytest.fixture
def photos(db: Database, home: Home, tmp_path: Path) -> list[Photo]:
    """Three photos of 1200 x 800, 800 x 1000 and 400 x 400 pixels."""
    made = datasets.add_dataset(db, "mara", "ohwx", "woman", "person")
    for number, size in enumerate(((1200, 800), (800, 1000), (400, 400))):
        save(tmp_path / "in" / f"{number}.png", colourful(*size, seed=number + 40))
    import_photos(db, home, made, [tmp_path / "in"])
    return datasets.photos(db, made.id)


@pytest.fixture
def judged(db: Database, home: Home, photo_folder: Path) -> list[Photo]:
    """Six photos: the second and the third are alike, the third and the fifth are blurred, and each is darker."""
    dataset = add_photos(db, home, photo_folder)
    for number, photo in enumerate(culled.photos(db)):
        hash = 0x1111111111111111 * (number if number != 2 else 1) ^ (7 if number == 2 else 0)
        measures = Measures(
            version=VERSION,
            phash=f"{hash:016x}",
            mirror=f"{hash ^ 0x00FF00FF00FF00FF:016x}",
            blur={2: 0.9, 4: 0.8}.get(number, 0.1 + 0.02 * number),
            mean=0.5 - 0.08 * number,
        )
        db.update("photos", photo.id, width=1000, height=1000, measures=measures)
    rejudge_all(db, home, dataset, Thresholds())
    return culled.photos(db)
