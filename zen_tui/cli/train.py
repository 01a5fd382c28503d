"""`zen train`: queue a training and say what it will do."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zen_tui.cli.output import JsonFlag, WaitFlag, fields, narrate, print_json
from zen_tui.cli.waiting import wait_for
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.models import base as find_base
from zen_tui.library.paths import Home
from zen_tui.library.train_settings import settings_in

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def train(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="The dataset's name.")],
    base: Annotated[str, typer.Option(help="The base to train on; `zen bases list` shows them.")] = "zen-mini",
    method: Annotated[str, typer.Option(help="What learns: lora.")] = "lora",
    preset: Annotated[str | None, typer.Option(help="Settings for a kind of subject: face.")] = None,
    steps: Annotated[int | None, typer.Option(help="Short for --set steps=N.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any setting, as often as needed.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the adapter will be called.")] = None,
    gpus: Annotated[
        int, typer.Option(metavar="N", help="GPUs that share the pictures of each step; the result is the same.")
    ] = 1,
    wait: WaitFlag = False,
    json: JsonFlag = False,
) -> None:
    """Train a dataset in the background and get an adapter.

    Example: zen train mara --base zen-mini --set rank=16 --steps 600 --wait
    """
    from zen_tui.exchange.bases import ensure_builtin
    from zen_tui.jobs.launch import ensure_worker
    from zen_tui.jobs.submit import submit_training

    chosen = chosen_settings(set_ or [], steps)
    home = Home.find().create()
    with Database.open(home) as db:
        ensure_builtin(db)
        submitted = submit_training(
            db,
            home,
            datasets.dataset(db, dataset),
            find_base(db, base),
            method=method,
            preset=preset,
            chosen=chosen,
            name=name,
            gpus=gpus,
        )
        document: dict[str, Any] = {
            "run": submitted.run.slug,
            "job": submitted.job.id,
            "plan": submitted.plan,
        }
        if not json:
            fields([("run", submitted.run.slug), ("job", submitted.job.id), *submitted.plan.lines()])
        ensure_worker(home)
        if wait:
            result = wait_for(home, db, submitted.job.id, "training")
            document |= {"status": "done", "adapter": result.get("adapter"), "metrics": result.get("metrics")}
    if json:
        print_json(document)
    elif wait:
        fields([("adapter", document["adapter"]), *(document["metrics"] or {}).items()])
    else:
        narrate(f"It runs in the background. `zen runs watch {submitted.run.slug}` shows it.")


def chosen_settings(pairs: list[str], steps: int | None) -> dict[str, Any]:
    """`key=value` words as a dictionary. Raises `WrongUse` for a word without an equals sign."""
    return settings_in(pairs) | ({} if steps is None else {"steps": steps})
