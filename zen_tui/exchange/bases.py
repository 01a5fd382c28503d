"""Bases on disk: recognised without torch, recorded where they lie, checked against what they were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from zen_tui.exchange.diffusers_folder import inspect_folder
from zen_tui.exchange.facts import BaseFacts, FileFacts
from zen_tui.exchange.file_facts import read_through
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.single_file import inspect_file
from zen_tui.exchange.source import (
    BUILTIN,
    PICKLES,
    SAFETENSORS_ONLY,
    WEIGHTS,
    base_folder,
    diffusers_source,
    source_of,
    weight_files,
)
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, Refused, WrongUse, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Base

__all__ = [
    "BUILTIN", "BUILTIN_NAME", "PICKLES", "WEIGHTS", "BaseFacts", "add_base", "base_folder", "check_base",
    "ensure_builtin", "facts_of", "inspect_base", "require_builtin", "source_of", "weight_files",
]  # fmt: skip

BUILTIN_NAME = "zen-mini"

Progress = Callable[[Path, int, int], None]
"""Told while a file is read: the file, bytes done and bytes of all files. What it raises ends the work."""


def inspect_base(
    path: Path, *, vae: Path | None = None, texts: Sequence[Path] = (), variant: str | None = None
) -> BaseFacts:
    """Say what lies at `path`, a diffusers folder or a checkpoint in one file, without loading it.

    Raises:
        BadFile: nothing there, not a base, damaged, or not whole; the sentence says what is missing.
        Refused: a pickle, or a model that Zen cannot run; the sentence names it.
        WrongUse: the variant must be named, or an option does not fit.
    """
    if not path.exists():
        raise BadFile(f"There is nothing at {path}.", "Check the path.")
    if path.is_dir():
        if vae or texts:
            raise WrongUse("--vae and --text belong to a checkpoint in one file; a folder holds its own.")
        return inspect_folder(path, variant)
    if path.suffix.lower() in PICKLES:
        raise Refused(f"{path.name} is a pickle.", f"{SAFETENSORS_ONLY} Get the same model as .safetensors.")
    if path.suffix.lower() == ".gguf":
        raise Refused(
            f"{path.name} is a GGUF file, which Zen does not read.", "Get the same model as .safetensors."
        )
    if path.suffix.lower() not in (".safetensors", ".sft"):
        raise BadFile(f"{path.name} is not a base.", "A base is a .safetensors file or a diffusers folder.")
    return inspect_file(path, vae=vae, texts=texts, variant=variant)


def facts_of(base: Base) -> BaseFacts:
    """What is known of `base`: as recorded, or read again where the record is from before that was kept.

    Raises:
        BadFile, Refused: as `inspect_base`.
    """
    try:
        return msgspec.convert(base.facts, BaseFacts)
    except msgspec.ValidationError:
        return inspect_base(base_folder(base), variant=_variant(base))


def _variant(base: Base) -> str | None:
    """The recorded variant of `base`, which may have been named by a person; None if it is none of its family."""
    return base.variant if base.family in PROFILES and base.variant in PROFILES[base.family].variants else None


def add_base(
    db: Database,
    home: Home,
    path: Path,
    name: str | None = None,
    *,
    vae: Path | None = None,
    texts: Sequence[Path] = (),
    variant: str | None = None,
    progress: Progress | None = None,
) -> Base:
    """Record the base at `path`; it stays where it is. Adding it twice gives the same base.

    Its weights are read through once, for their hashes and for numbers that are none; it is recorded after that.

    Raises:
        BadFile, Refused, WrongUse: as `inspect_base`.
    """
    place = path.expanduser().absolute()
    facts = inspect_base(place, vae=vae, texts=texts, variant=variant)
    facts.files = read_files(facts, place, known_files(db), progress)
    for known in models.bases(db):
        if known.path == str(place) and name in (None, known.slug):
            db.update("bases", known.id, family=facts.family, variant=facts.variant, facts=facts)
            return models.base(db, known.slug)
    called = name or (place.name if place.is_dir() else place.stem)
    return models.add_base(db, called, facts.family, facts.variant, str(place), msgspec.to_builtins(facts))


def read_files(
    facts: BaseFacts, place: Path, known: dict[str, FileFacts], progress: Progress | None = None
) -> dict[str, FileFacts]:
    """Read the weight files of a base through; those in `known` that have not changed since are believed."""
    if facts.layout == "diffusers":
        sources = diffusers_source(place, facts.family).parts.values()
        files = [file for part in sources for file in part.files]
    else:
        files = [Path(file) for part in facts.parts.values() for file in part.files]
    files = list(dict.fromkeys(files))
    whole, done = sum(file.stat().st_size for file in files), 0
    read: dict[str, FileFacts] = {}
    for file in files:
        now, before = file.stat(), known.get(str(file))
        if before is not None and (before.size, before.changed) == (now.st_size, now.st_mtime_ns):
            read[str(file)] = before
        else:
            told = partial(_tell, progress, file, done, whole) if progress else None
            read[str(file)] = read_through(file, told)
        done += now.st_size
    return read


def _tell(progress: Progress, file: Path, before: int, whole: int, count: int) -> None:
    progress(file, before + count, whole)


def known_files(db: Database) -> dict[str, FileFacts]:
    """Every weight file that was read through before; bases share text encoders."""
    found: dict[str, FileFacts] = {}
    for base in models.bases(db):
        found |= msgspec.convert(base.facts.get("files", {}), dict[str, FileFacts])
    return found


def check_base(db: Database, base: Base, progress: Progress | None = None) -> str:
    """Read `base` again, every byte, and return a sentence that says it is what it was.

    Raises:
        BadFile: a file is gone, damaged or another than it was; the sentence names it.
    """
    place = base_folder(base)
    source_of(base)
    before = msgspec.convert(base.facts.get("files", {}), dict[str, FileFacts])
    single = base.facts.get("layout") == "original"
    facts = facts_of(base) if single else inspect_base(place, variant=_variant(base))
    now = read_files(facts, place, {}, progress)
    for file, was in before.items():
        if file not in now:
            raise BadFile(
                f"{Path(file).name} of {base.slug} is gone: {file}.", "Put it back, or add the base again."
            )
        if now[file].sha256 != was.sha256:
            size = "" if now[file].size == was.size else f" It had {was.size:,} bytes and has {now[file].size:,}."
            raise BadFile(
                f"{Path(file).name} of {base.slug} is not the file it was: {file}.{size}",
                "Put the old file back, or add the base again to go on with this one.",
            )
    if not before:
        facts.files = now
        db.update("bases", base.id, facts=facts)
        return "whole; its hashes are kept from now on"
    return "whole"


def ensure_builtin(db: Database) -> None:
    """Record `zen-mini` if its weights are there; keep what is recorded of it up to date."""
    try:
        facts = inspect_base(WEIGHTS)
    except ZenError:
        return  # `require_builtin` says so where it matters
    row = db.row("SELECT id, facts FROM bases WHERE path = ?", BUILTIN + BUILTIN_NAME)
    if row is None:
        plain = msgspec.to_builtins(facts)
        models.add_base(db, BUILTIN_NAME, facts.family, facts.variant, BUILTIN + BUILTIN_NAME, plain)
        return
    recorded = msgspec.json.decode(row["facts"])
    plain = {**msgspec.to_builtins(facts), "files": recorded.get("files", {})}
    if recorded != plain:
        db.update("bases", int(row["id"]), facts=plain)


def require_builtin() -> None:
    """Raise `BadFile` unless the weights of `zen-mini` are here and whole."""
    try:
        inspect_base(WEIGHTS)
    except ZenError as error:
        raise BadFile(
            f"The weights of the built-in base {BUILTIN_NAME} are missing or damaged.",
            "Install Zen again, or clone it again.",
        ) from error
