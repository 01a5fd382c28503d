"""The way through a dataset's photos that captions and masks share: past bad ones, and on from where it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from PIL import Image

from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, ZenError
from zen_tui.library.events import Feed, Interrupted, Progress, Warned
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset, Photo
from zen_tui.library.text import clean, shown
from zen_tui.photos.open import open_upright
from zen_tui.vision.device import too_large
from zen_tui.vision.done import DonePhotos


@dataclass
class Outcome:
    """Ids of the photos that were worked on, and those that could not be: {"photo", "name", "reason"}."""

    done: list[int] = field(default_factory=list)
    failed: list[dict[str, int | str]] = field(default_factory=list)


def chosen_photos(db: Database, dataset: Dataset, ids: Sequence[int]) -> list[Photo]:
    """The photos of `dataset` with these ids, or all that are in use."""
    photos = datasets.photos(db, dataset.id, usable=not ids)
    return [photo for photo in photos if not ids or photo.id in ids]


def stored_photo(home: Home, dataset: Dataset, photo: Photo, largest: int | None = None) -> Image.Image:
    """A photo as it lies in Zen, upright. Raises `BadFile`."""
    return open_upright(home.photo(dataset.slug, photo.hash, photo.suffix), largest)


def go_through(
    photos: Sequence[Photo], feed: Feed, home: Home, *, what: str, title: str, work: Callable[[Photo], None]
) -> Outcome:
    """Do `work` on each of `photos` that this job has not done yet, and tell how far it is.

    Args:
        what: what is being done, for the progress: 'describing photos'.
        title: the model that does it, for what goes wrong.

    Raises:
        Interrupted: the feed asked for it; what is done is kept.
        BadFile: not one photo could be worked on.
        ZenError: the disk is full, or the model does not fit on the card.
    """
    known, outcome = DonePhotos(home, feed.job_id), Outcome()
    outcome.done = [photo.id for photo in photos if photo.id in known]
    feed.progressed(len(outcome.done), len(photos))
    for photo in photos:
        if photo.id in known:
            continue
        if how := feed.asked():
            raise Interrupted(how)
        try:
            work(photo)
        except torch.OutOfMemoryError:
            raise too_large(title) from None
        except (BadFile, RuntimeError, ValueError) as error:
            reason = error.message if isinstance(error, BadFile) else f"{title} cannot read it ({_short(error)})"
            outcome.failed.append({"photo": photo.id, "name": shown(photo.name), "reason": reason})
            feed.tell(Warned(text=f"{shown(photo.name)} was passed over: {reason.rstrip('.')}."))
        else:
            known.add(photo.id)
            outcome.done.append(photo.id)
        done = len(outcome.done) + len(outcome.failed)
        feed.tell(Progress(what=what, done=done, total=len(photos)))
        feed.progressed(done, len(photos))
    feed.durable()
    if outcome.failed and not outcome.done:
        raise BadFile(
            f"None of the photos could be worked on. {outcome.failed[0]['name']}: {outcome.failed[0]['reason']}",
            "Check the model's folder and the photos.",
        )
    return outcome


def require_some(photos: Sequence[Photo], dataset: Dataset) -> None:
    """Raise `ZenError` if there is nothing to work on."""
    if not photos:
        raise ZenError(f"{dataset.slug} has no photos in use.", "Import some, or take some in again.")


def _short(error: Exception) -> str:
    return clean(str(error).splitlines()[0] if str(error) else type(error).__name__, 120).rstrip(".")
