"""Queueing jobs that look at photos: captions and masks, checked before the model is loaded."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from zen_tui.exchange.captioners import inspect_captioner, require_prompt
from zen_tui.exchange.mattes import inspect_matte
from zen_tui.jobs import queue
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.errors import NotFound, Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.photo_specs import CaptionSpec, MaskSpec
from zen_tui.library.records import Dataset, Job, Photo
from zen_tui.library.text import plural
from zen_tui.photos.captions import default_caption
from zen_tui.photos.masks import origin_of

LONGEST = 2048  # tokens


def submit_captions(
    db: Database,
    home: Home,
    dataset: Dataset,
    model: Path,
    *,
    photos: Sequence[int] = (),
    prompt: str | None = None,
    prefix: str | None = None,
    suffix: str = "",
    length: int = 128,
    overwrite: bool = False,
    after: int | None = None,
) -> Job:
    """Queue captions for `photos` (ids; all in use if empty) by the model in a folder; see `CaptionSpec`.

    Raises:
        NotFound: there is no such folder or photo.
        BadFile, Refused: the model cannot be used, or every photo has a caption already.
        WrongUse: a prompt that the model does not know, or a length that makes no sense.
    """
    found = inspect_captioner(model)
    require_prompt(found, prompt)
    if not 1 <= length <= LONGEST:
        raise WrongUse(f"A caption cannot be {length} tokens long.", f"Give a number from 1 to {LONGEST}.")
    if found.kind == "wd14" and importlib.util.find_spec("onnxruntime") is None:
        raise Refused(
            "Taggers are run by onnxruntime, which is not installed.", 'Install it: pip install "zen-tui[tagger]".'
        )
    wanted = _chosen(db, dataset, photos)
    bare = [photo for photo in wanted if overwrite or photo.caption in ("", default_caption(dataset))]
    if not bare:
        raise Refused(f"Every photo of {dataset.slug} has a caption already.", "Ask for them to be overwritten.")
    spec = CaptionSpec(
        dataset=dataset.slug,
        model=str(model.absolute()),
        photos=tuple(photos),
        prompt=prompt,
        prefix=prefix,
        suffix=suffix,
        length=length,
        overwrite=overwrite,
    )
    return queue.enqueue(db, home, spec, f"Captions for {plural(len(bare), 'photo')} of {dataset.slug}", after)


def submit_masks(
    db: Database,
    home: Home,
    dataset: Dataset,
    model: Path,
    *,
    photos: Sequence[int] = (),
    overwrite: bool = False,
    after: int | None = None,
) -> Job:
    """Queue masks for `photos` (ids; all in use if empty) by the matte at `model`; see `MaskSpec`.

    Raises:
        NotFound: there is no such file, folder or photo.
        BadFile, Refused: the model cannot be used, or every photo has a mask of a person's own.
    """
    inspect_matte(model)
    own = ("drawn", "imported")
    wanted = [p for p in _chosen(db, dataset, photos) if overwrite or _origin(home, dataset, p) not in own]
    if not wanted:
        raise Refused(
            f"Every photo of {dataset.slug} has a mask that was drawn or brought along.",
            "Ask for them to be overwritten.",
        )
    spec = MaskSpec(dataset=dataset.slug, model=str(model.absolute()), photos=tuple(photos), overwrite=overwrite)
    return queue.enqueue(db, home, spec, f"Masks for {plural(len(wanted), 'photo')} of {dataset.slug}", after)


def _origin(home: Home, dataset: Dataset, photo: Photo) -> str | None:
    return origin_of(home.mask(dataset.slug, photo.hash))


def _chosen(db: Database, dataset: Dataset, ids: Sequence[int]) -> list[Photo]:
    found = [p for p in datasets.photos(db, dataset.id, usable=not ids) if not ids or p.id in ids]
    missing = [id for id in ids if id not in {photo.id for photo in found}]
    if missing:
        raise NotFound(
            f"{dataset.slug} has no photo {missing[0]}.", f"`zen datasets show {dataset.slug}` lists them."
        )
    if not found:
        raise Refused(f"{dataset.slug} has no photos in use.", "Import some, or take some in again.")
    return found
