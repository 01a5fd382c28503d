"""What is judged, drawn with and kept in the end: what was learned last, or an average over the steps.

`ema` keeps an exponential moving average (Polyak & Juditsky 1992) whose decay grows from nothing, so that the
first steps do not weigh for ever; schedule-free optimizers have an average of their own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """Follows `parameters`, whose optimizer is `optimizer`; `decay` 0 keeps no average."""

    def __init__(self, parameters: list[nn.Parameter], optimizer: torch.optim.Optimizer, decay: float) -> None:
        self.parameters, self.decay = parameters, decay
        self.optimizer: Any = optimizer
        self._shadow = [parameter.detach().clone() for parameter in parameters] if decay else []

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take in the numbers after `step` (from 1)."""
        if self._shadow:
            decay = min(self.decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(self._shadow, [p.detach() for p in self.parameters], 1 - decay)

    @contextlib.contextmanager
    def acting(self) -> Iterator[None]:
        """Within, the parameters hold the average; afterwards they are, to the bit, what they were."""
        if not self._shadow and not hasattr(self.optimizer, "eval"):
            yield
            return
        before = [parameter.detach().clone() for parameter in self.parameters]
        self.settle()
        try:
            yield
        finally:
            _copy(before, self.parameters)
            if hasattr(self.optimizer, "train"):
                for group in self.optimizer.param_groups:
                    group["train_mode"] = True

    def settle(self) -> None:
        """Let the parameters be the average from now on."""
        if hasattr(self.optimizer, "eval"):
            self.optimizer.eval()
        if self._shadow:
            _copy(self._shadow, self.parameters)

    def state(self) -> dict[str, Tensor]:
        return {str(index): tensor for index, tensor in enumerate(self._shadow)}

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up what `state` gave; where it kept no average, one begins with the numbers as they are now."""
        for index, shadow in enumerate(self._shadow):
            shadow.copy_(state.get(str(index), self.parameters[index].detach()))


@torch.no_grad()
def _copy(source: list[Tensor], target: list[nn.Parameter]) -> None:
    for tensor, parameter in zip(source, target, strict=True):
        parameter.copy_(tensor)
