"""A1111's hypernetworks: small networks that bend what the keys and values of attention are made from.

There is a pair for each width of input, shared by all layers of that width: `x + strength * network(x)` before
`to_k` and before `to_v` (modules/hypernetworks of AUTOMATIC1111/stable-diffusion-webui). They hang on the
outermost module of a layer, so that a LoRA there sees the same bent input as the layer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from zen_tui.exchange import hypernetworks
from zen_tui.library.errors import BadFile

_KEY = re.compile(r"(\d+)\.([kv])\.linear\.(\d+)\.(weight|bias)")


@dataclass(frozen=True)
class Hypernetwork:
    """The networks, in fp32, by width and 'k' or 'v'."""

    path: Path
    networks: dict[tuple[int, str], nn.Sequential]

    @classmethod
    def read(cls, path: Path, found: hypernetworks.Hypernetwork) -> Hypernetwork:
        """The hypernetwork at `path`. Raises `BadFile` when its layers do not follow on each other."""
        layers: dict[tuple[int, str], dict[int, dict[str, Tensor]]] = {}
        for key, tensor in load_file(path).items():
            if match := _KEY.fullmatch(key):
                of_network = layers.setdefault((int(match[1]), match[2]), {})
                of_network.setdefault(int(match[3]), {})[match[4]] = tensor.float()
        networks = {}
        for (width, kind), own in layers.items():
            network = _network([own[place] for place in sorted(own)], found)
            if network is None or not _fits(network, width):
                raise BadFile(f"{path.name} is no whole hypernetwork: {width}.{kind} is broken.", "Get it again.")
            networks[width, kind] = network.requires_grad_(False).eval()
        return cls(path, networks)

    def touches(self, prefix: str) -> bool:
        return prefix == "unet"

    def check(self, models: dict[str, nn.Module]) -> int:
        """How many layers it bends. Raises `BadFile` unless there are some of every width."""
        places = [place for model in models.values() for place in _places(model)]
        known = {width for _, width, _ in places}
        if missing := sorted({width for width, _ in self.networks} - known):
            raise BadFile(
                f"{self.path.name} was made for another base: it bends inputs of {missing[0]} numbers, "
                "which no attention of this one takes.",
                "Use it with the base it was trained on.",
            )
        return sum((width, kind) in self.networks for _, width, kind in places)

    def hang(self, prefix: str, model: nn.Module, name: str) -> None:
        """Nothing: it acts through `bend`."""


def bend(model: nn.Module, use: Sequence[tuple[Hypernetwork, float]]) -> list[RemovableHandle]:
    """Let the hypernetworks act on `model`, one after another, until the handles are removed."""
    return [
        layer.register_forward_pre_hook(partial(_bent, hypernetwork.networks[width, kind], strength))
        for hypernetwork, strength in use
        for layer, width, kind in _places(model)
        if (width, kind) in hypernetwork.networks
    ]


def _bent(network: nn.Sequential, strength: float, layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    x: Tensor = inputs[0]
    with torch.autocast(x.device.type, enabled=False):
        wide = x.float()
        bent = wide + strength * network.to(x.device)(wide)
    return bent.to(x.dtype), *inputs[1:]


def _places(model: nn.Module) -> Iterator[tuple[nn.Module, int, str]]:
    """(layer, width of its input, 'k' or 'v') of every projection to keys and values."""
    for name, module in model.named_modules():
        last = name.rpartition(".")[2]
        if last in ("to_k", "to_v"):
            layer: Any = getattr(module, "base_layer", module)
            yield module, int(layer.in_features), last[-1]


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
