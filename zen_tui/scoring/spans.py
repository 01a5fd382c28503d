"""Means with what the luck of the few pictures leaves open."""

from __future__ import annotations

import torch

from zen_tui.library.scores import Span

DRAWS = 2000


def span(values: list[float], seed: int = 0) -> Span | None:
    """The mean of one number a picture with its 95 % interval, by the bootstrap (Efron 1979); None without any."""
    if not values:
        return None
    numbers = torch.tensor(values, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    picked = torch.randint(len(numbers), (DRAWS, len(numbers)), generator=generator)
    low, high = torch.quantile(numbers[picked].mean(1), torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return Span(round(float(numbers.mean()), 4), round(low, 4), round(high, 4))
