"""`zen datasets`: photos become datasets, and are looked at, captioned, split and taken out again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zen_tui.cli import dataset_captions, dataset_files, dataset_models, dataset_sorting, dataset_weights
from zen_tui.cli.dataset_sorting import photo_document
from zen_tui.cli.output import JsonFlag, YesFlag, confirm, fields, narrate, print_json, say, table
from zen_tui.library import datasets as store
from zen_tui.library.database import Database
from zen_tui.library.models import runs_of
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset, Photo
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
dataset_sorting.register(app)
dataset_weights.register(app)

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
