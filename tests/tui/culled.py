"""What the tests of sorting out ask of the database."""

from __future__ import annotations

from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.records import Photo


def photos(db: Database, name: str = "mara") -> list[Photo]:
    return datasets.photos(db, datasets.dataset(db, name).id)


def splits(db: Database) -> str:
    """One letter a photo: t(rain), h(oldout), o(ut)."""
    return "".join(photo.split[0] for photo in photos(db))
