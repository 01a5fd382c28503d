"""`zen datasets`: photos become datasets, and are looked at, captioned, split and taken out again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zen_tui.cli import dataset_captions, dataset_files, dataset_models
from zen_tui.cli.output import JsonFlag, YesFlag, confirm, fields, narrate, print_json, say, table
from zen_tui.library import datasets as store
from zen_tui.library.database import Database
from zen_tui.library.errors import NotFound, Refused, WrongUse
from zen_tui.library.models import runs_of
from zen_tui.library.paths import Home
from zen_tui.library.records import Crop, Dataset, Photo, Split
from zen_tui.library.text import plural

app = typer.Typer(
    help="Photos of one subject. Example: zen datasets import ~/photos --name mara",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

dataset_files.register(app)
dataset_captions.register(app)
dataset_models.register(app)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The dataset's name.")]


@app.command("list")
def list_datasets(json: JsonFlag = False) -> None:
    """List the datasets. Example: zen datasets list"""
    with Database.open() as db:
        found = store.all_datasets(db)
    if json:
        print_json([{"name": d.slug, **_plain(d)} for d in found])
    elif not found:
        say("No dataset yet. `zen datasets import PATH --name NAME` makes one; `zen demo` shows how it goes.")
    else:
        table(
            ("NAME", "PHOTOS", "IN USE", "KIND", "TOKEN", "CLASS"),
            [(d.slug, d.photo_count, d.usable_count, d.kind, d.token, d.class_word) for d in found],
        )


@app.command("show")
def show(name: Name, json: JsonFlag = False) -> None:
    """Show a dataset and its photos. Example: zen datasets show mara"""
    with Database.open() as db:
        dataset = store.dataset(db, name)
        photos = store.photos(db, dataset.id)
    if json:
        print_json({"name": dataset.slug, **_plain(dataset), "photos": [photo_document(p) for p in photos]})
        return
    fields(
        [
            ("name", dataset.slug),
            ("token", dataset.token),
            ("class", dataset.class_word),
            ("kind", dataset.kind),
            ("photos", f"{dataset.photo_count}, {dataset.usable_count} in use"),
        ]
    )
    say()
    table(("ID", "FILE", "SIZE", "SPLIT", "CAPTION"), [_photo_row(p) for p in photos])


@app.command("check")
def check(name: Name, json: JsonFlag = False) -> None:
    """Say what is wrong with photos of a dataset, and with the set. Example: zen datasets check mara"""
    with Database.open() as db:
        dataset = store.dataset(db, name)
        photos = store.photos(db, dataset.id)
    from zen_tui.photos.verdicts import set_verdicts

    whole = set_verdicts(dataset, photos)
    if json:
        print_json({"photos": [photo_document(p) for p in photos], "set": whole})
        return
    for photo in photos:
        for verdict in photo.verdicts:
            say(f"{photo.name}: {verdict.text}")
    for verdict in whole:
        say(verdict.text)
    if not whole and not any(p.verdicts for p in photos):
        say(f"{dataset.slug}: nothing to mend in {plural(len(photos), 'photo')}.")


@app.command("crop")
def crop(
    name: Name,
    photo: Annotated[int, typer.Option(help="The photo's id.")],
    box: Annotated[str, typer.Option(help="left,top,right,bottom in fractions of the photo; '' removes it.")],
    json: JsonFlag = False,
) -> None:
    """Set which part of a photo is trained on; the photo stays whole.

    Example: zen datasets crop mara --photo 3 --box 0.1,0,0.9,0.8
    """
    with Database.open() as db:
        dataset = store.dataset(db, name)
        chosen = _photos(db, dataset, photo)
        store.set_crop(db, photo, _crop(box))
    _report_change(json, dataset, chosen, "cropped")


@app.command("split")
def split(
    name: Name,
    holdout: Annotated[float | None, typer.Option(help="Hold out this fraction, drawn by --seed.")] = None,
    seed: Annotated[int, typer.Option(help="The draw of --holdout.")] = 0,
    photo: Annotated[int | None, typer.Option(help="Put this photo …")] = None,
    to: Annotated[str, typer.Option(help="… into train, holdout or out.")] = "",
    json: JsonFlag = False,
) -> None:
    """Choose the photos that are held out for scoring. Example: zen datasets split mara --holdout 0.15"""
    from zen_tui.photos.split import hold_out

    with Database.open() as db:
        dataset = store.dataset(db, name)
        if photo is not None:
            chosen = _photos(db, dataset, photo)
            store.set_split(db, [photo], _split(to))
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


@app.command("forget")
def forget(name: Name, yes: YesFlag = False, json: JsonFlag = False) -> None:
    """Delete a dataset: its photos, thumbnails and caches. Adapters and pictures made with it stay.

    Example: zen datasets forget mara
    """
    from zen_tui.photos.forget import forget_dataset

    home = Home.find().create()
    with Database.open(home) as db:
        dataset = store.dataset(db, name)
        made = [r.slug for r in runs_of(db, dataset.id)]
        if made:
            narrate(f"Runs made with it keep what they learned: {', '.join(made)}.")
        confirm(f"Delete {dataset.slug} and its {plural(dataset.photo_count, 'photo')} from Zen?", yes)
        removed = forget_dataset(db, home, dataset)
    if json:
        print_json({"dataset": dataset.slug, "files": removed})
    else:
        say(f"{dataset.slug} is deleted: {plural(removed, 'file')}. Your own copies were not touched.")


def photo_document(photo: Photo) -> dict[str, Any]:
    """A photo in the shape that `show` and `check` print."""
    return {
        "id": photo.id,
        "name": photo.name,
        "width": photo.width,
        "height": photo.height,
        "caption": photo.caption,
        "split": photo.split,
        "verdicts": photo.verdicts,
    }


def _photos(db: Database, dataset: Dataset, photo_id: int | None) -> list[Photo]:
    photos = store.photos(db, dataset.id)
    if photo_id is None:
        return photos
    chosen = [p for p in photos if p.id == photo_id]
    if not chosen:
        raise NotFound(
            f"{dataset.slug} has no photo {photo_id}.", f"`zen datasets show {dataset.slug}` lists them."
        )
    return chosen


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


def _photo_row(photo: Photo) -> tuple[object, ...]:
    return photo.id, photo.name, f"{photo.width}×{photo.height}", photo.split, photo.caption


def _plain(dataset: Dataset) -> dict[str, Any]:
    return {
        "id": dataset.id,
        "token": dataset.token,
        "class": dataset.class_word,
        "kind": dataset.kind,
        "photo_count": dataset.photo_count,
        "usable_count": dataset.usable_count,
        "created": dataset.created,
    }


def _report_change(json: bool, dataset: Dataset, chosen: list[Photo], what: str) -> None:
    if json:
        print_json({"dataset": dataset.slug, "photos": [p.id for p in chosen]})
    else:
        say(f"{dataset.slug}: {plural(len(chosen), 'photo')} {what}.")
