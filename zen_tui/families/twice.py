"""Which blocks of a denoiser are computed twice, to keep less of each step for its gradients."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint


class Twice:
    """Calls blocks for diffusers: the `share` of them, spread evenly, keep only what comes in (Chen et al. 2016).

    Blocks are told apart by when they are first called, so that the same ones are computed twice in every step.
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self._numbers: dict[Any, int] = {}

    def __call__(self, block: Any, *inputs: Any) -> Any:
        key = block if isinstance(block, nn.Module) else getattr(block, "__self__", block)
        number = self._numbers.setdefault(key, len(self._numbers))
        if is_twice(number, self.share):
            return checkpoint(block, *inputs, use_reentrant=False)
        return block(*inputs)


def is_twice(number: int, share: float) -> bool:
    """Whether block `number` is one of the `share` that are computed twice."""
    return int((number + 1) * share) > int(number * share)
