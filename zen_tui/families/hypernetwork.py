"""Hypernetworks at work: small networks that bend what the keys and values of attention are made from.

`x + strength * network(x)` before `to_k` and before `to_v` (modules/hypernetworks of
AUTOMATIC1111/stable-diffusion-webui), and before their twins that read the text in a transformer. There is a
network for all layers of a width, as in 2022, or one for each layer. They hang on the outermost module of a layer,
so that a LoRA there sees the same bent input as the layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from zen_tui.exchange import hypernetworks
from zen_tui.exchange.adapters import TRIGGER
from zen_tui.exchange.hypernetworks import KEY, SETTINGS, bent, shared, sizes
from zen_tui.exchange.profiles import PROFILES
from zen_tui.library.durable import replacing
from zen_tui.library.errors import BadFile


@dataclass(frozen=True)
class Hypernetwork:
    """The networks, in fp32, by what they bend: '768.k', or the name of a layer."""

    path: Path
    facts: hypernetworks.Hypernetwork
    networks: Mapping[str, nn.Sequential]

    @classmethod
    def read(cls, path: Path, found: hypernetworks.Hypernetwork) -> Hypernetwork:
        """The hypernetwork at `path`. Raises `BadFile` when its layers do not follow on each other."""
        layers: dict[str, dict[int, dict[str, Tensor]]] = {}
        for key, tensor in load_file(path).items():
            if match := KEY.fullmatch(key):
                of_network = layers.setdefault(match["place"], {})
                of_network.setdefault(int(match["number"]), {})[match["role"]] = tensor.float()
        networks = {}
        for place, own in layers.items():
            network = _network([own[number] for number in sorted(own)], found)
            if network is None or not _fits(network, found.places[place]):
                raise BadFile(f"{path.name} is no whole hypernetwork: {place} is broken.", "Get it again.")
            networks[place] = network.requires_grad_(False).eval()
        return cls(path, found, networks)

    def tensors(self) -> dict[str, Tensor]:
        """What the networks are made of, by the keys that files use."""
        return {
            f"{place}.linear.{name}": tensor
            for place, network in self.networks.items()
            for name, tensor in network.state_dict().items()
        }

    def touches(self, prefix: str) -> bool:
        return prefix == PROFILES[self.facts.family].denoiser

    def check(self, models: dict[str, nn.Module]) -> int:
        """How many layers it bends. Raises `BadFile` unless every network finds some of its width."""
        layers = [found for model in models.values() for found in _layers(model)]
        inputs = {name: width for name, _, width in layers}
        there = {**hypernetworks.places_in(inputs, "width"), **inputs}
        if strange := [place for place, width in self.facts.places.items() if there.get(place) != width]:
            raise BadFile(
                f"{self.path.name} was made for another base: it bends "
                f"{hypernetworks.in_words(self.facts, strange)}, which no attention of this one takes.",
                "Use it with the base it was trained on.",
            )
        return sum(self.network_of(name, width) is not None for name, _, width in layers)

    def network_of(self, layer: str, width: int) -> nn.Sequential | None:
        """What bends the input of `layer`, `width` numbers wide; None where nothing does."""
        found = self.networks.get(layer)
        return self.networks.get(shared(width, bent(layer))) if found is None else found

    def hang(self, prefix: str, model: nn.Module, name: str) -> None:
        """Nothing: it acts through `bend`."""


def fresh(
    facts: hypernetworks.Hypernetwork, structure: tuple[float, ...], dropout: float, device: torch.device
) -> Hypernetwork:
    """New networks at the places of `facts`. The last matrix of each is zero, so that they change nothing yet."""
    networks = {}
    for place, width in facts.places.items():
        made: list[nn.Module] = []
        *widths, between, end = sizes(width, structure)
        for inputs, outputs in pairwise([*widths, between]):
            made.append(nn.Linear(inputs, outputs))
            made += [getattr(nn, facts.activation)()] if facts.activation else []
            made += [nn.Dropout(dropout)] if dropout else []
        last = nn.Linear(between, end)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        networks[place] = nn.Sequential(*made, last).to(device)
    return Hypernetwork(Path(), facts, networks)


def write(path: Path, network: Hypernetwork, settings: Mapping[str, Any], trigger: str, licence: str = "") -> None:
    """Write a hypernetwork durably, in fp32; `settings` by A1111's names, trigger and licence in the header."""
    facts = network.facts
    told = {"family": facts.family, "variant": facts.variant, **settings}
    header = {
        "format": "pt",
        "modelspec.architecture": PROFILES[facts.family].modelspec.replace("/lora", "/hypernetwork"),
        TRIGGER: trigger,
        SETTINGS: msgspec.json.encode(told, order="sorted").decode(),
        **({"modelspec.license": licence} if licence else {}),
    }
    tensors = {key: tensor.float().cpu().contiguous() for key, tensor in network.tensors().items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=header)


def bend(model: nn.Module, use: Sequence[tuple[Hypernetwork, float]]) -> list[RemovableHandle]:
    """Let the hypernetworks act on `model`, one after another, until the handles are removed."""
    return [
        layer.register_forward_pre_hook(partial(_bent, network, strength))
        for hypernetwork, strength in use
        for name, layer, width in _layers(model)
        if (network := hypernetwork.network_of(name, width)) is not None
    ]


def _bent(network: nn.Sequential, strength: float, layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    x: Tensor = inputs[0]
    added = network.to(x.device)(x if torch.is_autocast_enabled(x.device.type) else x.float())
    return (x + strength * added).to(x.dtype), *inputs[1:]


def _layers(model: nn.Module) -> Iterator[tuple[str, nn.Module, int]]:
    """(name, layer, width of its input) of every projection to keys and values alone."""
    for name, module in model.named_modules():
        if bent(name):
            layer: Any = getattr(module, "base_layer", module)
            yield (
                name.removeprefix("module."),
                module,
                int(layer.in_features),
            )  # in several processes it is wrapped


def _network(layers: list[dict[str, Tensor]], found: hypernetworks.Hypernetwork) -> nn.Sequential | None:
    """Matrices with an activation after each but (usually) the last, and layer norms; None if a layer is cut."""
    if any(layer.keys() != {"weight", "bias"} for layer in layers):
        return None
    made: list[nn.Module] = []
    matrices = sum(layer["weight"].dim() == 2 for layer in layers)
    for layer in layers:
        weight, bias = nn.Parameter(layer["weight"]), nn.Parameter(layer["bias"])
        module: Any = nn.Linear(1, 1) if weight.dim() == 2 else nn.LayerNorm(weight.shape)
        module.weight, module.bias = weight, bias
        made.append(module)
        if weight.dim() == 2:
            matrices -= 1
            module.out_features, module.in_features = weight.shape
            if found.activation and (matrices or found.activates_output):
                made.append(getattr(nn, found.activation)())
    return nn.Sequential(*made)


def _fits(network: nn.Sequential, width: int) -> bool:
    """Whether the sizes of the layers follow on each other, from `width` to `width`."""
    sizes: list[int] = [width]
    for module in network:
        weight = getattr(module, "weight", None)
        if weight is None:
            continue
        if weight.shape[-1] != sizes[-1] or module.bias.shape != weight.shape[:1]:
            return False
        sizes.append(weight.shape[0])
    return len(sizes) > 1 and sizes[-1] == width
