"""`zen datasets import` and `export`: photos come in from files and folders, and go out again as such."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zen_tui.cli.output import JsonFlag, narrate, print_json, say
from zen_tui.library import datasets as store
from zen_tui.library.database import Database
from zen_tui.library.errors import NotFound
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset
from zen_tui.library.text import plural, shown

if TYPE_CHECKING:
    from zen_tui.cli.progress import Bar
    from zen_tui.exchange.dataset_sources import DatasetSources
    from zen_tui.photos.intake import ImportReport, Outcome

Name = Annotated[str, typer.Argument(metavar="NAME", help="The dataset's name.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `zen datasets`."""
    app.command("import")(import_photos)
    app.command("export")(export)


def import_photos(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH…", help="Photos, folders, which are searched, or another tool's description."
        ),
    ],
    name: Annotated[str, typer.Option(help="The dataset, new or existing.")],
    token: Annotated[
        str | None, typer.Option(help="The rare word that will mean the subject; else what PATH says, or ohwx.")
    ] = None,
    class_word: Annotated[
        str | None,
        typer.Option("--class", help="The common word: woman, man, dog …; else what PATH says, or the kind."),
    ] = None,
    kind: Annotated[str | None, typer.Option(help="person, pet, object, garment or style.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; keep nothing.")] = False,
    json: JsonFlag = False,
) -> None:
    """Copy photos into a dataset; the originals stay as they are.

    PATH may also be a kohya folder (10_ohwx woman) or dataset TOML, an ai-toolkit job in YAML, OneTrainer's
    concepts in JSON, or a folder that `zen datasets export --format manifest` wrote: captions, repeats and masks
    come along, and what is not taken over is said. Files that cannot be used are named with the reason, and the
    rest goes on. Ctrl-C stops it; what came in stays.

    Example: zen datasets import ~/photos/mara --name mara --token ohwx --class woman
    """
    from zen_tui.cli.progress import Bar
    from zen_tui.exchange.dataset_sources import gather
    from zen_tui.photos.caption_templates import CLASS_WORDS
    from zen_tui.photos.intake import import_photos as intake

    home = Home.find().create()
    found = gather(paths)
    with Database.open(home) as db:
        kind = kind or found.kind or "person"
        words = (token or found.token or "ohwx", class_word or found.class_word or CLASS_WORDS.get(kind, ""))
        dataset, is_new = _dataset_for_import(db, name, *words, kind)
        if is_new:
            _advise(db, dataset.token)
        try:
            with Bar("reading photos") as bar, _interruptible() as interrupted:
                report = intake(
                    db,
                    home,
                    dataset,
                    found.sources,
                    dry_run=dry_run,
                    on_file=_shown_on(bar),
                    stop=interrupted,
                )
        finally:
            if is_new and not store.photos(db, dataset.id):
                store.remove_dataset(db, dataset.id)
    notes = _notes(found, dataset, report)
    if json:
        print_json(
            {
                "dataset": dataset.slug,
                "added": report.added,
                "duplicates": report.duplicates,
                "skipped": report.skipped,
                "notes": notes,
            }
        )
    else:
        would = "would be " if dry_run else ""
        say(f"{dataset.slug}: {plural(len(report.added), 'photo')} {would}added.")
        if report.duplicates:
            say(f"{plural(len(report.duplicates), 'duplicate')} left out.")
        for note in notes:
            narrate(note)
        for skipped in report.skipped:
            narrate(f"skipped {skipped['file']}: {skipped['reason']}")
    if report.stopped:
        narrate("Interrupted. What came in stays; the same command carries on with the rest.")
        raise typer.Exit(130)
    if report.skipped:
        raise typer.Exit(1)


def export(
    name: Name,
    out: Annotated[Path, typer.Option(help="The folder to write, new or empty.")],
    format: Annotated[str, typer.Option("--format", help="plain, kohya or manifest.")] = "plain",
    cropped: Annotated[
        bool, typer.Option("--cropped", help="Write only the part that is trained on, without metadata.")
    ] = False,
    clean: Annotated[
        bool, typer.Option("--clean", help="Leave out place, time and all else that the camera wrote.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Write the photos in use as files, with captions in .txt and masks in -masklabel.png.

    Each file is the photo as it was imported, byte for byte, with the place and time that a camera may have
    written into it; --clean leaves those out, and JPEG, PNG and WebP keep every pixel (HEIC, AVIF and TIFF become
    PNG). `kohya` writes folders such as 10_ohwx woman and a dataset.toml. `manifest` writes every photo, those
    that are out too, and all that is known of them, to be imported again; what faces look like is never written.

    Example: zen datasets export mara --out ~/mara --format kohya
    """
    from zen_tui.cli.progress import Bar
    from zen_tui.exchange.dataset_export import export_dataset, export_format

    chosen = export_format(format)
    home = Home.find().create()
    with Database.open(home) as db, Bar("writing photos") as bar:
        dataset = store.dataset(db, name)
        done = export_dataset(
            home,
            dataset,
            store.photos(db, dataset.id),
            out,
            format=chosen,
            cropped=cropped,
            clean=clean,
            on_photo=bar.at,
        )
    if json:
        print_json({"dataset": dataset.slug, "out": str(out), "files": [str(p) for p in done.files]})
        return
    say(f"{plural(len(done.files), 'file')} in {shown(out)}.")
    if done.made_anew:
        narrate(f"{plural(done.made_anew, 'photo')} made anew, upright, as JPEG or PNG: kohya would misread them.")


@contextlib.contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Give a question whether Ctrl-C was pressed; pressed once more it ends at once."""
    pressed = False

    def press(*_: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _advise(db: Database, token: str) -> None:
    """Say it when a token is a poor one, before anything is learned with it."""
    from zen_tui.exchange.token_advice import advise, tokens_in_use
    from zen_tui.exchange.vocabulary import clip_vocabulary

    advice = advise(token, clip_vocabulary(), tokens_in_use(db))
    if advice.grade == "poor":
        narrate(f"The token {advice.text} Better: {', '.join(advice.suggestions)}.")


def _notes(found: DatasetSources, dataset: Dataset, report: ImportReport) -> list[str]:
    """Everything that was not taken over, as sentences."""
    notes = [*found.notes, *report.sentences()]
    theirs, ours = f"{found.token} {found.class_word}".strip(), f"{dataset.token} {dataset.class_word}"
    if found.token and theirs not in (ours, dataset.token):
        notes.append(f"The photos come as “{theirs}”; in {dataset.slug} the subject is called “{ours}”.")
    return notes


def _shown_on(bar: Bar) -> Callable[[Outcome], None]:
    began = time.monotonic()

    def show(outcome: Outcome) -> None:
        rate = outcome.done / max(time.monotonic() - began, 1e-3)
        bar.at(outcome.done, outcome.total, note=f"{rate:.{0 if rate >= 10 else 1}f} a second")

    return show


def _dataset_for_import(db: Database, name: str, token: str, class_word: str, kind: str) -> tuple[Dataset, bool]:
    try:
        return store.dataset(db, name), False
    except NotFound:
        return store.add_dataset(db, name, token, class_word, kind), True
