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


@app.command("report")
def report(json: JsonFlag = False) -> None:
    """Say what Zen holds about whom, and where. Example: zen privacy report"""
    home = Home.find().create()
    with Database.open(home) as db:
        held = []
        for dataset in datasets.all_datasets(db):
            runs = models.runs_of(db, dataset.id)
            ids = {run.id for run in runs}
            adapters = [a.slug for a in models.adapters(db) if a.run_id in ids]
            pictures = sum(len(find_pictures(db, f"adapter:{slug}", rejected=True)) for slug in adapters)
            size = sum(p.stat().st_size for p in home.dataset(dataset.slug).rglob("*") if p.is_file())
            held.append(
                {
                    "dataset": dataset.slug,
                    "photos": dataset.photo_count,
                    "bytes": size,
                    "path": str(home.dataset(dataset.slug)),
                    "runs": [run.slug for run in runs],
                    "adapters": adapters,
                    "pictures": pictures,
                }
            )
    if json:
        print_json(held)
        return
    for one in held:
        say(
            f"{one['dataset']}: {plural(one['photos'], 'photo')} ({megabytes(one['bytes'])}) in {one['path']}, "
            f"{plural(len(one['runs']), 'run')}, {plural(len(one['adapters']), 'adapter')}, "
            f"{plural(one['pictures'], 'picture')}."
        )
    if not held:
        say("Zen holds nothing about anyone.")
