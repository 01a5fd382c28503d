"""Hypernetworks: small networks before the keys and values of attention learn; the base stays as it is.

What NovelAI and A1111 trained in 2022 had one pair of networks for each width of input. A network for each layer
is the same thing with more room. The last matrix of each begins at zero, so that training begins from the base.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from zen_tui.exchange.hypernetworks import ACTIVATIONS, Hypernetwork, inputs_of, places_in, structure_of
from zen_tui.families import hypernetwork
from zen_tui.families.adapters import open_adapter
from zen_tui.families.base import Family
from zen_tui.library.specs import TrainSettings
from zen_tui.training import chance
from zen_tui.training.methods.method import Group, Method, Subject, proven
from zen_tui.training.methods.outline import bends_in_words

OWN = "zen_hypernetwork"  # the name of the networks within the denoiser, and of the adapter that they are


class Bending(Method):
    """Fresh networks on the denoiser of `family`; their numbers are fp32 in any precision."""

    kind = "hypernetwork"

    def __init__(self, family: Family, settings: TrainSettings, subject: Subject, targets: str) -> None:
        super().__init__(family, settings, subject, targets)
        places = places_in(inputs_of(family.source, family.name), settings.hypernet)
        facts = Hypernetwork(
            family=family.name,
            variant="",
            places=places,
            context=0,
            activation=ACTIVATIONS[settings.activation],
            activates_output=False,
        )
        torch.manual_seed(chance.number(settings.seed, "init"))  # torch draws from the global generator
        structure = structure_of(settings.layer_structure)
        self.networks = hypernetwork.fresh(facts, structure, settings.dropout, family.device)
        # within the denoiser they learn or rest with it, and several processes learn them as one
        own = nn.ModuleList(self.networks.networks.values())
        cast(Any, family.denoiser()).add_module(OWN, own)
        family.attached.teach(OWN, self.networks)
        family.set_adapters([(OWN, 1.0)])

    @property
    def groups(self) -> list[Group]:
        return [Group([p for network in self.networks.networks.values() for p in network.parameters()])]

    def describe(self) -> str:
        return bends_in_words(self.networks.facts.places, self.settings)

    @contextlib.contextmanager
    def base_alone(self) -> Iterator[None]:
        """Within, nothing is bent."""
        self.family.set_adapters([])
        try:
            yield
        finally:
            self.family.set_adapters([(OWN, 1.0)])

    def state(self) -> dict[str, Tensor]:
        """What was learned, by the keys of its file."""
        return self.networks.tensors()

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor]) -> None:
        self.require_shapes(state)
        for key, tensor in self.state().items():
            tensor.copy_(state[key])

    def save(self, path: Path) -> Path:
        settings = self.settings
        told = {
            "layer_structure": structure_of(settings.layer_structure),
            "activation_func": settings.activation,
            "activate_output": False,
            "is_layer_norm": False,
            "use_dropout": settings.dropout > 0,
        }
        hypernetwork.write(path, self.networks, told, self.subject.trigger, self.family.licence)
        return proven(path, self._is_in)

    def _is_in(self, path: Path) -> bool:
        """Whether the file holds, to the bit, the networks that learned, and computes as they do."""
        read = open_adapter(path, depth=2)
        if (
            not isinstance(read, hypernetwork.Hypernetwork)
            or read.networks.keys() != self.networks.networks.keys()
        ):
            return False
        return read.facts.activation == self.networks.facts.activation and all(
            _same(network, self.networks.networks[place]) for place, network in read.networks.items()
        )


def _same(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks have the same numbers in the same order."""
    mine, theirs = list(one.parameters()), list(other.parameters())
    return len(mine) == len(theirs) and all(
        torch.equal(a.detach(), b.detach().cpu()) for a, b in zip(mine, theirs, strict=True)
    )
