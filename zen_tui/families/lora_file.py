"""LoRA files: written in diffusers' layout, read in any, checked before they touch a model.

Loaders are known to accept a file and apply nothing of it. So every key is matched with a layer of the
right shape first, and the layers that changed are counted afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from zen_tui.exchange.adapters import TRIGGER
from zen_tui.exchange.lora_layouts import METADATA, Layout, read_layout
from zen_tui.exchange.lora_match import few
from zen_tui.families.changes import Blocks, Change, Mix, Same, Whole
from zen_tui.families.lora_pieces import change_of
from zen_tui.library.durable import replacing
from zen_tui.library.errors import BadFile
from zen_tui.library.text import clean

Learned = tuple[dict[str, Tensor], dict[str, Any]]
"""PEFT's state and its configuration."""


@dataclass(frozen=True)
class LoraFile:
    """An adapter in memory: the changes it makes to the layers of the library's own models."""

    path: Path
    layout: Layout
    changes: tuple[Change, ...]

    def touches(self, prefix: str) -> bool:
        """Whether it changes the model in the sub-folder `prefix` of a base."""
        return any(change.part == prefix for change in self.changes)

    def of(self, prefix: str) -> list[Change]:
        return [change for change in self.changes if change.part == prefix]


def write(
    path: Path,
    parts: Mapping[str, Learned],
    trigger: str,
    architecture: str,
    licence: str = "",
    beside: Mapping[str, Tensor] | None = None,
) -> None:
    """Write what PEFT learned in the `parts` of a base, durably, and `beside` it by keys of its own; trigger and
    licence in the header.

    A LoRA has diffusers' keys, with rank and alpha in the header; a LoKr those of LyCORIS, with alpha as a key.
    """
    header = {"format": "pt", "modelspec.architecture": architecture, TRIGGER: trigger}
    tensors: dict[str, Tensor] = dict(beside or {})
    plain: dict[str, Any] = {}
    for part, (weights, config) in parts.items():
        held = {_named(part, key): tensor.detach().cpu().contiguous() for key, tensor in weights.items()}
        if "lora_alpha" in config:
            tensors |= {f"{part}.{key}": tensor for key, tensor in held.items()}
            plain |= {f"{part}.{key}": _plain(value) for key, value in config.items()}
        else:
            tensors |= _lycoris(_flat_start(part, parts), held, config["alpha"], config["r"])
    if plain:
        header[METADATA] = msgspec.json.encode(plain, order="sorted").decode()
    if licence:
        header["modelspec.license"] = licence
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=header)


def _named(part: str, key: str) -> str:
    """CLIP's layers lie one level deeper in files than in transformers 5, whose second model has it still."""
    deeper = part.startswith("text_encoder") and not key.startswith("text_model.")
    return f"text_model.{key}" if deeper else key


def _flat_start(part: str, parts: Mapping[str, Learned]) -> str:
    """How LyCORIS' keys begin for a part: kohya's names, of which a lone text encoder has one of its own."""
    if part == "unet":
        return "lora_unet_"
    if part == "text_encoder":
        return "lora_te1_" if "text_encoder_2" in parts else "lora_te_"
    return "lora_te2_" if part == "text_encoder_2" else "lycoris_"


def _lycoris(start: str, weights: dict[str, Tensor], alpha: float, rank: int) -> dict[str, Tensor]:
    """The keys of LyCORIS. It knows no alpha where both factors are whole, so there the second one takes it."""
    found: dict[str, Tensor] = {}
    for key, tensor in weights.items():
        layer, _, role = key.rpartition(".")
        stem = start + layer.replace(".", "_")
        found[f"{stem}.{role}"] = tensor * (alpha / rank) if role == "lokr_w2" else tensor
        found[f"{stem}.alpha"] = torch.tensor(float(alpha))
    return found


def read(path: Path, *, depth: int = 2) -> LoraFile:
    """Read a LoRA in any layout onto the CPU; `depth` as in `lora_names.targets`.

    Raises:
        BadFile: not safetensors, not a LoRA, with keys that are not understood, or with numbers that are not
            finite.
    """
    try:
        with safe_open(path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (not a dict)
    except (OSError, SafetensorError) as error:
        reason = clean(str(error), 160)
        raise BadFile(
            f"{path.name} cannot be read as safetensors: {reason}.", "The file may be cut off."
        ) from None
    layout = read_layout(path, depth=depth)
    broken = [key for key, tensor in tensors.items() if not torch.isfinite(tensor.float()).all()]
    if broken:
        raise BadFile(f"{path.name} holds numbers that are not finite, in {few(broken)}.", "Do not use this file.")
    if not layout.pieces:
        raise BadFile(f"{path.name} cannot be used: there is no LoRA in it.", "It may be another kind of file.")
    if layout.unknown:
        raise BadFile(
            f"{path.name} is a LoRA in a layout that cannot be read: {few(list(layout.unknown))}.",
            "Convert it to diffusers'.",
        )
    changes = tuple(change_of(piece, tensors, layout.config.get(piece.part, {})) for piece in layout.pieces)
    return LoraFile(path, layout, changes)


def check(lora: LoraFile, models: dict[str, nn.Module]) -> None:
    """Match every change with a layer of `models` (by sub-folder) and its size.

    Raises:
        BadFile: changes without a layer, or made for layers of another size; some of them are named.
    """
    layers = {part: layers_in(model) for part, model in models.items()}
    strange: list[str] = []
    misfit: list[str] = []
    for piece in lora.layout.pieces:
        found = layers.get(piece.part, {}).get(piece.layer)
        if found is None:
            strange.append(piece.stem)
        elif _size(found[1]) != (piece.outputs, piece.shape[1]):
            misfit.append(piece.stem)
    if misfit:
        raise BadFile(
            f"{lora.path.name} was made for another base: {few(misfit)} does not fit.",
            "Use it with the base it was trained on.",
        )
    if strange:
        raise BadFile(
            f"{lora.path.name} cannot be used: {few(strange)} changes no layer of this base.",
            "It may belong to another kind of base.",
        )


def apply(lora: LoraFile, prefix: str, module: Any, name: str) -> int:
    """Give `module` the layers of `lora` under `prefix` as adapter `name`; return how many layers changed.

    Raises:
        BadFile: some of the changes found no layer.
    """
    from peft import LoraConfig

    changes = lora.of(prefix)
    if not changes:
        return 0
    dora = {change.magnitude is not None for change in changes}
    layers = layers_in(module)
    missing = [change.layer for change in changes if change.layer not in layers]
    if missing or len(dora) > 1:
        why = f"{few(missing)} changes no layer" if missing else "only some of its layers are DoRA"
        raise BadFile(f"{lora.path.name} cannot be used: {why}.", "It may belong to another kind of base.")
    ranks = {layers[change.layer][0]: max(change.rank, 1) for change in changes}
    usual = max(set(ranks.values()), key=list(ranks.values()).count)
    config = LoraConfig(
        r=usual,
        lora_alpha=usual,
        target_modules=_any_of(list(ranks)),
        rank_pattern=_by_value(ranks, usual),
        use_dora=True in dora,
        inference_mode=True,
    )
    module.add_adapter(config, name)
    for change in changes:
        own, base = layers[change.layer]
        _hang(change, base, module.get_submodule(own), name)
    count = sum(name in getattr(layer, "lora_A", ()) for layer in module.modules())
    if count != len(changes):
        raise BadFile(
            f"{lora.path.name} was read only in part: {count} layers from {len(changes)} changes.",
            "It holds a layer twice, or belongs to another kind of base.",
        )
    return count


def _hang(change: Change, base: Any, wrapped: Any, name: str) -> None:
    """Put the tensors of `change`, in fp32, into the place that PEFT made for adapter `name` at a layer."""
    kernel = tuple(base.kernel_size) if isinstance(base, nn.Conv2d) else ()

    def placed(tensor: Tensor, *shape: int) -> nn.Parameter:
        on_device = tensor.to(base.weight.device, torch.float32)
        return nn.Parameter(on_device.reshape(*shape, *kernel).contiguous(), requires_grad=False)

    outputs = change.up.shape[0]
    if change.down is not None:
        ones = (1,) * len(kernel)
        wrapped.lora_A[name].weight = placed(change.down, change.rank, -1)
        wrapped.lora_B[name].weight = nn.Parameter(
            change.up.to(base.weight.device, torch.float32).reshape(outputs, change.rank, *ones).contiguous(),
            requires_grad=False,
        )
    elif change.mix is not None:
        wrapped.lora_A[name] = Blocks(placed(change.up, outputs, -1), base)
        wrapped.lora_B[name] = Mix(change.mix.to(base.weight.device, torch.float32), base)
    else:
        wrapped.lora_A[name] = Same(base)
        wrapped.lora_B[name] = Whole(placed(change.up, outputs, -1), base)
    wrapped.lora_alpha[name] = change.scale * wrapped.r[name]
    wrapped.set_scale(name, 1.0)
    if change.magnitude is not None:
        vector = wrapped.lora_magnitude_vector[name]
        vector.weight = nn.Parameter(
            change.magnitude.to(vector.weight).reshape(vector.weight.shape), requires_grad=False
        )


def layers_in(model: nn.Module) -> dict[str, tuple[str, Any]]:
    """Layers with a weight matrix by the name that files use: their name in `model`, and the layer itself.

    An attached adapter puts a wrapper around a layer; transformers 5 dropped a level of names from CLIP.
    """
    found = {}
    for name, module in model.named_modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)) and ".lora_" not in name:
            own = name.removesuffix(".base_layer")
            found[own.removeprefix("text_model.")] = own, module
    return found


def _size(layer: Any) -> tuple[int, int]:
    """(outputs, inputs with the kernel), also of a quantised layer, whose weight has a shape of its own."""
    if isinstance(layer, nn.Conv2d):
        area = layer.kernel_size[0] * layer.kernel_size[1]
        return layer.out_channels, layer.in_channels // layer.groups * area
    return layer.out_features, layer.in_features


def _by_value(values: dict[str, int], usual: int) -> dict[str, int]:
    """PEFT's patterns: one regex for all layers that share a value; one a layer would take minutes to match."""
    unusual = sorted({value for value in values.values() if value != usual})
    return {_any_of([name for name, own in values.items() if own == value]): value for value in unusual}


def _any_of(names: Sequence[str]) -> str:
    return "(" + "|".join(re.escape(name) for name in names) + ")"


def _plain(value: Any) -> Any:
    if isinstance(value, set):
        return sorted(value)
    return value if isinstance(value, (str, int, float, bool, list, dict, type(None))) else str(value)
