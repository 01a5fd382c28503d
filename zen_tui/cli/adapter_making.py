"""`zen adapters export`, `merge`, `scale`, `resize`, `extract`, `bake`: new files from adapters that are here.

The work is done at once in a process of its own; it needs no GPU and does not wait for the queue.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from zen_tui.cli.output import JsonFlag, WaitFlag, fields, narrate, print_json, say
from zen_tui.cli.progress import Bar
from zen_tui.library import events as ev
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Base
from zen_tui.library.specs import AdapterPictureSpec, AdapterSpec, AdapterUse
from zen_tui.library.text import shown

Name = Annotated[str, typer.Argument(metavar="NAME", help="The adapter's name.")]
NewName = Annotated[str, typer.Option("--name", help="What the new adapter is called.")]
Rank = Annotated[int, typer.Option("--rank", min=1, max=1024, help="The rank of the new adapter.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `zen adapters`."""
    for name, command in (
        ("export", export),
        ("merge", merge),
        ("scale", scale),
        ("resize", resize),
        ("extract", extract),
        ("bake", bake),
    ):
        app.command(name)(command)


def export(
    name: Name,
    out: Annotated[Path, typer.Option(help="The file to write.")],
    format: Annotated[str, typer.Option("--format", help="kohya, comfyui or diffusers.")] = "diffusers",
    keep: Annotated[
        list[str] | None,
        typer.Option("--keep", metavar="KEY", help="A key of the header that stays; again for more."),
    ] = None,
    picture: Annotated[
        bool, typer.Option("--picture/--no-picture", help="Compare a picture too, where the base is here.")
    ] = True,
    wait: WaitFlag = False,
    json: JsonFlag = False,
) -> None:
    """Write an adapter as a file for other tools, and read it back to prove that it is the same.

    kohya is for Stable Diffusion 1, XL and FLUX.1, comfyui for FLUX.2, Z-Image and Qwen-Image, diffusers for all.
    Of the header only what other tools need is written; what is left out is listed.

    Example: zen adapters export mara --format kohya --out mara.safetensors
    """
    home = Home.find().create()
    target = out.expanduser().absolute()
    spec = AdapterSpec(
        action="export", adapters=(AdapterUse(name),), out=str(target), format=format, keep=tuple(keep or ())
    )
    result = _run(home, spec, "comparing")
    files = (target, *map(Path, result["words"]))
    job, compared = _compare_pictures(home, name, files, wait=wait) if picture else (None, None)
    if json:
        print_json({"name": name, **result, "job": job, "picture": compared})
        return
    for file in files:
        say(shown(file))
    header, check = result["header"], result["check"]
    fields([("kept", ", ".join(header["kept"])), ("left out", ", ".join(shown(key) for key in header["dropped"]))])
    narrate(
        f"Read back: {check['layers']} layers, greatest error {check['absolute']:.1e}, "
        f"relative {check['relative']:.1e}."
    )
    if compared is not None:
        narrate(f"A picture drawn with it differs by at most {compared['difference']} of 255.")
    elif job is not None:
        narrate(f"Job {job} compares a picture; `zen jobs watch {job}` tells how it went.")


def merge(
    adapters: Annotated[list[str], typer.Argument(metavar="NAME[:WEIGHT]...", help="Adapters and their weights.")],
    name: NewName,
    json: JsonFlag = False,
) -> None:
    """Make one adapter that does what several do together.

    Example: zen adapters merge mara:0.7 ink:0.5 --name both
    """
    uses = tuple(_use(text) for text in adapters)
    if len(uses) < 2:
        raise WrongUse("One adapter alone is not a merge.", "`zen adapters scale` changes the strength of one.")
    _make(AdapterSpec(action="merge", adapters=uses, name=name), json)


def scale(
    adapter: Name,
    weight: Annotated[float, typer.Argument(metavar="WEIGHT", help="Times its strength.")],
    name: NewName,
    json: JsonFlag = False,
) -> None:
    """Make an adapter stronger or weaker for good. Example: zen adapters scale mara 0.8 --name mara-soft"""
    _make(AdapterSpec(action="scale", adapters=(AdapterUse(adapter, weight),), name=name), json)


def resize(adapter: Name, rank: Rank, name: NewName, json: JsonFlag = False) -> None:
    """Make a smaller adapter that keeps the most of one.

    Example: zen adapters resize mara --rank 8 --name mara-8
    """
    _make(AdapterSpec(action="resize", adapters=(AdapterUse(adapter),), rank=rank, name=name), json)


def extract(
    tuned: Annotated[str, typer.Option("--from", metavar="TUNED", help="A base that was fine-tuned as a whole.")],
    base: Annotated[str, typer.Option(help="The base that it was made from.")],
    rank: Rank,
    name: NewName,
    json: JsonFlag = False,
) -> None:
    """Make an adapter of what a fine-tuned base has learned.

    Example: zen adapters extract --from my-finetune --base sd15 --rank 32 --name finetune
    """
    _make(AdapterSpec(action="extract", tuned=tuned, base=base, rank=rank, name=name), json)


def bake(
    adapters: Annotated[list[str], typer.Argument(metavar="NAME[:WEIGHT]...", help="Adapters and their weights.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    name: Annotated[
        str | None, typer.Option(help="What the new base is called; else as the first adapter.")
    ] = None,
    base: Annotated[str | None, typer.Option(help="The base to work them into; else their own.")] = None,
    json: JsonFlag = False,
) -> None:
    """Write a base with adapters worked into it, as a folder of diffusers', and list it as a base.

    What DreamBooth learned and every kind of LoRA can be worked in, at any weight.

    Example: zen adapters bake mara:0.8 --out ~/models/mara
    """
    spec = AdapterSpec(
        action="bake",
        adapters=tuple(_use(text) for text in adapters),
        out=str(out.expanduser().absolute()),
        name=name or "",
        base=base or "",
    )
    result = _run(Home.find().create(), spec, "writing")
    if json:
        print_json(result)
        return
    say(shown(result["out"]))
    narrate(f"It is the base {result['base']}: `zen generate PROMPT --base {result['base']}` draws with it.")


def _make(spec: AdapterSpec, json: bool) -> None:
    result = _run(Home.find().create(), spec, spec.action)
    if json:
        print_json({"name": result["adapter"], **result})
        return
    say(f"{result['adapter']}: {result['layers']} layers, rank {result['rank']}.")
    if kept := result.get("kept"):
        narrate(
            f"It keeps {kept['mean']:.1%} of each layer's change on average, {kept['least']:.1%} at the least."
        )


def _run(home: Home, spec: AdapterSpec, label: str) -> dict[str, Any]:
    from zen_tui.jobs import errand

    with Bar(label) as bar:

        def told(event: ev.AnyEvent) -> None:
            if isinstance(event, ev.Progress):
                bar.at(event.done, event.total)

        return errand.run(home, spec, told)


def _use(text: str) -> AdapterUse:
    """'mara:0.7' as an adapter and its weight; 'mara' has weight 1."""
    name, colon, weight = text.rpartition(":")
    if not colon:
        return AdapterUse(text)
    try:
        number = float(weight)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise WrongUse(f"{weight} is no weight for {name}.", "Write it as mara:0.7.")
    return AdapterUse(name, number)


def _compare_pictures(
    home: Home, name: str, files: Sequence[Path], *, wait: bool
) -> tuple[int | None, dict[str, Any] | None]:
    """Queue the comparison with exported `files` where the adapter's base is here: (job, what it found if waited
    for)."""
    from zen_tui.cli.waiting import wait_for
    from zen_tui.jobs import queue
    from zen_tui.jobs.launch import ensure_worker

    with Database.open(home) as db:
        base = _base_of(db, name)
        if base is None:
            return None, None
        adapter = models.adapter(db, name)
        file, *words = map(str, files)
        spec = AdapterPictureSpec(adapter=adapter.slug, file=file, base=base.slug, words=tuple(words))
        job = queue.enqueue(db, home, spec, f"{adapter.slug} and its export, compared")
        ensure_worker(home)
        return job.id, wait_for(home, db, job.id, "pictures") if wait else None


def _base_of(db: Database, name: str) -> Base | None:
    """The base that an adapter was made with, if its files are here."""
    from zen_tui.exchange.source import source_of

    adapter = models.adapter(db, name)
    if adapter.base_id is None:
        return None
    try:
        base = models.base_by_id(db, adapter.base_id)
        source_of(base)
    except ZenError:
        return None
    return base
