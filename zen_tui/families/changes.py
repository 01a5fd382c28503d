"""The change that an adapter makes to one layer, in the form in which it was trained.

A LoRA is two thin factors, a LoKr a Kronecker product, a full difference a matrix. Each can say the difference
of weights that it makes, and be hung on a layer as it is, so that nothing is lost and little memory taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from zen_tui.exchange.lora_names import Rows


@dataclass(frozen=True)
class Change:
    """To the weight of `layer` in `part`, `scale` times a difference.

    The difference is `up @ down` when both are there, (outputs, rank) and (rank, inputs ...); `up` alone is the
    whole of it, (outputs, inputs ...). With `mix`, (a, b), it is the Kronecker product of `mix` and `up`.
    `magnitude` makes it a DoRA: the length that each row of the changed weight is given, (outputs,).
    """

    part: str
    layer: str
    up: Tensor
    down: Tensor | None = None
    mix: Tensor | None = None
    scale: float = 1.0
    magnitude: Tensor | None = None

    @property
    def rank(self) -> int:
        return 0 if self.down is None else self.down.shape[0]

    def delta(self) -> Tensor:
        """The difference in fp32, (outputs, inputs times kernel); without the magnitude."""
        up = self.up.float()
        if self.down is not None:
            difference = up.flatten(1) @ self.down.float().flatten(1)
        elif self.mix is not None:
            difference = torch.kron(self.mix.float(), up.flatten(1)) if up.dim() == 2 else _kron(self.mix, up)
        else:
            difference = up.flatten(1)
        return difference * self.scale

    def on(self, weight: Tensor, own: Tensor, times: float) -> Tensor:
        """`weight`, which is what others made of a layer's `own`, with this change at `times`; all in fp32 and
        (outputs, inputs ...).

        As PEFT has it, a DoRA scales the rows of all that came before it, by what gives `own` with its change the
        lengths that it learned.
        """
        moved = times * self.delta().to(own.device).reshape(own.shape)
        if self.magnitude is None:
            return weight + moved
        lengths = (own + moved).flatten(1).norm(dim=1)
        ratio: Tensor = self.magnitude.to(lengths).flatten() / lengths
        return (weight + moved) * ratio.reshape(-1, *(1,) * (own.dim() - 1))

    def rows(self, wanted: Rows | None) -> Change:
        """The same change of some rows only, which are another layer's own."""
        if wanted is None:
            return self
        if self.mix is not None:
            return Change(self.part, self.layer, _rows(self.delta() / self.scale, wanted), scale=self.scale)
        magnitude = None if self.magnitude is None else _rows(self.magnitude, wanted)
        return replace(self, up=_rows(self.up, wanted), magnitude=magnitude)

    def factors(self) -> Change:
        """The same change as two factors; a Kronecker product or a whole difference gets its full rank."""
        if self.down is not None:
            return self
        difference = self.delta() / self.scale
        outputs, inputs = difference.shape
        if outputs <= inputs:
            return replace(self, up=torch.eye(outputs), down=difference, mix=None)
        return replace(self, up=difference, down=torch.eye(inputs), mix=None)


def _kron(mix: Tensor, up: Tensor) -> Tensor:
    """Over outputs and inputs, the kernel left alone; flattened to (outputs, inputs times kernel)."""
    outer = torch.einsum("ab,cdhw->acbdhw", mix.float(), up)
    a, c, b, d, h, w = outer.shape
    return outer.reshape(a * c, b * d * h * w)


def _rows(tensor: Tensor, wanted: Rows) -> Tensor:
    return torch.cat([tensor[first:last] for first, last in wanted]).contiguous()


class Blocks(nn.Module):
    """The second factor of a Kronecker product: `weight` (c, d ...) on each block of the inputs alike."""

    def __init__(self, weight: Tensor, base: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.how = _how(base)

    def forward(self, x: Tensor) -> Tensor:
        outputs, inputs = self.weight.shape[:2]
        if self.how is None:
            blocks = x.reshape(*x.shape[:-1], -1, inputs)
            return nn.functional.linear(blocks, self.weight).flatten(-2)
        many = x.shape[1] // inputs
        y = nn.functional.conv2d(x.reshape(-1, inputs, *x.shape[2:]), self.weight, **self.how)
        return y.reshape(x.shape[0], many * outputs, *y.shape[2:])


class Mix(nn.Module):
    """The first factor of a Kronecker product: `weight` (a, b) over the blocks."""

    def __init__(self, weight: Tensor, base: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.how = _how(base)

    def forward(self, x: Tensor) -> Tensor:
        inputs = self.weight.shape[1]
        if self.how is None:
            blocks = x.reshape(*x.shape[:-1], inputs, -1)
            return torch.einsum("ab,...bc->...ac", self.weight, blocks).flatten(-2)
        blocks = x.reshape(x.shape[0], inputs, -1, *x.shape[2:])
        return torch.einsum("ab,nbchw->nachw", self.weight, blocks).flatten(1, 2)


class Same(nn.Module):
    """Hands on what it gets; `weight` is only there to say the precision."""

    def __init__(self, base: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(0, device=base.weight.device), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return x


class Whole(nn.Module):
    """A full difference, (outputs, inputs ...)."""

    def __init__(self, weight: Tensor, base: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.how = _how(base)

    def forward(self, x: Tensor) -> Tensor:
        if self.how is None:
            return nn.functional.linear(x, self.weight)
        return nn.functional.conv2d(x, self.weight, **self.how)


def _how(base: Any) -> dict[str, Any] | None:
    """How a convolution goes over its picture; None for a linear layer."""
    if not isinstance(base, nn.Conv2d):
        return None
    return {"stride": base.stride, "padding": base.padding, "dilation": base.dilation}
