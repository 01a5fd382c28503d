"""`zen datasets import` and `export`: photos come in from files and folders, and go out again as such."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zen_tui.cli.output import JsonFlag, narrate, print_json, say
from zen_tui.library import datasets as store
from zen_tui.library.database import Database
from zen_tui.library.errors import NotFound
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset
from zen_tui.library.text import plural

if TYPE_CHECKING:
    from zen_tui.cli.progress import Bar
    from zen_tui.photos.intake import Outcome

Name = Annotated[str, typer.Argument(metavar="NAME", help="The dataset's name.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `zen datasets`."""
    app.command("import")(import_photos)
    app.command("export")(export)


def import_photos(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files or folders; folders are searched.")],
    name: Annotated[str, typer.Option(help="The dataset, new or existing.")],
    token: Annotated[str, typer.Option(help="The rare word that will mean the subject.")] = "ohwx",
    class_word: Annotated[str, typer.Option("--class", help="The common word: woman, man, dog …")] = "person",
    kind: Annotated[str, typer.Option(help="person, pet, object, garment or style.")] = "person",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; keep nothing.")] = False,
    json: JsonFlag = False,
) -> None:
    """Copy photos into a dataset; the originals stay as they are.

    Files that cannot be used are named with the reason, and the rest goes on.

    Example: zen datasets import ~/photos/mara --name mara --token ohwx --class woman
    """
    from zen_tui.cli.progress import Bar
    from zen_tui.photos.intake import import_photos as intake

    home = Home.find().create()
    with Database.open(home) as db:
        dataset, is_new = _dataset_for_import(db, name, token, class_word, kind)
        try:
            with Bar("reading photos") as bar:
                report = intake(db, home, dataset, paths, dry_run=dry_run, on_file=_shown_on(bar))
        finally:
            if is_new and not store.photos(db, dataset.id):
                store.remove_dataset(db, dataset.id)
    if json:
        print_json(
            {
                "dataset": dataset.slug,
                "added": report.added,
                "duplicates": report.duplicates,
                "skipped": report.skipped,
            }
        )
    else:
        would = "would be " if dry_run else ""
        say(f"{dataset.slug}: {plural(len(report.added), 'photo')} {would}added.")
        if report.duplicates:
            say(f"{plural(len(report.duplicates), 'duplicate')} left out.")
        for skipped in report.skipped:
            narrate(f"skipped {skipped['file']}: {skipped['reason']}")
    if report.skipped:
        raise typer.Exit(1)


def export(
    name: Name,
    out: Annotated[Path, typer.Option(help="The folder to write, new or empty.")],
    json: JsonFlag = False,
) -> None:
    """Write the photos in use and their captions as plain files. Example: zen datasets export mara --out ~/mara"""
    from zen_tui.photos.export import export_dataset

    home = Home.find().create()
    with Database.open(home) as db:
        dataset = store.dataset(db, name)
        written = export_dataset(home, dataset, store.photos(db, dataset.id, usable=True), out)
    if json:
        print_json({"dataset": dataset.slug, "out": str(out), "files": [str(p) for p in written]})
    else:
        say(f"{plural(len(written), 'file')} in {out}.")


def _shown_on(bar: Bar) -> Callable[[Outcome], None]:
    return lambda outcome: bar.at(outcome.done, outcome.total)


def _dataset_for_import(db: Database, name: str, token: str, class_word: str, kind: str) -> tuple[Dataset, bool]:
    try:
        return store.dataset(db, name), False
    except NotFound:
        return store.add_dataset(db, name, token, class_word, kind), True
