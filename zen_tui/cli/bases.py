"""`zen bases`: the diffusion models that can be trained or drawn with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from zen_tui.cli.output import JsonFlag, YesFlag, confirm, narrate, print_json, say, table
from zen_tui.cli.progress import Bar
from zen_tui.exchange.bases import Progress, add_base, check_base, ensure_builtin, inspect_base
from zen_tui.exchange.facts import BaseFacts, FileFacts
from zen_tui.exchange.model_folders import Found, add_found, holds_many, scan
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, WrongUse, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Base
from zen_tui.library.text import clean, megabytes, plural, shown

app = typer.Typer(
    help="Models to train and draw with. Example: zen bases list",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The base's name.")]


@app.command("list")
def list_bases(json: JsonFlag = False) -> None:
    """List the bases. HASH is the start of the first file's SHA-256, as other tools show it.

    Example: zen bases list
    """
    with Database.open() as db:
        ensure_builtin(db)
        found = models.bases(db)
    if json:
        print_json([_document(base) for base in found])
        return
    table(
        ("NAME", "FAMILY", "SIZE", "RESOLUTION", "HASH", "WHERE"),
        [
            (b.slug, f"{b.family} {b.variant}".strip(), megabytes(b.facts.get("bytes", 0)),
             b.facts.get("resolution", ""), next((file["autov2"] for file in _files(b)), ""),
             "built in" if b.path.startswith("builtin:") else shown(b.path))
            for b in found
        ],
    )  # fmt: skip


@app.command("add")
def add(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A checkpoint, a diffusers folder, or many models.")
    ],
    name: Annotated[str | None, typer.Option(help="What to call it; else the name it has on disk.")] = None,
    vae: Annotated[Path | None, typer.Option(help="The file with its VAE, if it has none of its own.")] = None,
    text: Annotated[list[Path] | None, typer.Option(help="A file with a text encoder; may be repeated.")] = None,
    variant: Annotated[
        str | None, typer.Option(help="Which variant it is, where its tensors do not tell.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is there.")] = False,
    json: JsonFlag = False,
) -> None:
    """Use models that lie on this disk. They stay where they are; nothing is copied or downloaded.

    PATH is a .safetensors checkpoint, a diffusers folder, or a folder of ComfyUI, A1111 or InvokeAI with many
    models in it. A checkpoint without VAE or text encoders takes those that lie beside it in folders called vae,
    text_encoders or clip.

    Example: zen bases add ~/ComfyUI/models/checkpoints/sd_xl_base_1.0.safetensors --name sdxl
    """
    home = Home.find().create()
    place = path.expanduser().absolute()
    if holds_many(place):
        if name or vae or text or variant:
            raise WrongUse(
                f"{place} holds many models.", "--name, --vae, --text and --variant are for a single one."
            )
        _add_all(home, place, dry_run, json)
        return
    if dry_run:
        facts = inspect_base(place, vae=vae, texts=text or (), variant=variant)
        print_json(_found(place, facts)) if json else _tell(place, facts)
        return
    with Database.open(home) as db, Bar("reading") as bar:
        ensure_builtin(db)
        base = add_base(db, home, place, name, vae=vae, texts=text or (), variant=variant, progress=_progress(bar))
    if json:
        print_json(_document(base))
    else:
        title = base.facts.get("title") or base.family
        say(f"{base.slug}: {title}, {megabytes(base.facts.get('bytes', 0))}, used where it lies.")


def _add_all(home: Home, folder: Path, dry_run: bool, json: bool) -> None:
    """List the models of a folder and, unless it is a dry run, add those that can be used."""
    added: list[Base] = []
    failed: list[tuple[Path, str]] = []
    found = list(scan(folder))
    if not dry_run:
        with Database.open(home) as db, Bar("reading") as bar:
            ensure_builtin(db)
            for result in add_found(db, home, found, _progress(bar)):
                if isinstance(result, Base):
                    added.append(result)
                else:
                    failed.append((result[0], str(result[1])))
    if json:
        print_json(
            {
                "found": [{"path": shown(one.path), "kind": one.kind, "text": clean(one.text)} for one in found],
                "added": [_document(base) for base in added],
                "failed": [{"path": shown(path), "reason": reason} for path, reason in failed],
            }
        )
    else:
        _tell_all(folder, found, added, dry_run)
    for path, reason in failed:
        narrate(f"{shown(path)}: {reason}")
    if failed or not any(one.facts for one in found):
        raise typer.Exit(1)


def _tell_all(folder: Path, found: list[Found], added: list[Base], dry_run: bool) -> None:
    """Bases first, each with its size; then what belongs to them; then why the rest cannot be used."""
    bases = [(one.text, megabytes(one.facts.bytes), _inside(one.path, folder)) for one in found if one.facts]
    if bases:
        table(("BASE", "SIZE", "FILE"), bases)
    else:
        say(f"There is no base that can be used in {shown(folder)}.")
    for kind, title in (("part", "Parts of other models:"), ("unusable", "Not usable:")):
        rest = [one for one in found if one.kind == kind]
        if rest:
            say()
            say(title)
        for one in rest:
            say(f"  {_inside(one.path, folder)}: {clean(one.text)}")
    loras = sum(one.kind == "adapter" for one in found)
    if loras:
        say()
        say(f"{plural(loras, 'LoRA')}: `zen adapters import` brings one in.")
    if bases and not dry_run:
        say()
        say(f"{plural(len(added), 'base')} can be used now, each where it lies.")


def _inside(path: Path, folder: Path) -> str:
    return shown(path.relative_to(folder)) if path != folder else "."


def _tell(path: Path, facts: BaseFacts) -> None:
    say(f"{shown(path.name)} is {facts.title}, {megabytes(facts.bytes)}.")
    for sub, part in facts.parts.items():
        say(f"  {sub}: {', '.join(shown(file) for file in part.files)}")


def _found(path: Path, facts: BaseFacts) -> dict[str, Any]:
    return {"path": shown(path), "family": facts.family, "variant": facts.variant, "facts": facts}


def _progress(bar: Bar) -> Progress:
    """Megabytes read, with the name of the file."""

    def read(file: Path, done: int, whole: int) -> None:
        bar.at(done // 1_000_000, whole // 1_000_000, "MB", label=f"reading {clean(file.name, 40)}")

    return read


@app.command("fetch")
def fetch_file(
    url: Annotated[str, typer.Argument(metavar="URL", help="The address of a .safetensors file.")],
    to: Annotated[Path, typer.Option(help="The folder to keep it in.")],
    sha256: Annotated[str, typer.Option(help="What the file's SHA-256 must be.")] = "",
    yes: YesFlag = False,
    json: JsonFlag = False,
) -> None:
    """Get a file from the internet. Nothing else in Zen goes online, and this only when settings.toml allows it.

    Host, size and licence are shown and asked about first. What arrived before a break is gone on with. A token
    for a host is taken from the system's keyring, where `python -m keyring set zen HOST` puts it.

    Example: zen bases fetch https://example.org/model.safetensors --to ~/models
    """
    from zen_tui.exchange.fetch import fetch
    from zen_tui.library import settings

    def ask(question: str) -> bool:
        if yes:
            narrate(question.removesuffix("?") + ": yes.")
        confirm(question, yes, "Nothing was fetched")
        return True

    with Bar("fetching") as bar:
        fetched = fetch(
            url,
            to,
            ask,
            allowed=settings.read(Home.find()).fetch,
            sha256=sha256,
            progress=lambda done, size: bar.at(done // 1_000_000, size // 1_000_000, "MB"),
        )
    if json:
        print_json({"path": str(fetched.path), "size": fetched.size, "sha256": fetched.sha256,
                    "compared": fetched.compared})  # fmt: skip
        return
    say(f"{shown(fetched.path)}, SHA-256 {fetched.sha256}.")
    say("It is the file that was asked for." if fetched.compared else "There was no SHA-256 to compare it with.")
    say(f"Use it with: zen bases add {shown(fetched.path)}")


@app.command("check")
def check(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One base; else all of them.")] = None,
    json: JsonFlag = False,
) -> None:
    """Read bases again, every byte, and say whether each file is the one it was. Example: zen bases check"""
    results = []
    with Database.open() as db, Bar("reading") as bar:
        ensure_builtin(db)
        for base in [models.base(db, name)] if name else models.bases(db):
            try:
                results.append({"name": base.slug, "ok": True, "text": check_base(db, base, _progress(bar))})
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
        "files": _files(base),
        "facts": base.facts,
    }


def _files(base: Base) -> list[dict[str, Any]]:
    """The weight files of `base` with their hashes, as far as they have been read."""
    files = msgspec.convert(base.facts.get("files", {}), dict[str, FileFacts])
    return [
        {"path": path, "size": file.size, "sha256": file.sha256, "autov2": file.autov2}
        for path, file in files.items()
    ]
