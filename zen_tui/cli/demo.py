"""`zen demo`: the whole loop on the built-in base, with a person nobody has seen."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from zen_tui.cli.output import JsonFlag, fields, narrate, print_json, say
from zen_tui.cli.waiting import wait_for
from zen_tui.library import datasets, models
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.text import duration

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def demo(
    out: Annotated[
        Path | None, typer.Option(help="A folder for the contact sheet; else inside Zen's own.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Draw 20 photos of a new person, train on them, and show what was learned.

    Everything runs on this machine, offline, with the small base that comes with Zen: under five minutes
    on two CPU cores.

    Example: zen demo --out demo
    """
    from zen_tui.exchange.bases import ensure_builtin
    from zen_tui.jobs.launch import ensure_worker
    from zen_tui.jobs.submit import submit_demo

    began = time.monotonic()
    home = Home.find().create()
    with Database.open(home) as db:
        ensure_builtin(db)
        jobs = submit_demo(db, home, out.absolute() if out else None)
        ensure_worker(home)
        tell = (lambda _: None) if json else narrate
        tell("1/5  drawing 20 photos of a person who does not exist")
        photos = wait_for(home, db, jobs.photos.id, "photos")
        tell("2/5  training a LoRA on them in the background worker")
        trained = wait_for(home, db, jobs.train.id, "training")
        tell("3/5  asking the base alone for pictures")
        wait_for(home, db, jobs.base_pictures.id, "base")
        tell("4/5  asking again with the adapter")
        wait_for(home, db, jobs.adapter_pictures.id, "adapter")
        tell("5/5  comparing the faces and reading what was asked for")
        scored = wait_for(home, db, jobs.score.id, "scoring")
        run = models.run_of_job(db, jobs.train.id)
        assert run is not None
        count = len(datasets.photos(db, datasets.dataset(db, photos["dataset"]).id))
    document = {
        "photos": count,
        "run": {"id": run.id, "name": run.slug, "steps": run.steps, **trained["metrics"]},
        **scored,
        "seconds": round(time.monotonic() - began, 1),
    }
    if json:
        print_json(document)
    else:
        _tell(document)


def _tell(document: dict[str, Any]) -> None:
    identity, adherence, run = document["identity"], document["adherence"], document["run"]
    loss = f"loss {run['loss_first']:.3f} to {run['loss_last']:.3f}"
    fields(
        [
            ("photos", document["photos"]),
            ("training", f"{run['steps']} steps in {duration(run['seconds'])}, {loss}"),
            ("held out", f"{run['holdout_first']:.3f} to {run['holdout_last']:.3f}"),
            (
                "the person",
                f"recognised in {identity['adapter']:.0%} of pictures, {identity['base']:.0%} without the adapter",
            ),
            (
                "the prompt",
                f"{adherence['adapter']:.0%} of what was asked is there, {adherence['base']:.0%} without",
            ),
            ("in all", f"{duration(document['seconds'])}, and nothing left this machine"),
        ]
    )
    say()
    say(f"Look at {document['sheet']}")
    say("Then type `zen`, or: zen datasets import ~/photos/mara --name mara --class woman")
