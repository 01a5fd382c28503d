"""Arithmetic on LoRAs: merge, scale, resize, extract. All of it is done on the differences of weights.

Resizing and extracting keep the largest singular values of a difference, which is the best that a rank can do
(Eckart and Young, 1936). A merge of factors needs no such loss: they are put side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from zen_tui.exchange.lora_match import few
from zen_tui.families.changes import Change
from zen_tui.library.errors import Refused

Told = Callable[[int, int], None]
EXACT_BELOW = 1024  # rows or columns up to which a matrix is decomposed exactly


@dataclass(frozen=True)
class Resized:
    """New changes, and how much of the old differences they keep: the least and the mean share of the norm."""

    changes: list[Change]
    least: float
    mean: float


def scaled(changes: Sequence[Change], weight: float, name: str) -> list[Change]:
    """The same LoRA at `weight` times its strength. Raises `Refused` for a DoRA, whose strength is not linear."""
    refuse_dora(changes, name)
    return [replace(change, scale=change.scale * weight) for change in changes]


def merged(files: Iterable[tuple[str, Sequence[Change], float]]) -> list[Change]:
    """One LoRA that does what several do together, each (name, changes, weight); ranks add up, nothing is lost.

    Raises:
        Refused: a DoRA among them, or a layer of different sizes.
    """
    together: dict[tuple[str, str], list[Change]] = {}
    for name, changes, weight in files:
        for change in scaled(changes, weight, name):
            together.setdefault((change.part, change.layer), []).append(change.factors())
    return [_side_by_side(members) for members in together.values()]


def _side_by_side(members: list[Change]) -> Change:
    if len(members) == 1:
        return members[0]
    shapes = {(change.up.shape[0], *change.down.shape[1:]) for change in members if change.down is not None}
    if len({(shape[0], _area(shape[1:])) for shape in shapes}) > 1:
        raise Refused(
            f"The adapters were made for different bases: {few([members[0].layer])} has different sizes.",
            "Merge adapters of one base.",
        )
    first = members[0]
    ups = [change.up.float().flatten(1) * change.scale for change in members]
    downs = [change.down.float() for change in members if change.down is not None]
    up = torch.cat(ups, dim=1)
    up = up[:, :, None, None] if first.up.dim() == 4 else up
    down = torch.cat([down.reshape(down.shape[0], *downs[0].shape[1:]) for down in downs])
    return Change(first.part, first.layer, up, down)


def _area(shape: Sequence[int]) -> int:
    return int(torch.Size(shape).numel())


def resized(changes: Sequence[Change], rank: int, name: str, told: Told | None = None) -> Resized:
    """The same LoRA at another rank. A greater rank than a difference has adds nothing and is not made.

    Raises:
        Refused: a DoRA.
    """
    refuse_dora(changes, name)
    made, shares = [], []
    for count, change in enumerate(changes, 1):
        shape = _inner_shape(change)
        new, share = truncated(change.delta(), rank) if change.down is None else truncated_factors(change, rank)
        made.append(_as_change(change.part, change.layer, new, shape))
        shares.append(share)
        if told:
            told(count, len(changes))
    return Resized(made, min(shares), sum(shares) / len(shares))


def truncated(difference: Tensor, rank: int) -> tuple[tuple[Tensor, Tensor], float]:
    """The best (up, down) of at most `rank` for a matrix (outputs, inputs), and what share of it they keep.

    The share is of the norm. Large matrices go through a randomised decomposition with four power iterations
    (Halko, Martinsson and Tropp, 2011), from a fixed seed.
    """
    rank = min(rank, *difference.shape)
    if min(difference.shape) > EXACT_BELOW:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            left, values, flipped = torch.svd_lowrank(difference.float(), q=rank + 16, niter=4)
        right = flipped.T
    else:
        left, values, right = torch.linalg.svd(difference.float(), full_matrices=False)
    return _cut(left, values, right, rank, difference.float().norm())


def _cut(
    left: Tensor, values: Tensor, right: Tensor, rank: int, whole: Tensor
) -> tuple[tuple[Tensor, Tensor], float]:
    root = values[:rank].sqrt()
    share = (values[:rank].norm() / whole).clamp(max=1).item() if whole > 0 else 1.0
    return ((left[:, :rank] * root).contiguous(), (root[:, None] * right[:rank]).contiguous()), share


def truncated_factors(change: Change, rank: int) -> tuple[tuple[Tensor, Tensor], float]:
    """As `truncated`, for the product of two factors, without making the product."""
    assert change.down is not None
    left, upper = torch.linalg.qr(change.up.float().flatten(1) * change.scale)
    right, lower = torch.linalg.qr(change.down.float().flatten(1).T)
    inner, values, outer = torch.linalg.svd(upper @ lower.T)
    return _cut(left @ inner, values, outer @ right.T, min(rank, len(values)), values.norm())


def extracted(
    pairs: Iterable[tuple[str, str, Tensor, Tensor]], rank: int, count: int = 0, told: Told | None = None
) -> Resized:
    """A LoRA of what a full fine-tune changed: pairs of (part, layer, weight before, weight after).

    Layers that did not change are left out.

    Raises:
        Refused: nothing changed at all.
    """
    made, shares = [], []
    for number, (part, layer, before, after) in enumerate(pairs, 1):
        difference = after.float() - before.float()
        if bool(difference.any()):
            new, share = truncated(difference.flatten(1), rank)
            made.append(_as_change(part, layer, new, tuple(difference.shape[1:])))
            shares.append(share)
        if told:
            told(number, count)
    if not made:
        raise Refused("The two bases have the same weights.", "There is nothing to extract.")
    return Resized(made, min(shares), sum(shares) / len(shares))


def _inner_shape(change: Change) -> tuple[int, ...]:
    """Inputs and kernel of a layer, as the tensors of its change tell them."""
    if change.down is not None:
        return tuple(change.down.shape[1:])
    if change.mix is not None:
        return change.mix.shape[1] * change.up.shape[1], *change.up.shape[2:]
    return tuple(change.up.shape[1:])


def _as_change(part: str, layer: str, factors: tuple[Tensor, Tensor], shape: tuple[int, ...]) -> Change:
    up, down = factors
    up = up[:, :, None, None] if len(shape) > 1 else up
    return Change(part, layer, up, down.reshape(down.shape[0], *shape))


def refuse_dora(changes: Sequence[Change], name: str) -> None:
    """Raise `Refused` when there is a DoRA among `changes`: what it does depends on the base's own weights."""
    if any(change.magnitude is not None for change in changes):
        raise Refused(f"{name} is a DoRA, which cannot be added or scaled without its base.", "Use it as it is.")
