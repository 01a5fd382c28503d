"""`zen datasets caption`: what is said about the photos of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from zen_tui.cli.output import JsonFlag, print_json, say
from zen_tui.library import datasets as store
from zen_tui.library.database import Database
from zen_tui.library.errors import NotFound, WrongUse
from zen_tui.library.records import Dataset, Photo
from zen_tui.library.text import plural

Name = Annotated[str, typer.Argument(metavar="NAME", help="The dataset's name.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `zen datasets`."""
    app.command("caption")(caption)


def caption(
    name: Name,
    photo: Annotated[list[int] | None, typer.Option(help="A photo's id; again for more; without it, all.")] = None,
    text: Annotated[str, typer.Option(help="The caption; {token} and {class} are filled in.")] = "",
    missing: Annotated[bool, typer.Option("--missing", help="Only photos without a caption.")] = False,
    json: JsonFlag = False,
) -> None:
    """Write captions. Example: zen datasets caption mara --text "a photo of {token} {class}" --missing"""
    if not text:
        raise WrongUse("No caption was given.", 'Add --text "a photo of {token} {class}".')
    with Database.open() as db:
        dataset = store.dataset(db, name)
        chosen = [p for p in chosen_photos(dataset, store.photos(db, dataset.id), photo or [])
                  if not (missing and p.caption)]  # fmt: skip
        written = text.replace("{token}", dataset.token).replace("{class}", dataset.class_word)
        with db.transaction():
            for each in chosen:
                store.set_caption(db, each.id, written)
    if json:
        print_json({"dataset": dataset.slug, "photos": [p.id for p in chosen]})
    else:
        say(f"{dataset.slug}: {plural(len(chosen), 'photo')} captioned.")


def chosen_photos(dataset: Dataset, photos: Sequence[Photo], ids: Sequence[int]) -> list[Photo]:
    """Those of `photos` with these ids, all of them where none is named. Raises `NotFound`."""
    known = {photo.id for photo in photos}
    for id in ids:
        if id not in known:
            raise NotFound(f"{dataset.slug} has no photo {id}.", f"`zen datasets show {dataset.slug}` lists them.")
    return [photo for photo in photos if photo.id in ids] if ids else list(photos)
