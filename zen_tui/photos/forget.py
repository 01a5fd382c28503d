"""Deleting a dataset: rows, originals, thumbnails and caches, in an order that a crash cannot undo halfway."""

from __future__ import annotations

import shutil

from zen_tui.library.database import Database
from zen_tui.library.datasets import remove_dataset
from zen_tui.library.durable import TEMPORARY
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset


def forget_dataset(db: Database, home: Home, dataset: Dataset) -> int:
    """Delete a dataset from the disk and the database; return how many files are gone.

    The folder first gets a temporary name, so that a killed deletion is finished by the next sweep.
    """
    folder = home.dataset(dataset.slug)
    doomed = home.datasets / f"{TEMPORARY}forget-{dataset.id}"
    if folder.exists():
        folder.rename(doomed)
    remove_dataset(db, dataset.id)
    db.checkpoint()
    count = sum(path.is_file() for path in doomed.rglob("*")) if doomed.exists() else 0
    shutil.rmtree(doomed, ignore_errors=True)
    return count
