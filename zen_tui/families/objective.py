"""The noise process of a model, as the training loop sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Objective(ABC):
    """The noise process: how a clean latent is spoiled, what the model should answer, how much it counts.

    `drawing` says how times are drawn: 'uniform', or 'logit_normal', which takes the middle most often.
    """

    drawing: str

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` random times, on the CPU."""
        if self.drawing == "uniform":
            return self.time_at(torch.rand(count, generator=generator))
        return self.time_at(torch.sigmoid(torch.randn(count, generator=generator)))

    @abstractmethod
    def time_at(self, u: Tensor) -> Tensor:
        """The times at fractions `u` of the process, in [0, 1)."""

    def grid(self, count: int) -> Tensor:
        """`count` fixed times spread evenly over the process, for scores that can be compared."""
        return self.time_at((torch.arange(count) + 0.5) / count)

    @abstractmethod
    def corrupt(self, clean: Tensor, noise: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """The noisy latents at times `s`, and the target of the prediction; both shaped like `clean`."""

    @abstractmethod
    def weight(self, s: Tensor) -> Tensor:
        """How much the squared error at each time counts, shape (N,)."""
