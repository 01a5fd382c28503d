"""`zen adapters`: what training made, and what other tools made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zen_tui.cli.output import JsonFlag, YesFlag, confirm, fields, print_json, say, table
from zen_tui.exchange.adapters import import_adapter, inspect_adapter
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.durable import write_file
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Adapter
from zen_tui.library.text import megabytes

app = typer.Typer(
    help="What generation loads on top of a base. Example: zen adapters list",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The adapter's name.")]


@app.command("list")
def list_adapters(json: JsonFlag = False) -> None:
    """List the adapters. Example: zen adapters list"""
    home = Home.find().create()
    with Database.open(home) as db:
        found = models.adapters(db)
    if json:
        print_json([_document(home, adapter) for adapter in found])
    elif not found:
        say("No adapter yet. `zen train DATASET` makes one.")
    else:
        table(
            ("NAME", "KIND", "FAMILY", "SIZE", "WRITE THIS IN A PROMPT"),
            [(a.slug, a.kind, a.family, _size(home, a), a.trigger) for a in found],
        )


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A LoRA as .safetensors.")],
    name: Annotated[str | None, typer.Option(help="What to call it; else the file's name.")] = None,
    json: JsonFlag = False,
) -> None:
    """Copy a LoRA that another tool made. Example: zen adapters import ~/loras/ink.safetensors"""
    home = Home.find().create()
    with Database.open(home) as db:
        adapter = import_adapter(db, home, file, name)
    if json:
        print_json(_document(home, adapter))
    else:
        say(f"{adapter.slug}: {adapter.kind} for {adapter.family}, {_size(home, adapter)}.")


@app.command("export")
def export(
    name: Name,
    out: Annotated[Path, typer.Option(help="The file to write.")],
    format: Annotated[str, typer.Option("--format", help="diffusers.")] = "diffusers",
    json: JsonFlag = False,
) -> None:
    """Write an adapter as a file for other tools. Example: zen adapters export mara --out mara.safetensors"""
    if format != "diffusers":
        raise WrongUse(
            f"This Zen does not write {format}.", "It writes diffusers, which kohya-style readers convert."
        )
    home = Home.find().create()
    with Database.open(home) as db:
        adapter = models.adapter(db, name)
    if out.exists():
        raise Refused(f"{out} exists already.", "Choose another name; Zen overwrites nothing.")
    write_file(out.absolute(), home.resolve(adapter.path).read_bytes())
    if json:
        print_json({"name": adapter.slug, "out": str(out), "format": format})
    else:
        say(str(out))


@app.command("verify")
def verify(name: Name, json: JsonFlag = False) -> None:
    """Read an adapter again and say what is in it. Example: zen adapters verify mara"""
    home = Home.find().create()
    with Database.open(home) as db:
        adapter = models.adapter(db, name)
    facts = inspect_adapter(home.resolve(adapter.path))
    if json:
        print_json({"name": adapter.slug, "facts": facts})
    else:
        fields(
            [("name", adapter.slug), ("family", facts.family), ("format", facts.format), ("rank", facts.rank),
             ("layers", facts.modules), ("trigger", adapter.trigger)]
        )  # fmt: skip


@app.command("remove")
def remove(name: Name, yes: YesFlag = False, json: JsonFlag = False) -> None:
    """Delete an adapter. Pictures made with it stay. Example: zen adapters remove mara"""
    home = Home.find().create()
    with Database.open(home) as db:
        adapter = models.adapter(db, name)
        confirm(f"Delete the adapter {adapter.slug} ({_size(home, adapter)})?", yes)
        models.remove_adapter(db, adapter.id)
        home.resolve(adapter.path).unlink(missing_ok=True)
    if json:
        print_json({"name": adapter.slug, "removed": True})
    else:
        say(f"{adapter.slug} is deleted.")


def _size(home: Home, adapter: Adapter) -> str:
    path = home.resolve(adapter.path)
    return megabytes(path.stat().st_size) if path.exists() else "missing"


def _document(home: Home, adapter: Adapter) -> dict[str, Any]:
    return {
        "id": adapter.id,
        "name": adapter.slug,
        "kind": adapter.kind,
        "family": adapter.family,
        "base": adapter.base_id,
        "run": adapter.run_id,
        "trigger": adapter.trigger,
        "path": str(home.resolve(adapter.path)),
        "facts": adapter.facts,
    }
