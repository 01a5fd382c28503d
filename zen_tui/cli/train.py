"""`zen train`: queue a training and say what it will do, or write it to a file to be kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from zen_tui.cli.output import JsonFlag, WaitFlag, fields, narrate, print_json, say
from zen_tui.cli.waiting import wait_for
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.errors import WrongUse
from zen_tui.library.models import base as find_base
from zen_tui.library.models import run as find_run
from zen_tui.library.paths import Home
from zen_tui.library.records import Job, Run
from zen_tui.library.run_files import RunFile
from zen_tui.library.text import shown
from zen_tui.library.train_settings import settings_in

if TYPE_CHECKING:
    from zen_tui.ranks.meeting import Place

app = typer.Typer(rich_markup_mode=None, add_completion=False)
BASE, METHOD = "zen-mini", "lora"


@dataclass
class Asked:
    """What was asked for on the command line; what was not is None."""

    dataset: str | None
    base: str | None
    method: str | None
    preset: str | None
    name: str | None
    chosen: dict[str, Any]
    write: Path | None
    queue: bool
    gpus: int
    place: Place | None
    nodes: int


@dataclass
class Answer:
    """What there is to say: lines for a person, a document for a script, and what was queued."""

    lines: list[tuple[str, object]]
    document: dict[str, Any]
    run: Run | None = None
    job: Job | None = None
    notes: list[str] = field(default_factory=list)


@app.command()
def train(
    dataset: Annotated[
        str | None, typer.Argument(metavar="DATASET", help="The dataset's name; --from may name it.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="The base to train on; `zen bases list` shows them. Else zen-mini.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="What learns: lora, hypernetwork, dreambooth, embedding, pivotal.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="face, pet, object, garment, style, quick; else as suits the dataset's kind."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Short for --set steps=N.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any setting, as often as needed.")
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE|RUN", help="Take the settings of a file or a run; the rest wins."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the adapter will be called.")] = None,
    gpus: Annotated[
        int, typer.Option(metavar="N", help="GPUs that share the pictures of each step; the result is the same.")
    ] = 1,
    nodes: Annotated[
        int, typer.Option(metavar="N", min=1, max=64, help="Machines that share it, each with that many GPUs.")
    ] = 1,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="With --nodes: where this machine waits for the others."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; queue nothing.")] = False,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all this to a .toml file; queue nothing.")
    ] = None,
    wait: WaitFlag = False,
    json: JsonFlag = False,
) -> None:
    """Train a dataset in the background and get an adapter.

    The presets are face, pet, object, garment and style, which --preset also takes for a dataset of another kind,
    and quick, a first look with fewer steps. Steps grow with the number of photos; the plan says which preset was
    used. A base whose own folder advises steps, as the built-in one does, keeps them.

    Every run keeps its settings in `run.toml` in its folder. --from starts such a file again, also one that was
    changed or written with --write; it takes a run by its name, too, and RUN@STEP goes on from a checkpoint.

    Example: zen train mara --base zen-mini --set rank=16 --steps 600 --wait
    """
    from zen_tui.exchange.bases import ensure_builtin
    from zen_tui.jobs.launch import ensure_worker
    from zen_tui.jobs.train_files import Borrowed, bring

    queue = not (dry_run or write)
    place, chosen = _place(nodes, address, wait), chosen_settings(set_ or [], steps)
    asked = Asked(dataset, base, method, preset, name, chosen, write, queue, gpus, place, nodes)
    home = Home.find().create()
    with Database.open(home) as db:
        ensure_builtin(db)
        found = bring(db, home, from_, dataset, base or BASE) if from_ else RunFile()
        if isinstance(found, Borrowed) and not json:
            fields(found.lines())
        answer = _branch(db, home, found, asked) if found.run else _fresh(db, home, found, asked)
        document = answer.document
        if isinstance(found, Borrowed):
            document["borrowed"] = {
                "tool": found.tool,
                "taken": found.taken,
                "left": found.left,
                "others": found.others,
                "model": found.model,
                "family": found.family,
            }
        if not json:
            fields(answer.lines)
        if answer.job:
            ensure_worker(home)
        if wait and answer.job:
            result = wait_for(home, db, answer.job.id, "training")
            document |= {"status": "done", "adapter": result.get("adapter"), "metrics": result.get("metrics")}
    if json:
        print_json(document)
    elif write:
        say(shown(document["out"]))
    elif answer.run is None:
        narrate("Nothing was queued.")
    elif nodes > 1:
        narrate("Type each command on its machine. What the machines tell each other is not encrypted.")
    elif wait:
        fields([("adapter", document["adapter"]), *(document["metrics"] or {}).items()])
    else:
        narrate(f"It runs in the background. `zen runs watch {answer.run.slug}` shows it.")


def _place(nodes: int, address: str | None, wait: bool) -> Place | None:
    """Where machines meet. Raises `WrongUse` unless it is named for several, and only for them."""
    from zen_tui.ranks.meeting import place_of

    if nodes == 1 and address is None:
        return None
    if nodes == 1:
        raise WrongUse("--address is where several machines meet.", "Give --nodes 2, too, or leave it out.")
    if address is None:
        raise WrongUse(
            "Zen opens no address by itself.", "Name one of this machine: --address 192.168.1.10:29500."
        )
    if wait:
        raise WrongUse("--wait is for a run of this machine alone.", "Leave it out; the commands wait themselves.")
    return place_of(address)


def _fresh(db: Database, home: Home, found: RunFile, asked: Asked) -> Answer:
    """A training from its beginning."""
    from zen_tui.jobs.submit import prepare_training, preset_settings, submit_training
    from zen_tui.jobs.train_files import write_training

    slug = asked.dataset or found.dataset
    if slug is None:
        raise WrongUse("No dataset is named.", "Write its name after `zen train`; `zen datasets list` has them.")
    dataset = datasets.dataset(db, slug)
    base = find_base(db, asked.base or found.base or BASE)
    method = asked.method or found.method or METHOD
    preset, name = asked.preset or found.preset, asked.name or found.name
    kept = found.settings
    if kept and asked.preset:  # named now, it comes before what the file says
        kept = {**kept, **preset_settings(asked.preset, base, dataset)}
    wanted: dict[str, Any] = {
        "method": method,
        "preset": preset,
        "chosen": asked.chosen,
        "kept": kept,
        "gpus": asked.gpus,
        "machines": asked.nodes,
    }
    if asked.queue:
        made = submit_training(db, home, dataset, base, name=name, **wanted)
        document = {"run": made.run.slug, "job": made.job.id, "plan": made.plan}
        lines = [("run", made.run.slug), ("job", made.job.id), *made.plan.lines()]
        if asked.place:
            from zen_tui.jobs.nodes import arrange, commands

            typed = commands(made.run, arrange(home, made.job, asked.place), asked.nodes)
            document["commands"] = [command for _, command in typed]
            return Answer([*lines, *typed], document, made.run, None)
        return Answer(lines, document, made.run, made.job)
    settings, plan = prepare_training(db, home, dataset, base, **wanted)
    document = {"dataset": dataset.slug, "base": base.slug, "method": method, "plan": plan}
    document["settings"] = msgspec.structs.asdict(settings)
    if asked.write:
        document["out"] = str(write_training(asked.write, settings, dataset.slug, base, method, name))
    return Answer([*plan.lines()], document)


def _branch(db: Database, home: Home, found: RunFile, asked: Asked) -> Answer:
    """A training from the checkpoint of another run."""
    from zen_tui.jobs.lineage import branch_of, fork_run
    from zen_tui.jobs.train_files import write_training

    run = find_run(db, found.run or "")
    branch = branch_of(db, home, run, step=found.step, chosen=asked.chosen, kept=found.settings)
    before = branch.before
    for what, wanted, has in (
        ("dataset", asked.dataset or found.dataset, before.dataset),
        ("base", asked.base or found.base, before.base),
        ("method", asked.method or found.method, before.method),
        ("preset", asked.preset, None),
    ):
        if wanted not in (None, has):
            raise WrongUse(
                f"A run from a checkpoint of {run.slug} keeps its {what}{f': {has}' if has else ''}.",
                f"Leave {what} out, or start a new run without the step.",
            )
    name = asked.name or found.name
    began = f"{branch.origin.name} at step {branch.origin.step:,}"
    document: dict[str, Any] = {"from": msgspec.to_builtins(branch.origin)}
    document["changed"] = {key: f"{old} → {new}" for key, old, new in branch.changed}
    lines: list[tuple[str, object]] = [("from", began), *document["changed"].items()]
    if asked.queue:
        made = fork_run(
            db,
            home,
            run,
            step=found.step,
            chosen=asked.chosen,
            kept=found.settings,
            name=name,
            gpus=asked.gpus,
        )
        document = {"run": made.run.slug, "job": made.job.id, **document}
        return Answer([("run", made.run.slug), ("job", made.job.id), *lines], document, made.run, made.job)
    document["settings"] = msgspec.structs.asdict(branch.settings)
    if asked.write:
        origin = (branch.origin.name, branch.origin.step)
        out = write_training(
            asked.write, branch.settings, before.dataset, branch.base, before.method, name, origin
        )
        document["out"] = str(out)
    return Answer(lines, document)


def chosen_settings(pairs: list[str], steps: int | None) -> dict[str, Any]:
    """`key=value` words as a dictionary. Raises `WrongUse` for a word without an equals sign."""
    return settings_in(pairs) | ({} if steps is None else {"steps": steps})
