"""Adapters from other tools: looked at without torch, copied in, matched with a base."""

from __future__ import annotations

from pathlib import Path

import msgspec

from zen_tui.exchange.bases import PICKLES, base_folder, weight_files
from zen_tui.exchange.detect import is_lora, lora_family
from zen_tui.exchange.safetensors_header import TensorInfo, read_header
from zen_tui.library import models
from zen_tui.library.database import Database, free_slug
from zen_tui.library.durable import hash_file, require_space, write_file
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.paths import Home
from zen_tui.library.records import Adapter, Base
from zen_tui.library.text import clean, slugify

TRIGGER = "modelspec.trigger_phrase"  # github.com/Stability-AI/ModelSpec
SIZE_LIMIT = 4_000_000_000  # bytes; a LoRA is a few hundred million at most
_DOWN = (".lora_A.weight", ".lora_down.weight", ".lora.down.weight", ".lora_linear_layer.down.weight")


class AdapterFacts(msgspec.Struct, kw_only=True):
    """What an adapter file is. `context` is the width of the text embedding it was made for, 0 if it has none."""

    format: str
    family: str
    rank: int
    modules: int
    keys: int
    context: int
    trigger: str
    hash: str


def inspect_adapter(path: Path) -> AdapterFacts:
    """Say what the adapter at `path` is.

    Raises:
        BadFile: not a LoRA, or damaged.
        Refused: a pickle, or made for a model that Zen cannot run yet; the sentence names it.
    """
    if path.suffix.lower() in PICKLES:
        raise Refused(
            f"{path.name} is a pickle.",
            "Zen loads safetensors only, because a pickle can run code when it is opened.",
        )
    header = read_header(path)
    if not is_lora(header.tensors):
        raise BadFile(f"{path.name} is not a LoRA.", "A base is added with `zen bases add`.")
    if path.stat().st_size > SIZE_LIMIT:
        raise BadFile(f"{path.name} is far larger than a LoRA.", "Check what it is.")
    family, context = lora_family(header.tensors)
    if family != "sd15":
        raise Refused(
            f"{path.name} is a LoRA for {family}, which is not supported yet.",
            "LoRAs that work now are for Stable Diffusion 1.",
        )
    down = [tensor for key, tensor in header.tensors.items() if key.endswith(_DOWN)]
    return AdapterFacts(
        format="kohya" if any(key.startswith("lora_") for key in header.tensors) else "diffusers",
        family=family,
        rank=max((tensor.shape[0] for tensor in down), default=0),
        modules=len(down),
        keys=len(header.tensors),
        context=context,
        trigger=clean(header.metadata.get(TRIGGER, ""), 120),
        hash=hash_file(path),
    )


def import_adapter(db: Database, home: Home, path: Path, name: str | None = None) -> Adapter:
    """Copy a LoRA into the home and record it.

    Raises:
        BadFile, Refused: as `inspect_adapter`; nothing is kept.
        DiskFull: there is no room for the copy.
    """
    facts = inspect_adapter(path)
    require_space(home.adapters, path.stat().st_size)
    slug = free_slug(db, "adapters", slugify(name or path.stem) or "adapter")
    target = home.adapters / f"{slug}.safetensors"
    write_file(target, path.read_bytes())
    return models.add_adapter(
        db,
        slug,
        facts.family,
        home.relative(target),
        kind="lora",
        trigger=facts.trigger,
        facts=msgspec.to_builtins(facts),
    )


def require_fit(adapter: Path, base: Base) -> None:
    """Raise `Refused` unless every layer that the LoRA at `adapter` changes exists in `base` in that size."""
    lora = read_header(adapter)
    layers = _layers(base_folder(base))
    for key, tensor in lora.tensors.items():
        if not key.endswith(_DOWN):
            continue
        layer = layers.get(_plain(key))
        if layer is None or len(layer.shape) < 2 or layer.shape[1] != tensor.shape[1]:
            raise Refused(
                f"{adapter.stem} was made for another base than {base.slug}: {clean(key, 100)} does not fit.",
                "Use it with the base it was trained on.",
            )


def _layers(folder: Path) -> dict[str, TensorInfo]:
    """The weights of a base's UNet and text encoder, by name without punctuation."""
    found: dict[str, TensorInfo] = {}
    for part in ("unet", "text_encoder"):
        for file in weight_files(folder / part):
            for key, tensor in read_header(file).tensors.items():
                if key.endswith(".weight"):
                    name = key.removesuffix(".weight").removeprefix("text_model.")
                    found[f"{part}_{name.replace('.', '_')}"] = tensor
    return found


def _plain(key: str) -> str:
    """A LoRA key as the name of its layer in `_layers`, whichever tool wrote it."""
    name = next(key.removesuffix(end) for end in _DOWN if key.endswith(end))
    name = name.removeprefix("lora_").replace(".processor.", ".").replace(".", "_")
    name = name.removesuffix("_lora") if name.endswith("_lora") else name
    if name.endswith("to_out"):
        name += "_0"
    name = name.replace("te_text_model_", "te_").replace("text_encoder_text_model_", "text_encoder_")
    return f"text_encoder_{name.removeprefix('te_')}" if name.startswith("te_") else name
