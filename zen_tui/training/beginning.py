"""What a run trains on, decided once at its start and written beside it: later changes of the dataset wait."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from zen_tui.library import datasets, run_files
from zen_tui.library.database import Database
from zen_tui.library.durable import hash_file, write_file, write_text
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Crop, Dataset, Photo, Run
from zen_tui.library.specs import Origin, TrainSettings, TrainSpec
from zen_tui.library.text import plural
from zen_tui.photos.caption_edits import tidy
from zen_tui.photos.caption_lint import names
from zen_tui.photos.captions import default_caption, trigger
from zen_tui.photos.split import hold_out

DETERMINERS = ("a", "an", "the", "this", "that", "my", "your", "his", "her", "our", "their")
FEWEST = 5  # photos; with fewer a LoRA repeats them instead of learning a subject


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One photo of a run. `plain_caption` says the same without the token: what the class alone means.

    `weight` is how much its loss counts. `mask` is the content hash of the mask at `mask_path`, '' for a photo
    that is learned without one. `of_class` is a picture of the class that the base drew.
    """

    path: str
    hash: str
    width: int
    height: int
    caption: str
    plain_caption: str
    crop: Crop | None
    repeats: int
    held_out: bool
    weight: float = 1.0
    mask: str = ""
    mask_path: str = ""
    of_class: bool = False


def require_photos(dataset: Dataset, usable: int, settings: TrainSettings) -> None:
    """Raise `Refused` when there is too little to learn from."""
    if usable == 0:
        raise Refused(f"{dataset.slug} has no photos to train on.", "Import some with `zen datasets import`.")
    if usable < FEWEST and not settings.allow_few_photos:
        raise Refused(
            f"{dataset.slug} has {plural(usable, 'photo')}; to learn a subject takes at least {FEWEST}.",
            "Import more, or set allow_few_photos to true to try anyway.",
        )


def masked_photos(home: Home, dataset: Dataset, photos: Sequence[Photo], settings: TrainSettings) -> set[int]:
    """Ids of the photos whose masks will weigh their errors.

    Raises:
        Refused: none has a mask, and the settings want them.
    """
    if settings.masked_loss == "off":
        return set()
    found = {photo.id for photo in photos if home.mask(dataset.slug, photo.hash).exists()}
    if settings.masked_loss == "on" and not found:
        raise Refused(
            f"masked_loss is on, but no photo of {dataset.slug} has a mask.",
            "Make masks first, or set masked_loss to auto.",
        )
    return found


def require_token(dataset: Dataset, photos: Sequence[Photo]) -> None:
    """Raise `Refused` unless a caption of `photos`, from which a word is to be learned, has the token."""
    if not dataset.token:
        raise Refused(f"{dataset.slug} has no token that could become a word.", "Train a LoRA instead.")
    if not any(names(photo.caption or default_caption(dataset), dataset.token) for photo in photos):
        raise Refused(
            f"No caption of {dataset.slug} has the word {dataset.token}, so there is nothing to learn it from.",
            f"Write {trigger(dataset)} into the captions.",
        )


def _mask_hash(path: Path) -> str:
    try:
        return hash_file(path)
    except OSError as error:
        raise BadFile(
            f"The mask {path.name} cannot be read: {error.strerror}.", "Make it again, or set masked_loss to off."
        ) from None


def examples(
    db: Database, home: Home, run: Run, dataset: Dataset, settings: TrainSettings, origin: Origin | None = None
) -> list[Example]:
    """The photos of `run`: read from its folder if it began before, else those of the run it began from, else
    taken from the dataset; and kept.

    Photos are held out by the dataset's own split; where it has none, one is drawn from the seed and stored.

    Raises:
        Refused: too few photos, or no masks where they are asked for.
        BadFile: a mask cannot be read.
    """
    kept = home.run(run.id) / "photos.json"
    if kept.exists():
        return msgspec.json.decode(kept.read_bytes(), type=list[Example])
    if origin:  # what was held out there must not be learned here
        write_file(kept, (home.run(origin.run) / "photos.json").read_bytes())
        return examples(db, home, run, dataset, settings)
    photos = datasets.photos(db, dataset.id, usable=True)
    require_photos(dataset, len(photos), settings)
    held_out = _held_out(db, photos, settings)
    masked = masked_photos(home, dataset, photos, settings)
    found = [
        Example(
            path=str(home.photo(dataset.slug, photo.hash, photo.suffix)),
            hash=photo.hash,
            width=photo.width,
            height=photo.height,
            caption=photo.caption or default_caption(dataset),
            plain_caption=without_token(photo.caption or default_caption(dataset), dataset),
            crop=photo.crop,
            repeats=photo.repeats,
            weight=photo.weight,
            held_out=photo.id in held_out,
            mask=_mask_hash(home.mask(dataset.slug, photo.hash)) if photo.id in masked else "",
            mask_path=str(home.mask(dataset.slug, photo.hash)),
        )
        for photo in photos
    ]
    write_file(kept, msgspec.json.format(msgspec.json.encode(found), indent=1))
    return found


def _held_out(db: Database, photos: list[Photo], settings: TrainSettings) -> set[int]:
    if settings.holdout == 0:
        return set()
    chosen = {photo.id for photo in photos if photo.split == "holdout"}
    if not chosen:
        chosen = hold_out(photos, settings.holdout, settings.seed)
        datasets.set_split(db, sorted(chosen), "holdout")
    return chosen if len(chosen) < len(photos) else set()


def without_token(caption: str, dataset: Dataset) -> str:
    """`caption` as it would be of anybody: 'ohwx woman at sea' -> 'a woman at sea'.

    A caption that does not name the subject gives the class alone: 'a photo of a woman'. Of a style nothing is
    left but what the picture shows: 'a castle in ohwx style' -> 'a castle', and 'a picture' where that is nothing.
    """
    if dataset.kind == "style":
        return _without_style(caption, dataset.token)
    words = dataset.class_word or trigger(dataset)
    article = "an" if words[:1].lower() in "aeiou" else "a"
    subject = re.compile(rf"(?<!\w){re.escape(dataset.token)}(?:\s+{re.escape(dataset.class_word)})?(?!\w)")

    def plain(found: re.Match[str]) -> str:
        before = caption[: found.start()].split()
        return words if before and before[-1].lower() in DETERMINERS else f"{article} {words}"

    if not dataset.token or not subject.search(caption):
        return f"a photo of {article} {words}"
    return subject.sub(plain, caption)


def class_caption(dataset: Dataset) -> str:
    """What is said of the class alone: 'a photo of a woman'; of a style 'a picture'."""
    return without_token(default_caption(dataset), dataset)


def _without_style(caption: str, token: str) -> str:
    named = re.compile(
        rf"(?<!\w)(?:in\s+)?(?:(?:the|an?)\s+)?(?:style\s+of\s+)?{re.escape(token)}(?:\s+style)?(?!\w)",
        re.IGNORECASE,
    )
    if not token or not named.search(caption):
        return "a picture"
    return tidy(named.sub("", caption)) or "a picture"


def write_record(home: Home, run: Run, spec: TrainSpec, base: Base, learns: str, photos: int) -> None:
    """`run.toml`: what was trained on what with which settings, to be read, changed and started again."""
    head: dict[str, str | int | None] = {
        "run": run.slug,
        "dataset": spec.dataset,
        "base": base.slug,
        "family": base.family,
        "method": spec.method,
        "learns": learns,
        "photos": photos,
    }
    origin = (spec.origin.name, spec.origin.step) if spec.origin else None
    write_text(home.run(run.id) / "run.toml", run_files.encode(spec.settings, head, origin))
