"""The noise process of the transformer families: a straight line from picture to noise (rectified flow)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zen_tui.families.objective import Objective


class Flow(Objective):
    """x_s = (1-s)·x0 + s·noise; the target is the velocity noise - x0. `s` runs in (0, 1), 1 is all noise.

    Times are drawn logit-normal, which takes the middle most often (Esser et al. 2024), then moved towards
    noise by `shift`, as the scheduler moves them when a picture is drawn: s = shift·u / (1 + (shift-1)·u).
    """

    def __init__(self, shift: float = 1.0) -> None:
        self.shift = shift
        self.drawing = "logit_normal"

    def time_at(self, u: Tensor) -> Tensor:
        return self.shift * u / (1 + (self.shift - 1) * u)

    def corrupt(self, clean: Tensor, noise: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        mix = s.view(-1, *[1] * (clean.ndim - 1))
        return (1 - mix) * clean + mix * noise, noise - clean

    def weight(self, s: Tensor) -> Tensor:
        return torch.ones(len(s), device=s.device)


def linear_mu(config: Mapping[str, Any], tokens: int) -> float:
    """The exponent of a dynamic shift: a straight line over the tokens of a picture, as FLUX.1 has it."""
    low, high = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    start, end = config.get("base_shift", 0.5), config.get("max_shift", 1.15)
    slope = (end - start) / (high - low)
    return float(start + slope * (tokens - low))


def shift(config: Mapping[str, Any], mu: float) -> float:
    """What a scheduler of these settings moves times by: a number of its own, or one that follows from `mu`."""
    if not config.get("use_dynamic_shifting"):
        return float(config.get("shift", 1.0))
    return math.exp(mu) if config.get("time_shift_type", "exponential") == "exponential" else mu
