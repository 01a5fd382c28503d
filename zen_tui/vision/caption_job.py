"""The job that describes the photos of a dataset with a model from a folder, and makes captions of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from zen_tui.exchange.captioners import inspect_captioner, require_prompt
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile
from zen_tui.library.events import Feed, Note
from zen_tui.library.paths import Home
from zen_tui.library.photo_specs import CaptionSpec
from zen_tui.library.records import Crop, Dataset, Photo
from zen_tui.library.text import plural
from zen_tui.photos.captions import default_caption
from zen_tui.vision.captioner import LARGEST, load_describer
from zen_tui.vision.done import DonePhotos
from zen_tui.vision.wording import caption_of, tidied
from zen_tui.vision.work import chosen_photos, go_through, require_some, stored_photo


def caption(spec: CaptionSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Describe every photo of `spec` that has no caption yet; each is recorded as it is made.

    Returns:
        `dataset`, `model`, `captioned` (ids of photos), `kept` (how many had a caption already) and `failed`, each
        with `photo`, `name` and `reason`.

    Raises:
        NotFound, BadFile, Refused: the dataset or the model cannot be used; nothing is changed.
        Interrupted: the feed asked for it; the job goes on from there.
    """
    dataset = datasets.dataset(db, spec.dataset)
    found = inspect_captioner(Path(spec.model))
    require_prompt(found, spec.prompt)
    photos = chosen_photos(db, dataset, spec.photos)
    require_some(photos, dataset)
    before = DonePhotos(home, feed.job_id)
    wanted = [p for p in photos if spec.overwrite or p.id in before or not is_captioned(dataset, p)]
    feed.tell(Note(text=f"{found.title} describes {plural(len(wanted), 'photo')} of {dataset.slug}."))
    describer = load_describer(found)
    prompt = found.prompt if spec.prompt is None else spec.prompt

    def describe(photo: Photo) -> None:
        seen = as_trained(stored_photo(home, dataset, photo), photo.crop)
        said, whole = describer.describe(seen, prompt, spec.length)
        text = tidied(said, whole=whole)
        if not text:
            raise BadFile(f"{found.title} has nothing to say of it")
        written = caption_of(dataset, text, spec.prefix, spec.suffix, tags=found.kind == "wd14")
        datasets.set_caption(db, photo.id, written)

    outcome = go_through(wanted, feed, home, what="describing photos", title=found.title, work=describe)
    return {
        "dataset": dataset.slug,
        "model": found.title,
        "captioned": outcome.done,
        "kept": len(photos) - len(wanted),
        "failed": outcome.failed,
    }


def is_captioned(dataset: Dataset, photo: Photo) -> bool:
    """Whether somebody has said what is on `photo`: its caption is more than what every photo begins with."""
    return photo.caption not in ("", default_caption(dataset))


def as_trained(photo: Image.Image, crop: Crop | None) -> Image.Image:
    """The part of `photo` that is trained on, its longer side at most `LARGEST` pixels."""
    if crop is not None:
        left, right = round(crop.left * photo.width), round(crop.right * photo.width)
        top, bottom = round(crop.top * photo.height), round(crop.bottom * photo.height)
        photo = photo.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    photo.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return photo
