"""`zen privacy`: the offline lock, tried out on this machine, and what Zen holds."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import typer

from zen_tui.cli.output import JsonFlag, fields, print_json, say
from zen_tui.library import datasets, models
from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.paths import Home
from zen_tui.library.pictures import find_pictures
from zen_tui.library.records import Dataset
from zen_tui.library.text import megabytes, plural

app = typer.Typer(
    help="The offline lock and what Zen holds. Example: zen privacy prove",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@app.command("prove")
def prove(json: JsonFlag = False) -> None:
    """Try to reach the network from inside the worker's lock, and from outside it as a control.

    Every attempt goes to a listener on this machine, so nothing is sent anywhere.

    Example: zen privacy prove
    """
    answer = subprocess.run(
        [sys.executable, "-m", "zen_tui.privacy.prove"], capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise ZenError("The lock could not be tried out.", (answer.stderr.strip().splitlines() or [""])[-1])
    proof = msgspec.json.decode(answer.stdout.encode())
    if json:
        print_json(proof)
        return
    say(proof["text"])
    fields(
        (attempt["name"], f"{attempt['locked']} inside the lock, {attempt['open']} outside")
        for attempt in proof["attempts"]
    )
    if not proof["blocked"]:
        raise typer.Exit(1)


class Held(msgspec.Struct):
    """What Zen holds of one dataset: the photos' bytes on disk, and what was made from them."""

    dataset: str
    photos: int
    bytes: int
    path: str
    runs: list[str]
    adapters: list[str]
    pictures: int


@app.command("report")
def report(json: JsonFlag = False) -> None:
    """Say what Zen holds about whom, and where. Example: zen privacy report"""
    home = Home.find().create()
    with Database.open(home) as db:
        held = [_held(db, home, dataset) for dataset in datasets.all_datasets(db)]
    if json:
        print_json(held)
        return
    for one in held:
        say(
            f"{one.dataset}: {plural(one.photos, 'photo')} ({megabytes(one.bytes)}) in {one.path}, "
            f"{plural(len(one.runs), 'run')}, {plural(len(one.adapters), 'adapter')}, "
            f"{plural(one.pictures, 'picture')}."
        )
    if not held:
        say("Zen holds nothing about anyone.")


def _held(db: Database, home: Home, dataset: Dataset) -> Held:
    runs = models.runs_of(db, dataset.id)
    ids = {run.id for run in runs}
    adapters = [adapter.slug for adapter in models.adapters(db) if adapter.run_id in ids]
    folder = home.dataset(dataset.slug)
    return Held(
        dataset=dataset.slug,
        photos=dataset.photo_count,
        bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        path=str(folder),
        runs=[run.slug for run in runs],
        adapters=adapters,
        pictures=len({p.id for slug in adapters for p in find_pictures(db, f"adapter:{slug}", rejected=True)}),
    )
