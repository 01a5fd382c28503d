"""`zen adapters`: what training made, and what other tools made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import to_builtins

from zen_tui.cli import adapter_making
from zen_tui.cli.output import JsonFlag, YesFlag, confirm, fields, narrate, print_json, say, table
from zen_tui.exchange.adapters import AdapterFacts, inspect_adapter, weights_in
from zen_tui.exchange.bases import ensure_builtin
from zen_tui.exchange.fits import hold_against
from zen_tui.jobs.adapters import bring_adapter
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, NotFound
from zen_tui.library.paths import Home
from zen_tui.library.records import Adapter, Base
from zen_tui.library.text import megabytes, shown, slugify

app = typer.Typer(
    help="What generation loads on top of a base. Example: zen adapters list",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

adapter_making.register(app)

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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .safetensors file, or a PEFT folder.")],
    name: Annotated[str | None, typer.Option(help="What to call it; else the file's name.")] = None,
    json: JsonFlag = False,
) -> None:
    """Copy an adapter that another tool made: a LoRA of any layout, an embedding, an A1111 hypernetwork.

    Example: zen adapters import ~/loras/ink.safetensors
    """
    home = Home.find().create()
    with Database.open(home) as db:
        adapter = bring_adapter(db, home, file.expanduser(), name)
    if json:
        print_json(_document(home, adapter))
    else:
        say(f"{adapter.slug}: {adapter.kind} for {adapter.family}, {_size(home, adapter)}.")


@app.command("verify")
def verify(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="An adapter, or a file that is not one yet.")],
    base: Annotated[str | None, typer.Option(help="The base to hold it against; else all of its family.")] = None,
    json: JsonFlag = False,
) -> None:
    """Say what an adapter is, and how much of it which base can take.

    Example: zen adapters verify mara --base sd15
    """
    home = Home.find().create()
    with Database.open(home) as db:
        ensure_builtin(db)
        slug, path = _named(db, home, name)
        facts = inspect_adapter(path)
        bases = [models.base(db, base)] if base else [b for b in models.bases(db) if b.family == facts.family]
    tried = [_held_against(path, slug, one) for one in bases]
    if json:
        print_json({"name": slug, "facts": facts, "bases": tried})
    else:
        _tell(slug, facts, tried)
    if tried and not any(one["ok"] for one in tried):
        narrate(f"No base takes the whole of {slug}." if len(tried) > 1 else f"{slug} is not usable there.")
        raise typer.Exit(1)


def _named(db: Database, home: Home, name: str) -> tuple[str, Path]:
    """(name, file) of an adapter, or of a file that is named by its path. Raises `NotFound`."""
    try:
        adapter = models.adapter(db, name)
    except NotFound:
        path = Path(name).expanduser()
        if not path.exists():
            raise
        return shown(path.name), weights_in(path)
    path = home.resolve(adapter.path)
    if not path.is_file():
        raise BadFile(f"The file of the adapter {adapter.slug} is gone: {path}.", "Put it back.")
    return adapter.slug, path


def _held_against(path: Path, name: str, base: Base) -> dict[str, Any]:
    held = hold_against(path, name, base)
    return {"base": base.slug, "ok": held.ok, "total": held.total, **to_builtins(held.match), "text": held.text}


def _tell(name: str, facts: AdapterFacts, tried: list[dict[str, Any]]) -> None:
    parts = ", ".join(f"{count} of the {part}" for part, count in facts.parts.items())
    word = facts.trigger or (slugify(Path(name).stem) if facts.kind == "embedding" else "")  # as it is imported
    vectors = f"{facts.rank} of {facts.context} numbers" if facts.kind == "embedding" else ""
    fields(
        [("name", name), ("kind", facts.kind), ("family", f"{facts.family} {facts.variant}".strip()),
         ("format", facts.format), ("rank", facts.rank if facts.kind == "lora" else ""), ("vectors", vectors),
         ("layers", parts), ("words", ", ".join(facts.words)), ("trigger", word)]
    )  # fmt: skip
    for one in tried:
        say(f"{one['base']}: {one['text']}")
        for part in one["parts"] if facts.kind == "lora" else []:
            say(f"  {part['part']}: {part['fit']} of {part['pieces']} fit, of {part['layers']} layers it has")
    if not tried:
        say("No base of this family is here to hold it against.")


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
