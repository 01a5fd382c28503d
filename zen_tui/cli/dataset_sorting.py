"""`zen datasets check`, `crop` and `split`: what is wrong with photos, which part is used, and what for."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zen_tui.cli.dataset_captions import chosen_photos
from zen_tui.cli.output import JsonFlag, YesFlag, confirm, narrate, print_json, say, table
from zen_tui.library import datasets as store
from zen_tui.library import settings
from zen_tui.library.database import Database
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Crop, Dataset, Measures, Photo, Split
from zen_tui.library.text import plural

Name = Annotated[str, typer.Argument(metavar="NAME", help="The dataset's name.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `zen datasets`."""
    app.command("check")(check)
    app.command("crop")(crop)
    app.command("split")(split)


def check(
    name: Name,
    only: Annotated[str, typer.Option(help="Only these verdicts, such as blur,duplicate.")] = "",
    out: Annotated[bool, typer.Option("--out", help="Leave the photos that are named out of training.")] = False,
    yes: YesFlag = False,
    json: JsonFlag = False,
) -> None:
    """Say what is wrong with photos of a dataset, and what the set lacks.

    Photos that were never measured, or in which faces could not be looked for, are looked at now. The
    thresholds are in settings.toml under [verdicts].

    Example: zen datasets check mara --only blur,duplicate --out
    """
    from zen_tui.photos.judge import KINDS, rejudge, rejudge_all
    from zen_tui.photos.variety import Variety
    from zen_tui.photos.verdicts import coverage, set_verdicts

    kinds = _kinds(only, KINDS)
    home = Home.find().create()
    thresholds = settings.read(home).verdicts
    with Database.open(home) as db:
        dataset = store.dataset(db, name)
        _measure(db, home, dataset)
        rejudge_all(db, home, dataset, thresholds)
        photos = store.photos(db, dataset.id)
        named = [p for p in photos if p.split != "out" and any(v.kind in kinds for v in p.verdicts)]
        left_out: list[Photo] = []
        if out and named:
            in_use = sum(p.split != "out" for p in photos)
            question = f"Leave {len(named)} of {plural(in_use, 'photo')} in use out of training?"
            confirm(question, yes, "Nothing was changed")
            store.set_split(db, [p.id for p in named], "out")
            rejudge(db, dataset, thresholds, [p.id for p in named])
            left_out, photos = named, store.photos(db, dataset.id)
    variety = Variety(photos)
    whole, rows = set_verdicts(dataset, photos, variety), coverage(dataset, photos, variety)
    if json:
        covered = [{"label": r.label, "have": r.have, "want": r.want, "advice": r.advice} for r in rows]
        document = {"photos": [photo_document(p) for p in photos], "set": whole, "coverage": covered}
        print_json({**document, "out": [p.id for p in left_out]} if out else document)
        return
    _tell_photos(named)
    for verdict in whole:
        say(verdict.text)
    if not whole and not named:
        say(f"{dataset.slug}: nothing to mend in {plural(len(photos), 'photo')}.")
    say()
    table(
        ("THE SET HAS", "OF", "NOW", ""),
        [(r.label, r.want, r.have, "" if r.enough else r.advice) for r in rows],
    )
    if left_out:
        say()
        say(f"{dataset.slug}: {plural(len(left_out), 'photo')} left out of training; nothing was deleted.")


def _kinds(only: str, known: tuple[str, ...]) -> tuple[str, ...]:
    chosen = tuple(word.strip() for word in only.split(",") if word.strip())
    for word in chosen:
        if word not in known:
            raise WrongUse(f"There is no verdict {word}.", f"They are: {', '.join(known)}.")
    return chosen or known


def _tell_photos(photos: list[Photo]) -> None:
    """Every verdict on a line: the photo, the kind, the number, the threshold, the sentence."""
    lines = [
        (p.id, p.name, v.kind, f"{v.value:g}", "" if v.limit is None else f"{v.limit:g}", v.text)
        for p in photos
        for v in p.verdicts
    ]
    if lines:
        table(("ID", "FILE", "VERDICT", "IS", "LIMIT", ""), lines)
        say()


def _measure(db: Database, home: Home, dataset: Dataset) -> None:
    """Look at the photos that were never looked at as they would be now."""
    from zen_tui.cli.progress import Bar
    from zen_tui.photos.remeasure import behind, remeasure

    if photos := behind(dataset, store.photos(db, dataset.id)):
        with Bar("looking at photos") as bar:
            failed = remeasure(db, home, dataset, photos, bar.at)
        for photo in failed:
            narrate(f"{photo.name} cannot be read any more; import it again.")


def crop(
    name: Name,
    photo: Annotated[int | None, typer.Option(help="The photo's id; with --auto all that have no crop.")] = None,
    box: Annotated[
        str | None, typer.Option(help="left,top,right,bottom in fractions of the photo; '' removes it.")
    ] = None,
    auto: Annotated[bool, typer.Option("--auto", help="Square, with the head or the subject in it.")] = False,
    json: JsonFlag = False,
) -> None:
    """Set which part of a photo is trained on; the photo stays whole.

    With --auto a square is chosen by the face or by the mask of the subject, where that is better than the
    middle of the photo; crops that were made by hand stay unless --photo names one.

    Example: zen datasets crop mara --photo 3 --box 0.1,0,0.9,0.8
    """
    from zen_tui.photos.judge import rejudge

    if auto == (box is not None) or (photo is None and not auto):
        raise WrongUse("Nothing was chosen.", "Add --photo ID --box 0.1,0,0.9,0.8, or --auto.")
    home = Home.find().create()
    with Database.open(home) as db:
        dataset = store.dataset(db, name)
        if auto:
            _measure(db, home, dataset)
        chosen = chosen_photos(dataset, store.photos(db, dataset.id), [] if photo is None else [photo])
        if auto:
            crops = _suggested(home, dataset, [p for p in chosen if photo is not None or _may_crop(p)])
        else:
            crops = {chosen[0].id: _crop(box or "")}
        with db.transaction():
            for photo_id, found in crops.items():
                store.set_crop(db, photo_id, found)
        if crops:
            rejudge(db, dataset, settings.read(home).verdicts, list(crops))
    if json:
        print_json({"dataset": dataset.slug, "photos": list(crops)})
    elif auto and not crops:
        say(f"{dataset.slug}: no photo needs another crop.")
    else:
        say(f"{dataset.slug}: {plural(len(crops), 'photo')} cropped.")


def _may_crop(photo: Photo) -> bool:
    return photo.crop is None and photo.split != "out"


def _suggested(home: Home, dataset: Dataset, photos: list[Photo]) -> dict[int, Crop | None]:
    """The crops that differ from what the photos have."""
    from zen_tui.photos.crops import box_of_mask, suggest_crop

    found: dict[int, Crop | None] = {}
    for photo in photos:
        crop = suggest_crop(photo, dataset.kind, box_of_mask(home.mask(dataset.slug, photo.hash)))
        if crop is not None and crop != photo.crop:
            found[photo.id] = crop
    return found


def split(
    name: Name,
    holdout: Annotated[float | None, typer.Option(help="Hold out this fraction, drawn by --seed.")] = None,
    seed: Annotated[int, typer.Option(help="The draw of --holdout.")] = 0,
    photo: Annotated[int | None, typer.Option(help="Put this photo …")] = None,
    to: Annotated[str, typer.Option(help="… into train, holdout or out.")] = "",
    json: JsonFlag = False,
) -> None:
    """Choose the photos that are held out for scoring; near-duplicates stay together.

    Example: zen datasets split mara --holdout 0.15
    """
    from zen_tui.photos.judge import rejudge
    from zen_tui.photos.split import hold_out

    home = Home.find().create()
    with Database.open(home) as db:
        dataset = store.dataset(db, name)
        if photo is not None:
            chosen_photos(dataset, store.photos(db, dataset.id), [photo])
            store.set_split(db, [photo], _split(to))
            rejudge(db, dataset, settings.read(home).verdicts, [photo])
        elif holdout is not None:
            chosen = store.photos(db, dataset.id, usable=True)
            held = hold_out(chosen, holdout, seed)
            with db.transaction():
                store.set_split(db, [p.id for p in chosen if p.id not in held], "train")
                store.set_split(db, [p.id for p in chosen if p.id in held], "holdout")
        else:
            raise WrongUse("Nothing was chosen.", "Add --holdout 0.15, or --photo ID --to train.")
        photos = store.photos(db, dataset.id)
    counts = {split: sum(p.split == split for p in photos) for split in ("train", "holdout", "out")}
    if json:
        print_json({"dataset": dataset.slug, **counts})
    else:
        say(f"{dataset.slug}: {counts['train']} to train, {counts['holdout']} held out, {counts['out']} out.")


def photo_document(photo: Photo) -> dict[str, Any]:
    """A photo in the shape that `show` and `check` print."""
    return {
        "id": photo.id,
        "name": photo.name,
        "width": photo.width,
        "height": photo.height,
        "caption": photo.caption,
        "split": photo.split,
        "repeats": photo.repeats,
        "weight": photo.weight,
        "rating": photo.rating,
        "crop": photo.crop,
        "verdicts": photo.verdicts,
        "alike": photo.alike,
        "measures": _plain(photo.measures) if photo.measures else None,
    }


def _plain(measures: Measures) -> dict[str, Any]:
    """The measures that say something to a reader; the shares of colours are for comparing alone."""
    return {
        name: value
        for name in measures.__struct_fields__
        if name not in ("palette", "clothes") and (value := getattr(measures, name)) is not None
    }


def _crop(text: str) -> Crop | None:
    if not text:
        return None
    try:
        left, top, right, bottom = (float(part) for part in text.split(","))
    except ValueError:
        raise WrongUse(f"{text!r} is not a crop.", "Give four fractions, such as 0.1,0,0.9,0.8.") from None
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise Refused("The crop is empty or reaches outside the photo.", "Each fraction lies between 0 and 1.")
    return Crop(left, top, right, bottom)


def _split(text: str) -> Split:
    for known in ("train", "holdout", "out"):
        if text == known:
            return known
    raise WrongUse(f"There is no split {text!r}.", "Give --to train, holdout or out.")
