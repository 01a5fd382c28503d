"""DreamBooth: all of the denoiser learns (Ruiz et al. 2023), and what it learned is kept as the difference to it.

The weights learn in fp32 and compute in the run's precision; those of the base stay beside them, for the class to
be held to what the base makes of it, and for the difference.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from zen_tui.families import difference
from zen_tui.families.adapters import open_adapter
from zen_tui.families.base import Family
from zen_tui.library.errors import BadFile, Refused, ZenError
from zen_tui.library.specs import TrainSettings
from zen_tui.training.methods.method import Group, Method, Subject


class Dreambooth(Method):
    """The denoiser of `family`, whose weights begin as the base has them."""

    kind = "difference"

    def __init__(self, family: Family, settings: TrainSettings, subject: Subject, targets: str) -> None:
        super().__init__(family, settings, subject, targets)
        if family.stored.get("denoiser"):
            raise Refused("A base whose weights are rounded cannot learn as a whole.", "Set quantize to none.")
        self._own = difference.learnable(family.denoiser())
        self._base: dict[str, Tensor] = {}
        for name, parameter in self._own.items():
            self._base[name] = parameter.data
            parameter.data = parameter.data.float().clone()
            parameter.requires_grad_(True)

    @property
    def groups(self) -> list[Group]:
        return [Group(list(self._own.values()))]

    def describe(self) -> str:
        return f"all {len(self._own)} tensors of the denoiser"

    @contextlib.contextmanager
    def base_alone(self) -> Iterator[None]:
        learned = {name: parameter.data for name, parameter in self._own.items()}
        for name, parameter in self._own.items():
            parameter.data = self._base[name]
        try:
            yield
        finally:
            for name, parameter in self._own.items():
                parameter.data = learned[name]

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
        try:
            found = open_adapter(path, depth=2)
            same = isinstance(found, difference.Difference) and found.check(
                {family.profile.denoiser: family.denoiser()}
            ) == len(numbers)
        except BadFile:
            same = False
        if not same:
            path.unlink(missing_ok=True)
            raise ZenError("The adapter could not be read back as it was written.", "The last checkpoint is kept.")
        return path

    def _learned(self, name: str, parameter: nn.Parameter) -> Tensor:
        """What a weight learned, in the precision that it computes in."""
        learned = parameter.detach() - self._base[name].float()
        return learned.to("cpu", self.family.dtype)

    def _variant(self) -> str:
        variants = self.family.profile.variants
        return next((name for name, known in variants.items() if known is self.family.variant), "")
