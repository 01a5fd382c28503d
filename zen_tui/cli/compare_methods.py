"""`zen compare-methods`: the same photos by several methods, and what each made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zen_tui.cli.output import JsonFlag, WaitFlag, fields, narrate, print_json, say
from zen_tui.cli.train import chosen_settings
from zen_tui.cli.waiting import wait_for
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.errors import Refused
from zen_tui.library.models import base as find_base
from zen_tui.library.paths import Home
from zen_tui.library.text import duration, shown

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def compare_methods(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="The dataset's name.")],
    base: Annotated[str, typer.Option(help="The base to train on; `zen bases list` shows them.")] = "zen-mini",
    method: Annotated[
        list[str] | None,
        typer.Option(help="A method, as often as needed; without it, those that the base allows."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of each training; short for --set steps=N.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of all, or of one: lora.rank=16."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A folder for the tables; else among the pictures.")] = None,
    wait: WaitFlag = False,
    json: JsonFlag = False,
) -> None:
    """Train by several methods on the same photos, and measure what each makes.

    For each: how many pictures show the right person and what was asked, memory, time, room on the disk, and
    whether the class itself changed; as a table, a CSV file and a sheet of pictures.

    Example: zen compare-methods mara --steps 400 --wait
    """
    from zen_tui.exchange.bases import ensure_builtin
    from zen_tui.jobs.launch import ensure_worker
    from zen_tui.jobs.submit import submit_comparison

    shared, own = _by_method(set_ or [], steps)
    home = Home.find().create()
    with Database.open(home) as db:
        ensure_builtin(db)
        found = datasets.dataset(db, dataset)
        folder = out.expanduser().absolute() if out else home.pictures / f"{found.slug}-methods"
        if any((folder / name).exists() for name in ("methods.png", "methods.csv", "methods.json")):
            raise Refused(f"{shown(str(folder))} has a comparison already.", "Name another folder with --out.")
        queued = submit_comparison(
            db, home, found, find_base(db, base), methods=method or [], chosen=shared, own=own, out=folder
        )
        document: dict[str, Any] = {
            "job": queued.job.id,
            "runs": {name: run.slug for name, run in queued.runs.items()},
            "left_out": queued.left_out,
            "out": str(folder),
        }
        if not json:
            fields([(name, _planned(queued.plans[name].seconds, run.steps)) for name, run in queued.runs.items()])
            for name, why in queued.left_out.items():
                narrate(f"{name} is left out: {why}")
        ensure_worker(home)
        if wait:
            for name, run in queued.runs.items():
                narrate(f"training by {name}")
                wait_for(home, db, run.job_id or 0, name)
            document |= wait_for(home, db, queued.job.id, "measuring")
    if json:
        print_json(document)
    elif wait:
        say(f"Look at {shown(document['table'])}")
    else:
        narrate(f"`zen jobs watch {document['job']}` tells when the tables are in {shown(str(folder))}.")


def _planned(seconds: float | None, steps: int) -> str:
    return f"{steps:,} steps" + (f", about {duration(seconds)}" if seconds else "")


def _by_method(pairs: list[str], steps: int | None) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Settings of all methods, and those of one: `lora.rank=16`."""
    shared = chosen_settings([], steps)
    own: dict[str, dict[str, Any]] = {}
    for key, value in chosen_settings(pairs, None).items():
        method, dot, setting = key.partition(".")
        if dot:
            own.setdefault(method, {})[setting] = value
        else:
            shared[key] = value
    return shared, own
