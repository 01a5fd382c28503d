"""Adapters from other tools: looked at without torch, copied in, matched with a base."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec

from zen_tui.exchange import differences, embeddings, hypernetworks
from zen_tui.exchange.finite import not_finite
from zen_tui.exchange.fits import require_fit
from zen_tui.exchange.lora_families import context_of
from zen_tui.exchange.lora_layouts import METADATA, PEFT_CONFIG, Layout, is_lora, layout_of
from zen_tui.exchange.lora_match import few
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.safetensors_header import Header, read_header
from zen_tui.exchange.source import PICKLES
from zen_tui.library import models
from zen_tui.library.database import Database, free_slug
from zen_tui.library.durable import hash_file, replacing, require_space, write_file
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.paths import Home
from zen_tui.library.records import Adapter
from zen_tui.library.text import clean, slugify

__all__ = ["AdapterFacts", "import_adapter", "inspect_adapter", "require_fit"]

TRIGGER = "modelspec.trigger_phrase"  # github.com/Stability-AI/ModelSpec
SIZE_LIMIT = 4_000_000_000  # bytes; a LoRA is a few hundred million at most


class AdapterFacts(msgspec.Struct, kw_only=True):
    """What an adapter file is. `context` is the width of the text embedding it was made for, 0 if it has none.

    `modules` counts the layers it changes, `parts` the same by part; an embedding has vectors of `context`
    numbers instead, `rank` of them. `words` are those that a LoRA brings along.
    """

    format: str
    family: str
    rank: int
    modules: int
    keys: int
    context: int
    trigger: str
    hash: str
    kind: str = "lora"
    variant: str = ""
    parts: dict[str, int] = {}
    words: list[str] = []


def inspect_adapter(path: Path) -> AdapterFacts:
    """Say what the adapter at `path` is: a LoRA in any layout, an embedding, a hypernetwork, or a difference.

    Raises:
        BadFile: neither, or damaged.
        Refused: a pickle, made for a model that Zen does not know, or with keys that Zen does not understand,
            which are named.
    """
    path = weights_in(path)
    if path.suffix.lower() in PICKLES:
        raise Refused(
            f"{path.name} is a pickle.",
            "Zen loads safetensors only, because a pickle can run code when it is opened.",
        )
    header = read_header(path)
    whole = differences.recognise(header)
    if path.stat().st_size > SIZE_LIMIT and whole is None:
        raise BadFile(f"{path.name} is far larger than a LoRA.", "Check what it is.")
    if broken := not_finite(path, header):
        raise BadFile(f"{path.name} holds numbers that are not finite, in {few(broken)}.", "Do not use this file.")
    trigger = clean(header.metadata.get(TRIGGER, ""), 120)
    if whole is not None:
        return AdapterFacts(
            kind="difference", format="difference", family=whole.family, variant=whole.variant, rank=0,
            modules=len(header.tensors), keys=len(header.tensors), context=0, trigger=trigger,
            hash=hash_file(path),
        )  # fmt: skip
    if found := embeddings.recognise(header):
        return AdapterFacts(
            kind="embedding", format="embedding", family=found.family, rank=found.vectors, modules=0,
            keys=len(header.tensors), context=found.width, trigger=trigger or found.token, hash=hash_file(path),
        )  # fmt: skip
    if bend := hypernetworks.recognise(header):
        return AdapterFacts(
            kind="hypernetwork", format="hypernetwork", family=bend.family, variant=bend.variant, rank=0,
            modules=len(bend.places), keys=len(header.tensors), context=bend.context, trigger=trigger,
            hash=hash_file(path),
        )  # fmt: skip
    return _lora_facts(path, header, trigger)


def _lora_facts(path: Path, header: Header, trigger: str) -> AdapterFacts:
    if not is_lora(header.tensors):
        raise BadFile(f"{path.name} is not a LoRA.", "A base is added with `zen bases add`.")
    layout = layout_of(header, beside=path.parent / PEFT_CONFIG)
    if layout.family not in PROFILES:
        stems = [piece.stem for piece in layout.pieces]
        raise Refused(
            f"{path.name} is a LoRA for a model that Zen does not know: it changes {few(stems)}.",
            f"LoRAs that work are for {', '.join(profile.title for profile in PROFILES.values())}.",
        )
    if layout.unknown:
        raise Refused(
            f"{path.name} holds more than Zen understands, and part of it would be lost: {few(layout.unknown)}.",
            "Convert it to diffusers' or kohya's layout.",
        )
    told = [(piece.part, piece.layer, piece.shape) for piece in layout.pieces]
    words = [word.token for word in embeddings.bundled(header)]
    return AdapterFacts(
        format=layout.format,
        family=layout.family,
        variant=layout.variant,
        rank=max((piece.rank for piece in layout.pieces), default=0),
        modules=len(layout.pieces),
        keys=len(header.tensors),
        context=context_of(told),
        trigger=trigger or ", ".join(words),
        hash=hash_file(path),
        parts=_by_part(layout),
        words=words,
    )


def _by_part(layout: Layout) -> dict[str, int]:
    return {part: sum(piece.part == part for piece in layout.pieces) for part in layout.parts()}


def with_config(data: bytes, layout: Layout) -> bytes:
    """A safetensors file with PEFT's rank and alpha in its header, where diffusers keeps them."""
    plain = {f"{part}.{name}": value for part, values in layout.config.items() for name, value in values.items()}
    length = int.from_bytes(data[:8], "little")
    header = msgspec.json.decode(data[8 : 8 + length], type=dict[str, Any])
    own = {**header.get("__metadata__", {}), METADATA: msgspec.json.encode(plain).decode()}
    written = msgspec.json.encode({**header, "__metadata__": own})
    written += b" " * (-len(written) % 8)
    return len(written).to_bytes(8, "little") + written + data[8 + length :]


def wordless(adapter: Adapter) -> Adapter:
    """`adapter`; raises `Refused` when it is a LoRA with a word, where only layers are taken."""
    if words := adapter.facts.get("words"):
        raise Refused(
            f"{adapter.slug} brings along the word {words[0]}, which would be lost.",
            "Export it for diffusers: layers and word become two files, and each can be imported.",
        )
    return adapter


def weights_in(path: Path) -> Path:
    """`path`, or the file with the weights when it is a folder as PEFT or diffusers save one. Raises `BadFile`."""
    if not path.is_dir():
        return path
    for name in ("adapter_model.safetensors", "pytorch_lora_weights.safetensors", "learned_embeds.safetensors"):
        if (path / name).is_file():
            return path / name
    raise BadFile(f"There is no adapter in the folder {path}.", "Name the .safetensors file itself.")


def import_adapter(db: Database, home: Home, path: Path, name: str | None = None) -> Adapter:
    """Copy an adapter into the home and record it.

    Raises:
        BadFile, Refused: as `inspect_adapter`; nothing is kept.
        DiskFull: there is no room for the copy.
    """
    file = weights_in(path)
    facts = inspect_adapter(file)
    require_space(home.adapters, file.stat().st_size)
    own = path.stem if file == path else path.name
    slug = free_slug(db, "adapters", slugify(name or own) or "adapter")
    target = home.adapters / f"{slug}.safetensors"
    if facts.format == "peft":  # its rank and alpha lie in a file beside it, which stays behind
        told = layout_of(read_header(file), beside=file.parent / PEFT_CONFIG)
        write_file(target, with_config(file.read_bytes(), told))
    else:
        with replacing(target) as temporary:
            shutil.copyfile(file, temporary)
    return models.add_adapter(
        db,
        slug,
        facts.family,
        home.relative(target),
        kind=facts.kind,
        trigger=facts.trigger or (slug if facts.kind == "embedding" else ""),  # its word, as A1111 has it
        facts=msgspec.to_builtins(facts),
    )
