"""DreamBooth: all of the denoiser learns (Ruiz et al. 2023), and is kept as the difference to its base.

The weights learn in fp32 and compute in the run's precision; those of the base stay beside them, for the class to
be held to what the base makes of it, and for the difference.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from zen_tui.families import difference
from zen_tui.families.adapters import open_adapter
from zen_tui.families.base import Family
from zen_tui.library.errors import Refused
from zen_tui.library.specs import TrainSettings
from zen_tui.training.methods.method import Group, Method, Subject, proven
from zen_tui.training.methods.outline import tuned


class Dreambooth(Method):
    """The denoiser of `family`, whose weights begin as the base has them; all learn, or those of attention."""

    kind = "difference"

    def __init__(self, family: Family, settings: TrainSettings, subject: Subject, targets: str) -> None:
        super().__init__(family, settings, subject, targets)
        if family.stored.get("denoiser"):
            raise Refused("A base whose weights are rounded cannot learn as a whole.", "Set quantize to none.")
        denoiser = family.denoiser()
        self._base: dict[str, nn.Parameter] = {
            name: parameter
            for name, parameter in difference.learnable(denoiser).items()
            if tuned(name, family.name, settings.learns)
        }
        self._own = {
            name: nn.Parameter(parameter.detach().float().clone()) for name, parameter in self._base.items()
        }
        self._places = {name: _place(denoiser, name) for name in self._base}
        self._put(self._own)

    def _put(self, weights: Mapping[str, nn.Parameter]) -> None:
        """Let the denoiser compute with these. The parameters are exchanged, not their numbers, so that whatever
        counts their gradients keeps to the ones that learn."""
        for name, (module, own) in self._places.items():
            setattr(module, own, weights[name])

    @property
    def groups(self) -> list[Group]:
        return [Group(list(self._own.values()))]

    def describe(self) -> str:
        return (
            f"{len(self._own)} tensors of {'the denoiser' if self.settings.learns == 'all' else 'its attention'}"
        )

    @contextlib.contextmanager
    def base_alone(self) -> Iterator[None]:
        self._put(self._base)
        try:
            yield
        finally:
            self._put(self._own)

    def state(self) -> dict[str, Tensor]:
        return {name: parameter.detach() for name, parameter in self._own.items()}

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor]) -> None:
        self.require_shapes(state)
        for name, parameter in self._own.items():
            parameter.copy_(state[name])

    def save(self, path: Path) -> Path:
        family = self.family
        numbers = {name: self._learned(name, parameter) for name, parameter in self._own.items()}
        difference.write(path, family.name, self._variant(), numbers, self.subject.trigger, family.licence)
        return proven(path, lambda written: self._is_in(written, numbers))

    def _is_in(self, path: Path, numbers: Mapping[str, Tensor]) -> bool:
        """Whether the file holds, to the bit, what was learned, and fits the base."""
        sub = self.family.profile.denoiser
        found = open_adapter(path, depth=2)
        if not isinstance(found, difference.Difference) or found.check({sub: self.family.denoiser()}) != len(
            numbers
        ):
            return False
        read = load_file(path)
        return all(torch.equal(read[f"{sub}.{name}"], tensor) for name, tensor in numbers.items())

    def _learned(self, name: str, parameter: nn.Parameter) -> Tensor:
        """What a weight learned, in the precision that it computes in."""
        learned = parameter.detach() - self._base[name].float()
        return learned.to("cpu", self.family.dtype)

    def _variant(self) -> str:
        variants = self.family.profile.variants
        return next((name for name, known in variants.items() if known is self.family.variant), "")


def _place(model: nn.Module, name: str) -> tuple[nn.Module, str]:
    """Where a parameter lies: its module, and what it is called there."""
    parent, _, own = name.rpartition(".")
    return model.get_submodule(parent), own
