"""`zen runs`: trainings, past and present."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from zen_tui.cli import jobs as jobs_cli
from zen_tui.cli import run_comparing
from zen_tui.cli.output import JsonFlag, WaitFlag, YesFlag, confirm, fields, narrate, print_json, say, table
from zen_tui.cli.run_comparing import document_of, number, status_of
from zen_tui.cli.train import chosen_settings
from zen_tui.jobs.history import History
from zen_tui.library import models, pruning
from zen_tui.library.database import Database
from zen_tui.library.durable import write_file
from zen_tui.library.errors import NotFound, Refused
from zen_tui.library.paths import Home
from zen_tui.library.records import Run
from zen_tui.library.scores import RULE, Scores
from zen_tui.library.specs import CheckpointSpec
from zen_tui.library.text import megabytes, plural, shown

app = typer.Typer(
    help="Trainings, past and present. Example: zen runs list",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

run_comparing.register(app)

Name = Annotated[str, typer.Argument(metavar="RUN", help="The run's name.")]


@app.command("list")
def list_runs(json: JsonFlag = False) -> None:
    """List the runs, newest last. Example: zen runs list"""
    with Database.open() as db:
        found = [(run, status_of(db, run)) for run in models.runs(db)]
    if json:
        print_json([document_of(run, status) for run, status in found])
    elif not found:
        say("No run yet. `zen train DATASET` starts one.")
    else:
        table(
            ("NAME", "STATE", "STEP", "METHOD", "LOSS", "HELD OUT"),
            [
                (r.slug, status, f"{r.step}/{r.steps}", r.method, number(r.metrics.get("loss_last")),
                 number(r.metrics.get("holdout_last")))
                for r, status in found
            ],
        )  # fmt: skip


@app.command("show")
def show(name: Name, json: JsonFlag = False) -> None:
    """Show a run: settings, scores, checkpoints. Example: zen runs show mara"""
    home = Home.find().create()
    with Database.open(home) as db:
        run = models.run(db, name)
        status, checkpoints = status_of(db, run), models.checkpoints(db, run.id)
    if json:
        print_json({**document_of(run, status), "spec": run.spec, "checkpoints": checkpoints})
        return
    fields([("run", run.slug), ("state", status), ("step", f"{run.step} of {run.steps}"), ("method", run.method)])
    if origin := run.spec.get("origin"):
        fields([("from", f"{origin['name']} at step {origin['step']:,}")])
    fields(run.metrics.items())
    fields([("warning", text) for text in _history(home, run).warnings])
    for checkpoint in checkpoints:
        score = number(checkpoint.scores.get("holdout"))
        parts = [f"checkpoint at {checkpoint.step}", megabytes(checkpoint.size)]
        parts += [f"held out {score}"] if score else []
        parts += [f"{name} {span}" for name, span in msgspec.convert(checkpoint.scores, Scores).named()]
        say(", ".join(parts))


@app.command("watch")
def watch(
    name: Name,
    follow: Annotated[bool, typer.Option("--follow", help="Print every event as a JSON line.")] = False,
    json: JsonFlag = False,
) -> None:
    """Follow a run to its end. Example: zen runs watch mara"""
    jobs_cli.watch(_job(name), follow, json)


@app.command("pause")
def pause(name: Name, json: JsonFlag = False) -> None:
    """Free the GPU and keep everything. Example: zen runs pause mara"""
    jobs_cli.pause(_job(name), json)


@app.command("resume")
def resume(
    name: Name,
    steps: Annotated[
        int | None, typer.Option(help="Go on to this many steps, past the end if it had ended.")
    ] = None,
    gpus: Annotated[int | None, typer.Option(metavar="N", help="Share its steps among this many GPUs.")] = None,
    json: JsonFlag = False,
) -> None:
    """Carry on from the last checkpoint.

    On a CPU the run then is, bit for bit, what it would have been without the break. On a GPU photos, noise and
    order are the same, but sums may differ in their last bits. With --steps a finished run goes on, too: what it
    did so far stays, and its adapter is made anew in the end.

    Example: zen runs resume mara --steps 2000
    """
    if gpus is not None:
        _spread(name, gpus)
    if steps is None:
        jobs_cli.resume(_job(name), json)
        return
    from zen_tui.jobs.launch import ensure_worker
    from zen_tui.jobs.lineage import extend_run, spec_of

    home = Home.find().create()
    with Database.open(home) as db:
        run = models.run(db, name)
        schedule = spec_of(home, run).settings.lr_schedule
        job = extend_run(db, home, run, steps)
        ensure_worker(home)
    if schedule != "constant":
        narrate(f"Its rate follows {schedule} to the new end, so it is higher now than where it stopped.")
    if json:
        print_json({"run": run.slug, "job": job.id, "status": job.status, "steps": steps})
    else:
        narrate(f"{run.slug} goes on to step {steps:,} in the background.")


def _spread(name: str, gpus: int) -> None:
    from zen_tui.jobs.lineage import spread_run

    home = Home.find().create()
    with Database.open(home) as db:
        spread_run(db, home, models.run(db, name), gpus)


@app.command("fork")
def fork(
    name: Name,
    step: Annotated[int | None, typer.Option(help="Of which checkpoint; the newest unless given.")] = None,
    steps: Annotated[
        int | None, typer.Option(help="Short for --set steps=N; counted from the first run's start.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting to change, as often as needed."),
    ] = None,
    new_name: Annotated[str | None, typer.Option("--name", help="What the new adapter will be called.")] = None,
    wait: WaitFlag = False,
    json: JsonFlag = False,
) -> None:
    """Begin a new run from a checkpoint, with other settings.

    Example: zen runs fork mara --step 500 --set learning_rate=5e-5 --name mara-gentle
    """
    from zen_tui.cli.waiting import wait_for
    from zen_tui.jobs.launch import ensure_worker
    from zen_tui.jobs.lineage import fork_run

    home = Home.find().create()
    with Database.open(home) as db:
        made = fork_run(
            db, home, models.run(db, name), step=step, chosen=chosen_settings(set_ or [], steps), name=new_name
        )
        changed = [(key, f"{old} → {new}") for key, old, new in made.changed]
        origin = msgspec.to_builtins(made.origin)
        document: dict[str, Any] = {
            "run": made.run.slug,
            "job": made.job.id,
            "from": origin,
            "changed": dict(changed),
        }
        if not json:
            began = f"{made.origin.name} at step {made.origin.step:,}"
            fields([("run", made.run.slug), ("job", made.job.id), ("from", began), *changed])
        ensure_worker(home)
        if wait:
            result = wait_for(home, db, made.job.id, "training")
            document |= {"status": "done", "adapter": result.get("adapter"), "metrics": result.get("metrics")}
    if json:
        print_json(document)
    elif wait:
        fields([("adapter", document["adapter"]), *(document["metrics"] or {}).items()])


@app.command("best")
def best(
    name: Name,
    adapter: Annotated[bool, typer.Option("--adapter", help="Make an adapter of it, called RUN-best.")] = False,
    json: JsonFlag = False,
) -> None:
    """Name the best checkpoint and say why.

    Where checkpoints were judged by pictures (--set judge=8) it is the one that looks most like the subject among
    those that keep to their prompts; else the one with the lowest held-out loss.

    Example: zen runs best mara --adapter
    """
    home = Home.find().create()
    with Database.open(home) as db:
        run = models.run(db, name)
        kept = pruning.best(models.checkpoints(db, run.id))
    history = _history(home, run)
    if history.best is None:
        raise Refused(f"{run.slug} has no held-out scores.", "Train with --set holdout=0.1 to get them.")
    step, loss = history.best
    why = history.judged[-1].why if history.judged else ""
    judged = [{"step": one.step, **msgspec.to_builtins(one.scores)} for one in history.judged]
    document: dict[str, Any] = {"run": run.slug, "step": step, "holdout": loss, "why": why, "judged": judged}
    if adapter:
        if kept is None or kept.step != step:
            raise Refused(f"No checkpoint of step {step:,} is kept.", f"`zen runs show {run.slug}` lists them.")
        document |= _of_checkpoint(home, CheckpointSpec(run=run.id, step=step, name=f"{run.slug}-best"))
    if json:
        print_json(document)
    else:
        made = f", adapter {document['adapter']}" if adapter else ""
        say((why or f"step {step}, held-out loss {loss:.4f}") + made)
        if why:
            say(RULE)
            rows = [(one.step, dict(one.scores.named())) for one in history.judged]
            names = list(dict.fromkeys(name for _, scores in rows for name in scores))
            table(("STEP", *map(str.upper, names)), [(at, *(str(s.get(n, "")) for n in names)) for at, s in rows])


@app.command("prune")
def prune(
    name: Name,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest stay.")] = 1,
    yes: YesFlag = False,
    json: JsonFlag = False,
) -> None:
    """Delete older checkpoints; the best stays, and each that another run began from.

    Example: zen runs prune mara --keep 2
    """
    home = Home.find().create()
    with Database.open(home) as db:
        run = models.run(db, name)
        gone = pruning.spare(db, run.id, keep)
        steps = [old.step for old in gone]
        if gone:
            size = megabytes(sum(old.size for old in gone))
            confirm(f"Delete {plural(len(gone), 'checkpoint')} of {run.slug} ({size})?", yes)
        freed = pruning.remove(db, home, gone)
        left = models.checkpoints(db, run.id)
    held = sum(kept.size for kept in left)
    if json:
        print_json(
            {"run": run.slug, "removed": steps, "freed": freed, "kept": [c.step for c in left], "size": held}
        )
        return
    say(f"{plural(len(steps), 'checkpoint')} deleted, {megabytes(freed)} freed.")
    say(f"Kept: {', '.join(str(kept.step) for kept in left) or 'none'}; {megabytes(held)}.")


@app.command("export")
def export(
    name: Name,
    out: Annotated[
        Path,
        typer.Option(
            help="The file to write: .jsonl for events, .toml for settings, .safetensors for an adapter."
        ),
    ],
    step: Annotated[
        int | None, typer.Option(help="The checkpoint an adapter is made of; the newest unless given.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Write a run's events, its settings, or the adapter of a checkpoint to a file.

    Example: zen runs export mara --step 500 --out mara-500.safetensors
    """
    home = Home.find().create()
    out = out.expanduser().absolute()
    with Database.open(home) as db:
        run = models.run(db, name)
        kept = [found.step for found in models.checkpoints(db, run.id)]
    if out.exists():
        raise Refused(f"{out} exists already.", "Choose another name; Zen overwrites nothing.")
    document: dict[str, Any] = {"run": run.slug, "out": str(out)}
    if out.suffix == ".safetensors":
        if not kept or (step is not None and step not in kept):
            there = f"There are: {', '.join(map(str, kept))}." if kept else "It has none yet."
            raise NotFound(f"{run.slug} has no such checkpoint.", there)
        spec = CheckpointSpec(run=run.id, step=kept[-1] if step is None else step, out=str(out))
        document |= _of_checkpoint(home, spec)
    else:
        source = home.run(run.id) / "run.toml" if out.suffix == ".toml" else home.events(run.job_id or 0)
        if not source.exists():
            raise Refused(f"{run.slug} has not started yet, so there is nothing to export.")
        write_file(out, source.read_bytes())
    if json:
        print_json(document)
    else:
        say(shown(document["out"]))


def _of_checkpoint(home: Home, spec: CheckpointSpec) -> dict[str, Any]:
    from zen_tui.jobs import errand

    return errand.run(home, spec)


def _job(name: str) -> int:
    with Database.open() as db:
        run = models.run(db, name)
    if run.job_id is None:
        raise Refused(f"{run.slug} has no job.")
    return run.job_id


def _history(home: Home, run: Run) -> History:
    from zen_tui.jobs.events import Tail

    history = History()
    history.feed(Tail(home.events(run.job_id or 0)).read_all())
    return history
