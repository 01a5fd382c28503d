"""`zen runs compare`: runs side by side, as a table and as one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from zen_tui.cli.output import JsonFlag, narrate, print_json, table
from zen_tui.jobs import queue
from zen_tui.library import models
from zen_tui.library.comparisons import CompareSpec
from zen_tui.library.database import Database
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Run
from zen_tui.library.text import plural, shown

TOGETHER = 6  # runs that can still be told from each other in one picture
COMPARED = (
    "loss_first", "loss_last", "holdout_first", "holdout_last", "best_step", "seconds", "seconds_per_step",
    "memory_mb",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the command to `zen runs`."""
    app.command("compare")(compare)


def compare(
    names: Annotated[list[str], typer.Argument(metavar="RUN…", help="Two to six runs.")],
    out: Annotated[
        Path | None, typer.Option(help="A PNG to write: the losses, and what each run draws for its prompts.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Put runs side by side. Example: zen runs compare mara mara-2 --out compared.png"""
    home = Home.find().create()
    with Database.open(home) as db:
        found = [models.run(db, name) for name in dict.fromkeys(names)]
        documents = [document_of(run, status_of(db, run)) for run in found]
    if not 1 < len(found) <= TOGETHER:
        raise WrongUse(f"{plural(len(found), 'run')} cannot be compared.", f"Name two to {TOGETHER}.")
    if out is not None:
        out = out.expanduser().absolute()
        _draw(home, found, out)
    if json:
        print_json(documents)
        return
    keys = [key for key in COMPARED if any(key in run.metrics for run in found)]
    table(
        ("", *[run.slug for run in found]),
        [
            ("method", *[run.method for run in found]),
            ("steps", *[f"{run.step:,}" for run in found]),
            *[(key, *[number(run.metrics.get(key)) for run in found]) for key in keys],
        ],
    )
    if out is not None:
        narrate(f"Look at {shown(str(out))}")


def _draw(home: Home, found: list[Run], out: Path) -> None:
    from zen_tui.jobs import errand

    if out.suffix.lower() != ".png":
        raise WrongUse(f"{shown(out.name)} is no name for a PNG.", "Let it end in .png.")
    if out.exists():
        raise Refused(f"{out} exists already.", "Choose another name; Zen overwrites nothing.")
    errand.run(home, CompareSpec(runs=tuple(run.id for run in found), out=str(out)))


def status_of(db: Database, run: Run) -> str:
    """The state of the job of `run`."""
    return queue.job(db, run.job_id).status if run.job_id else "done"


def document_of(run: Run, status: str) -> dict[str, Any]:
    """What `--json` tells of a run."""
    values = {k: v for k, v in msgspec.structs.asdict(run).items() if k not in ("id", "slug", "spec")}
    return {"id": run.id, "name": run.slug, "status": status, **values}


def number(value: object) -> str:
    """`value` for a table; nothing where there is none."""
    if isinstance(value, float):
        return f"{value:.4f}"
    return "" if value is None else str(value)
