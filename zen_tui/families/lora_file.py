"""LoRA files: written in diffusers' layout, read in that and in kohya's, checked before they touch a model.

Loaders are known to accept a file and apply nothing of it. So every key is matched with a layer of the
right shape first, and the layers that changed are counted afterwards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from zen_tui.exchange.adapters import TRIGGER
from zen_tui.library.durable import replacing
from zen_tui.library.errors import BadFile
from zen_tui.library.text import clean

METADATA = "lora_adapter_metadata"  # where diffusers keeps rank and alpha

_FACTOR = re.compile(r"(.+)\.(lora_[AB])\.weight")


@dataclass(frozen=True)
class LoraFile:
    """An adapter as diffusers takes it: tensors by key, alphas by key (kohya), metadata (diffusers)."""

    path: Path
    tensors: dict[str, Tensor]
    alphas: dict[str, float] | None
    metadata: dict[str, Any] | None

    def touches(self, prefix: str) -> bool:
        """Whether it changes the model whose keys start with `prefix`."""
        return any(key.startswith(f"{prefix}.") for key in self.tensors)


def write(
    path: Path, prefix: str, weights: dict[str, Tensor], config: dict[str, Any], trigger: str, architecture: str
) -> None:
    """Write a PEFT state dict under `prefix`, durably; the header holds rank, alpha and the trigger, no more."""
    tensors = {f"{prefix}.{key}": tensor.detach().cpu().contiguous() for key, tensor in weights.items()}
    plain = {f"{prefix}.{key}": _plain(value) for key, value in config.items()}
    header = {
        "format": "pt",
        METADATA: msgspec.json.encode(plain, order="sorted").decode(),
        "modelspec.architecture": architecture,
        TRIGGER: trigger,
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=header)


def read(path: Path) -> LoraFile:
    """Read a LoRA in diffusers' or kohya's layout onto the CPU.

    Raises:
        BadFile: not safetensors, not a LoRA, or with numbers that are not finite.
    """
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a dict)
    except (OSError, SafetensorError) as error:
        raise BadFile(f"{path.name} cannot be read as safetensors: {error}.", "The file may be cut off.") from None
    broken = [key for key, tensor in tensors.items() if not torch.isfinite(tensor.float()).all()]
    if broken:
        raise BadFile(
            f"{path.name} holds numbers that are not finite, in {_few(broken)}.", "Do not use this file."
        )
    metadata = header.get(METADATA)
    alphas = None
    if not metadata or all(key.startswith("lora_") for key in tensors):
        tensors, alphas = _from_kohya(path, tensors)
        metadata = None
    return LoraFile(path, tensors, alphas, msgspec.json.decode(metadata) if metadata else None)


def check(lora: LoraFile, models: dict[str, nn.Module]) -> None:
    """Match every pair of factors with a layer of `models` (by prefix) and its size.

    Raises:
        BadFile: keys without a layer or without their other half, or made for layers of another size; some
            of them are named.
    """
    layers = {
        f"{prefix}.{_bare(name)}": module
        for prefix, model in models.items()
        for name, module in model.named_modules()
    }
    try:
        tensors = _as_peft(lora.tensors)
    except ValueError as error:
        raise _unknown(lora.path, error) from None
    strange: list[str] = []
    misfit: list[str] = []
    for key, tensor in tensors.items():
        found = _FACTOR.fullmatch(key)
        weight = getattr(layers.get(found[1]), "weight", None) if found else None
        other = f"{found[1]}.{'lora_B' if found[2] == 'lora_A' else 'lora_A'}.weight" if found else ""
        if found is None or not isinstance(weight, Tensor) or other not in tensors:
            strange.append(key)
        elif tensor.shape[1 if found[2] == "lora_A" else 0] != weight.shape[1 if found[2] == "lora_A" else 0]:
            misfit.append(key)
    if misfit:
        raise BadFile(
            f"{lora.path.name} was made for another base: {_few(misfit)} does not fit.",
            "Use it with the base it was trained on.",
        )
    if strange or not tensors:
        what = f"{_few(strange)} changes no layer of this base" if strange else "there is no LoRA in it"
        raise BadFile(f"{lora.path.name} cannot be used: {what}.", "It may belong to another kind of base.")


def apply(lora: LoraFile, prefix: str, module: Any, name: str) -> int:
    """Give `module` the layers of `lora` under `prefix` as adapter `name`; return how many layers changed.

    Raises:
        BadFile: the loader left some of the keys out.
    """
    from diffusers import StableDiffusionPipeline

    mine = [key for key in lora.tensors if key.startswith(f"{prefix}.")]
    if not mine:
        return 0
    load = {
        "unet": StableDiffusionPipeline.load_lora_into_unet,
        "text_encoder": StableDiffusionPipeline.load_lora_into_text_encoder,
    }[prefix]
    extra = {"prefix": prefix} if prefix == "text_encoder" else {}
    load(dict(lora.tensors), lora.alphas, module, adapter_name=name, metadata=lora.metadata, **extra)
    count = sum(name in getattr(layer, "lora_A", ()) for layer in module.modules())
    if 2 * count != len(mine):
        raise BadFile(
            f"{lora.path.name} was read only in part: {count} layers from {len(mine)} keys.",
            "It has a layout that Zen does not know.",
        )
    return count


def _from_kohya(path: Path, tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, float] | None]:
    from diffusers import StableDiffusionPipeline

    try:
        converted, alphas = StableDiffusionPipeline.lora_state_dict(dict(tensors))
    except (ValueError, KeyError, RuntimeError) as error:
        raise _unknown(path, error) from None
    return converted, alphas


def _unknown(path: Path, error: Exception) -> BadFile:
    reason = clean(str(error).splitlines()[0], 160)
    return BadFile(
        f"{path.name} is a LoRA in a layout that cannot be read: {reason}.", "Convert it to diffusers'."
    )


def _as_peft(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by `prefix.layer.lora_A.weight`, from any of the layouts that diffusers takes."""
    from diffusers.utils.state_dict_utils import (
        convert_state_dict_to_diffusers,
        convert_state_dict_to_peft,
        convert_unet_state_dict_to_peft,
    )

    found: dict[str, Tensor] = {}
    for prefix in ("unet", "text_encoder"):
        mine = {key.removeprefix(f"{prefix}."): t for key, t in tensors.items() if key.startswith(f"{prefix}.")}
        if mine and not any(".lora_A." in key for key in mine):
            if prefix == "unet":
                mine = convert_unet_state_dict_to_peft(mine)
            else:
                mine = convert_state_dict_to_peft(convert_state_dict_to_diffusers(mine))
        # transformers 5 dropped a level of names from CLIP; files keep it
        found |= {f"{prefix}.{key.removeprefix('text_model.')}": tensor for key, tensor in mine.items()}
    others = {key: t for key, t in tensors.items() if not key.startswith(("unet.", "text_encoder."))}
    return found | others


def _bare(name: str) -> str:
    """A layer's name without the wrapper that an attached adapter puts around it."""
    return name.replace(".base_layer", "").removeprefix("text_model.")


def _few(keys: list[str]) -> str:
    shown = ", ".join(clean(key, 80) for key in keys[:3])
    return f"{shown} and {len(keys) - 3} more" if len(keys) > 3 else shown


def _plain(value: Any) -> Any:
    if isinstance(value, set):
        return sorted(value)
    return value if isinstance(value, (str, int, float, bool, list, dict, type(None))) else str(value)
