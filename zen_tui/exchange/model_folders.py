"""A whole folder of models, as ComfyUI, A1111 and InvokeAI keep them: looked through and added, never changed.

Nothing depends on what the folders are called: every file is told by its tensors. What belongs to another model
(VAEs, text encoders) is found from that model, by `single_file.pieces_beside`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from zen_tui.exchange.bases import Progress, add_base, inspect_base
from zen_tui.exchange.detect import is_lora
from zen_tui.exchange.facts import BaseFacts
from zen_tui.exchange.pieces import find_pieces, read_pieces
from zen_tui.exchange.safetensors_header import Header, read_header
from zen_tui.exchange.shards import is_later_shard
from zen_tui.exchange.single_file import no_base
from zen_tui.exchange.source import PICKLES
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, WrongUse, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Base

Kind = Literal["base", "part", "adapter", "unusable"]
SINGLE = (".safetensors", ".sft")


class Found(msgspec.Struct, frozen=True):
    """One model of a folder. `facts` is there for a base that can be added; `text` says what else it is."""

    path: Path
    kind: Kind
    text: str
    facts: BaseFacts | None = None


def holds_many(path: Path) -> bool:
    """Whether `path` is a folder to look through, and not itself a base in diffusers' layout."""
    return path.is_dir() and not (path / "model_index.json").is_file() and any(path.iterdir())


def add_found(
    db: Database, home: Home, found: Iterable[Found], progress: Progress | None = None
) -> Iterator[Base | tuple[Path, ZenError]]:
    """Add the bases among `found`, giving each as it is added; one that cannot be is given with the reason."""
    for one in found:
        if one.facts is not None:
            try:
                yield add_base(db, home, one.path, progress=progress)
            except ZenError as error:  # a batch goes on past one bad file
                yield one.path, error


def scan(folder: Path) -> Iterator[Found]:
    """Everything under `folder` that is a model or looks like one, in the order of the paths.

    Raises:
        BadFile: `folder` is no folder, or there is no model in it.
    """
    if not folder.is_dir():
        raise BadFile(f"{folder} is not a folder.", "Check the path.")
    empty = True
    for path in _models(folder):
        empty = False
        yield _look(path)
    if empty:
        raise BadFile(
            f"There is no model in {folder}.",
            "Zen reads .safetensors files and diffusers folders; check the path.",
        )


def _models(folder: Path) -> Iterator[Path]:
    """Diffusers folders, which are not entered, and files that models are kept in."""
    seen: set[tuple[int, int]] = set()  # a link may lead back up
    for root, folders, files in os.walk(folder, followlinks=True):
        here = Path(root)
        now = here.stat()
        if (now.st_dev, now.st_ino) in seen:
            folders.clear()
            continue
        seen.add((now.st_dev, now.st_ino))
        if "model_index.json" in files:
            folders.clear()
            yield here
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            suffix = Path(name).suffix.lower()
            if (suffix in SINGLE or suffix in (".ckpt", ".gguf")) and not is_later_shard(here / name):
                yield here / name


def _look(path: Path) -> Found:
    try:
        if path.suffix.lower() in SINGLE and path.is_file():
            header = read_header(path)
            other = _other(path, header)
            if other is not None:
                return other
        facts = inspect_base(path)
    except WrongUse as error:  # the variant must be named, which is done when the file is added by itself
        return Found(path, "unusable", str(error))
    except ZenError as error:
        return Found(path, "unusable", str(error) if path.suffix.lower() not in PICKLES else error.message)
    return Found(path, "base", facts.title, facts)


def _other(path: Path, header: Header) -> Found | None:
    """A LoRA, or a VAE or text encoder without a denoiser."""
    if is_lora(header.tensors):
        return Found(path, "adapter", "a LoRA")
    pieces = find_pieces(path, header)
    if any(piece.role == "denoiser" for piece in pieces):
        return None
    useful = next((piece for piece in read_pieces(path) if piece.role), None)
    if useful is not None:
        return Found(path, "part", useful.title)
    return Found(path, "unusable", no_base(path, header, pieces).message)
