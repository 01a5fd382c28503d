"""`zen bases`: the diffusion models that can be trained or drawn with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zen_tui.cli.output import JsonFlag, YesFlag, confirm, print_json, say, table
from zen_tui.exchange.bases import add_base, base_folder, ensure_builtin, inspect_base
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Base
from zen_tui.library.text import megabytes

app = typer.Typer(
    help="Models to train and draw with. Example: zen bases list",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The base's name.")]


@app.command("list")
def list_bases(json: JsonFlag = False) -> None:
    """List the bases. Example: zen bases list"""
    with Database.open() as db:
        ensure_builtin(db)
        found = models.bases(db)
    if json:
        print_json([_document(base) for base in found])
        return
    table(
        ("NAME", "FAMILY", "SIZE", "RESOLUTION", "WHERE"),
        [
            (b.slug, f"{b.family} {b.variant}".strip(), megabytes(b.facts.get("bytes", 0)),
             b.facts.get("resolution", ""), "built in" if b.path.startswith("builtin:") else b.path)
            for b in found
        ],
    )  # fmt: skip


@app.command("add")
def add(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A diffusers folder.")],
    name: Annotated[str | None, typer.Option(help="What to call it; else the folder's name.")] = None,
    json: JsonFlag = False,
) -> None:
    """Use a model that lies on this disk. It stays where it is; nothing is downloaded.

    Example: zen bases add ~/models/stable-diffusion-v1-5 --name sd15
    """
    home = Home.find().create()
    with Database.open(home) as db:
        ensure_builtin(db)
        base = add_base(db, home, path, name)
    if json:
        print_json(_document(base))
    else:
        say(f"{base.slug}: {base.family}, {megabytes(base.facts.get('bytes', 0))}, used where it lies.")


@app.command("check")
def check(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One base; else all of them.")] = None,
    json: JsonFlag = False,
) -> None:
    """Read bases again and say whether they are still whole. Example: zen bases check"""
    with Database.open() as db:
        ensure_builtin(db)
        chosen = [models.base(db, name)] if name else models.bases(db)
    results = []
    for base in chosen:
        try:
            inspect_base(base_folder(base))
            results.append({"name": base.slug, "ok": True, "text": "whole"})
        except ZenError as error:
            results.append({"name": base.slug, "ok": False, "text": str(error)})
    if json:
        print_json(results)
    else:
        for result in results:
            say(f"{result['name']}: {result['text']}")
    if not all(result["ok"] for result in results):
        raise typer.Exit(1)


@app.command("remove")
def remove(name: Name, yes: YesFlag = False, json: JsonFlag = False) -> None:
    """Forget where a base lies. Its files are not touched. Example: zen bases remove sd15"""
    with Database.open() as db:
        base = models.base(db, name)
        if base.path.startswith("builtin:"):
            raise BadFile(f"{base.slug} is part of Zen and stays.")
        confirm(f"Take {base.slug} off the list? Its files stay at {base.path}.", yes)
        models.remove_base(db, base.id)
    if json:
        print_json({"name": base.slug, "removed": True})
    else:
        say(f"{base.slug} is off the list; its files are still at {base.path}.")


def _document(base: Base) -> dict[str, Any]:
    return {
        "id": base.id,
        "name": base.slug,
        "family": base.family,
        "variant": base.variant,
        "path": base.path,
        "facts": base.facts,
    }
