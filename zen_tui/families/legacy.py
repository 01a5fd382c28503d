"""Pickles of 2022 that hold nothing but numbers, turned into safetensors: hypernetworks and embeddings of A1111.

Read with `weights_only=True`, which makes tensors and plain containers and runs no code, and only in a process
that is locked offline.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import save_file
from torch import Tensor

from zen_tui.exchange.adapters import SIZE_LIMIT, TRIGGER
from zen_tui.exchange.hypernetworks import SETTINGS
from zen_tui.library.durable import replacing
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.text import clean

_TOLD = (
    "layer_structure",
    "activation_func",
    "is_layer_norm",
    "activate_output",
    "last_layer_dropout",
    "use_dropout",
)


def convert(path: Path, target: Path) -> None:
    """Write what lies in the pickle at `path` to `target` as safetensors, durably.

    Raises:
        BadFile: it cannot be read, or its numbers are not finite.
        Refused: it is more than numbers, or neither a hypernetwork nor an embedding.
    """
    tensors, header = _read(path)
    broken = [key for key, tensor in tensors.items() if not torch.isfinite(tensor.float()).all()]
    if broken:
        raise BadFile(
            f"{path.name} holds numbers that are not finite, in {clean(broken[0], 80)}.", "Do not use it."
        )
    with replacing(target) as temporary:
        save_file(
            {key: tensor.contiguous().clone() for key, tensor in tensors.items()}, temporary, metadata=header
        )


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    if path.stat().st_size > SIZE_LIMIT:
        raise BadFile(f"{path.name} is far larger than an adapter.", "Check what it is.")
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises anything
        if type(error).__name__ != "UnpicklingError":
            raise BadFile(f"{path.name} cannot be read.", "The file may be cut off.") from None
        raise Refused(
            f"{path.name} holds more than numbers, and a pickle that does can run code when it is opened.",
            "Get the same thing as safetensors.",
        ) from None
    if isinstance(found, dict):
        if any(isinstance(key, int) for key in found):
            return _hypernetwork(path, found)
        if isinstance(found.get("string_to_param"), dict):
            return _embedding(path, found)
    raise Refused(f"{path.name} is neither a hypernetwork nor an embedding.", "Zen loads safetensors only.")


def _hypernetwork(path: Path, found: dict[Any, Any]) -> tuple[dict[str, Tensor], dict[str, str]]:
    tensors: dict[str, Tensor] = {}
    for width, pair in found.items():
        if not isinstance(width, int):
            continue
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise BadFile(f"{path.name} is no whole hypernetwork.", "Get it again.")
        for name, state in zip("kv", pair, strict=True):
            tensors |= {f"{width}.{name}.{_modern(key)}": tensor for key, tensor in dict(state).items()}
    if not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise BadFile(f"{path.name} is no whole hypernetwork.", "Get it again.")
    settings = {key: found[key] for key in _TOLD if key in found}
    return tensors, {"format": "pt", SETTINGS: msgspec.json.encode(settings).decode()}


def _modern(key: str) -> str:
    """The first files called the two layers `linear1` and `linear2`."""
    return str(key).replace("linear1.", "linear.0.").replace("linear2.", "linear.1.")


def _embedding(path: Path, found: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, str]]:
    vectors = next(iter(found["string_to_param"].values()), None)
    if not isinstance(vectors, Tensor) or vectors.dim() != 2:
        raise BadFile(f"{path.name} is no whole embedding.", "Get it again.")
    name = found.get("name")
    word = clean(name, 60) if isinstance(name, str) else path.stem
    return {"emb_params": vectors.detach()}, {"format": "pt", TRIGGER: word}
