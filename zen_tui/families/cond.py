"""Encoded prompts, as they are cached, batched and given to a denoiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad


class Cond:
    """Encoded prompts: named tensors with one row a prompt.

    A tensor of three dimensions or named 'mask' holds tokens, (N, L, …); where prompts differ in length the
    shorter ones are filled up with zeros, and the mask (N, L) says which tokens there are.
    """

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def __getitem__(self, rows: Sequence[int] | slice) -> Cond:
        """The rows named, as a new Cond; a row may be named more than once."""
        index: Any = rows if isinstance(rows, slice) else list(rows)
        return Cond({name: tensor[index] for name, tensor in self.tensors.items()})

    def to(self, device: torch.device, dtype: torch.dtype | None = None) -> Cond:
        """The same on `device`; numbers, not masks, in `dtype`."""
        return Cond(
            {
                name: tensor.to(device, dtype if tensor.is_floating_point() else None)
                for name, tensor in self.tensors.items()
            }
        )

    @classmethod
    def join(cls, parts: Sequence[Cond]) -> Cond:
        """The rows of `parts` one after another."""
        names = parts[0].tensors
        return cls({name: _stack(name, [part.tensors[name] for part in parts]) for name in names})


def _stack(name: str, tensors: list[Tensor]) -> Tensor:
    if tensors[0].ndim < 3 and name != "mask":
        return torch.cat(tensors)
    longest = max(tensor.shape[1] for tensor in tensors)
    filled = [pad(t, (*[0] * (2 * (t.ndim - 2)), 0, longest - t.shape[1])) for t in tensors]
    return torch.cat(filled)
