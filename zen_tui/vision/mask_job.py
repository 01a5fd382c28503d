"""The job that finds the subject in the photos of a dataset and keeps a mask of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zen_tui.exchange.mattes import inspect_matte
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.events import Feed, Note
from zen_tui.library.paths import Home
from zen_tui.library.photo_specs import MaskSpec
from zen_tui.library.records import Photo
from zen_tui.library.text import plural
from zen_tui.photos.masks import LARGEST, origin_of, write_mask
from zen_tui.vision.done import DonePhotos
from zen_tui.vision.matte import load_cutter
from zen_tui.vision.work import chosen_photos, go_through, require_some, stored_photo


def make_masks(spec: MaskSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Make a mask for every photo of `spec` but those whose mask a person drew or brought along.

    Returns:
        `dataset`, `model`, `masked` (ids of photos), `kept` (how many masks of people's own stayed) and `failed`,
        each with `photo`, `name` and `reason`.

    Raises:
        NotFound, BadFile, Refused: the dataset or the model cannot be used; nothing is changed.
        Interrupted: the feed asked for it; the job goes on from there.
    """
    dataset = datasets.dataset(db, spec.dataset)
    found = inspect_matte(Path(spec.model))
    photos = chosen_photos(db, dataset, spec.photos)
    require_some(photos, dataset)
    before = DonePhotos(home, feed.job_id)

    def is_own(photo: Photo) -> bool:
        return origin_of(home.mask(dataset.slug, photo.hash)) in ("drawn", "imported")

    wanted = [p for p in photos if spec.overwrite or p.id in before or not is_own(p)]
    feed.tell(Note(text=f"{found.title} makes masks for {plural(len(wanted), 'photo')} of {dataset.slug}."))
    cutter = load_cutter(found)

    def cut(photo: Photo) -> None:
        mask = cutter.mask(stored_photo(home, dataset, photo, LARGEST))
        write_mask(home.mask(dataset.slug, photo.hash), mask, "model")

    outcome = go_through(wanted, feed, home, what="making masks", title=found.title, work=cut)
    return {
        "dataset": dataset.slug,
        "model": found.title,
        "masked": outcome.done,
        "kept": len(photos) - len(wanted),
        "failed": outcome.failed,
    }
