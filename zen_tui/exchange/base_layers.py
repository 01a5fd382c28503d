"""The weight matrices of a base by the names of the library's own models, whatever layout its files have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from zen_tui.exchange.lora_names import Rows, targets
from zen_tui.exchange.safetensors_header import TensorInfo, read_header
from zen_tui.exchange.source import Part, Source
from zen_tui.library.errors import BadFile

Layers = dict[str, dict[str, tuple[int, int]]]  # by part and name: (outputs, inputs with the kernel)


class Where(msgspec.Struct, frozen=True):
    """Where a layer's weight lies: file, key, the rows that are its own (None: all), and its size."""

    file: Path
    key: str
    rows: Rows | None
    size: tuple[int, int]


def tensors_of(part: Part) -> dict[str, TensorInfo]:
    """What the headers of a part's files tell of its tensors, by key without the prefix. Raises `BadFile`."""
    return {
        key.removeprefix(part.prefix): tensor
        for file in part.files
        for key, tensor in read_header(file).tensors.items()
        if key.startswith(part.prefix)
    }


def layers_of(source: Source, family: str, parts: Sequence[str]) -> Layers:
    """The sizes of all weight matrices of these parts of a base."""
    found = places_of(source, family, parts)
    return {part: {layer: where.size for layer, where in places.items()} for part, places in found.items()}


def places_of(source: Source, family: str, parts: Sequence[str]) -> dict[str, dict[str, Where]]:
    """Every weight matrix of these parts of a base, by part and layer.

    Raises:
        BadFile: a file of the base is gone or damaged.
    """
    depth = blocks_per_level(source)
    return {part: _places(source.parts[part], family, part, depth) for part in parts if part in source.parts}


def _places(part: Part, family: str, name: str, depth: int) -> dict[str, Where]:
    found: dict[str, Where] = {}
    for file in part.files:
        for key, tensor in read_header(file).tensors.items():
            if not key.startswith(part.prefix) or len(tensor.shape) < 2:
                continue
            stem = key.removeprefix(part.prefix)
            stem = stem.removesuffix(".weight") if stem.endswith(".weight") else stem.removesuffix("_weight")
            size = (tensor.shape[0], math.prod(tensor.shape[1:]))
            meant = (
                [(stem, None)] if part.layout == "diffusers" else targets(family, name, stem, size, depth=depth)
            )
            for layer, rows in meant:
                outputs = size[0] if rows is None else sum(last - first for first, last in rows)
                found[layer.removeprefix("text_model.")] = Where(file, key, rows, (outputs, size[1]))
    return found


def blocks_per_level(source: Source) -> int:
    """How many residual blocks a level of a UNet has, by which its original names are counted; 2 without one."""
    part = source.parts.get("unet")
    if part is None:
        return 2
    try:
        config = msgspec.json.decode((part.config / "config.json").read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise BadFile(f"The settings of the unet of {source.root.name} are gone.", "Get the base again.") from None
    count = config.get("layers_per_block", 2)
    return count if isinstance(count, int) else 2
