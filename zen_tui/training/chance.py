"""Everything random in a training, from its seed and the step alone.

So a run that was stopped goes on bit for bit as if it had not been, without keeping a generator's state,
and several processes see one and the same stream.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from zen_tui.families.objective import Objective


def number(seed: int, *what: object) -> int:
    """A 63-bit number that `seed` and `what` (a name and a step, say) determine."""
    digest = hashlib.sha256("/".join(map(str, (seed, *what))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, *what: object) -> torch.Generator:
    """A CPU generator for one purpose at one step; CPU, so that every device draws the same."""
    return torch.Generator("cpu").manual_seed(number(seed, *what))


@dataclass(frozen=True)
class Draw:
    """One batch: which photos, at which times, under which noise, and whose captions are dropped."""

    rows: list[int]
    s: Tensor
    noise: Tensor
    dropped: list[bool]

    def part(self, index: int, count: int) -> Draw:
        """The share of process `index` of `count`."""
        mine = slice(index, None, count)
        return Draw(self.rows[mine], self.s[mine], self.noise[mine], self.dropped[mine])


def draw(
    photos: list[int],
    objective: Objective,
    shape: tuple[int, ...],
    *,
    seed: int,
    batch: int,
    size: int,
    caption_dropout: float,
) -> Draw:
    """Batch number `batch` (from 0) of `size` pictures, out of `photos` (row numbers, repeats included).

    Every pass over the photos is a new shuffle; batches run on from one pass into the next.
    """
    start = batch * size
    rows = [
        photos[_shuffled(seed, n // len(photos), len(photos))[n % len(photos)]] for n in range(start, start + size)
    ]
    chance = generator(seed, "batch", batch)
    s = objective.sample(size, chance)
    noise = torch.randn((size, *shape), generator=chance)
    dropped = (torch.rand(size, generator=chance) < caption_dropout).tolist()
    return Draw(rows, s, noise, dropped)


def _shuffled(seed: int, epoch: int, count: int) -> list[int]:
    order: list[int] = torch.randperm(count, generator=generator(seed, "order", epoch)).tolist()
    return order
