"""Everything random in a training, from its seed and the step alone.

So a run that was stopped goes on bit for bit as if it had not been, without keeping a generator's state,
and several processes see one and the same stream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

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
class Share:
    """What one process does of a step: every `turns`th of its batches from `turn` on, and of each the part number
    `part` of `parts`."""

    turns: int = 1
    turn: int = 0
    parts: int = 1
    part: int = 0

    def batches(self, accumulation: int) -> range:
        """The numbers of its own among the batches of a step."""
        return range(self.turn, accumulation, self.turns)


ALL = Share()
"""What one process does: everything."""


@dataclass(frozen=True)
class Draw:
    """One batch: photos in which views, at which times, under which noise, whose captions are dropped, and in
    which of their wordings the others are told: any number, counted round by how many there are."""

    rows: list[int]
    views: list[int]
    s: Tensor
    noise: Tensor
    dropped: list[bool]
    wordings: list[int]

    def part(self, index: int, count: int) -> Draw:
        """The share of process `index` of `count`."""
        mine = slice(index, None, count)
        return Draw(*(getattr(self, part.name)[mine] for part in fields(self)))


def turn_of(counts: Sequence[int], *, seed: int, batch: int) -> tuple[int, int]:
    """Which group batch number `batch` is drawn from, and how many batches were drawn from it before.

    `counts` are the photos of each group, repeats included. In every cycle of as many batches as there are
    photos, a group has one for each of its own, so that all photos come equally often.
    """
    if len(counts) == 1:
        return 0, batch
    cycle, place = divmod(batch, sum(counts))
    groups = [group for group, count in enumerate(counts) for _ in range(count)]
    order = [groups[index] for index in _shuffled(len(groups), seed, "groups", cycle)]
    group = order[place]
    return group, cycle * counts[group] + order[:place].count(group)


def draw(
    photos: list[int],
    objective: Objective,
    shape: tuple[int, ...],
    *,
    seed: int,
    batch: int,
    size: int,
    caption_dropout: float,
    turn: tuple[int, int] | None = None,
    views: Sequence[int] = (),
    noise_offset: float = 0.0,
) -> Draw:
    """Batch number `batch` (from 0) of `size` pictures, out of `photos` (row numbers, repeats included).

    Every pass over the photos is a new shuffle; batches run on from one pass into the next.

    Args:
        turn: what `turn_of` said of the group whose photos these are; None where there is one group.
        views: how many each photo has, by row; one where it is not told.
        noise_offset: how much noise is added that is the same all over a channel, so that dark and bright
            pictures can be learned (Guttenberg 2023).
    """
    group, before = turn or (0, batch)
    start = before * size
    stream = ("order", group) if group else ("order",)
    rows = [
        photos[_shuffled(len(photos), seed, *stream, n // len(photos))[n % len(photos)]]
        for n in range(start, start + size)
    ]
    seen = [
        number(seed, "view", batch, index) % views[row] if views and views[row] > 1 else 0
        for index, row in enumerate(rows)
    ]
    chance = generator(seed, "batch", batch)
    s = objective.sample(size, chance)
    noise = torch.randn((size, *shape), generator=chance)
    dropped = (torch.rand(size, generator=chance) < caption_dropout).tolist()
    if noise_offset:
        noise += noise_offset * torch.randn((*noise.shape[:2], *[1] * (noise.ndim - 2)), generator=chance)
    wordings = [number(seed, "wording", batch, index) for index in range(size)]
    return Draw(rows, seen, s, noise, dropped, wordings)


@lru_cache(maxsize=64)
def _shuffled(count: int, seed: int, *what: object) -> list[int]:
    order: list[int] = torch.randperm(count, generator=generator(seed, *what)).tolist()
    return order
