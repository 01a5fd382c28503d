"""Weights kept smaller than they compute: int8 or fp8, with a scale for every output, widened as they are used.

Half of bf16's memory on any device, and about a quarter in NF4, which bitsandbytes does on NVIDIA's cards. The
frozen matrix is kept as it is stored for the backward pass too, so that a training gains as much as a drawing
does. Torch's own quantised tensors (torchao) do the same for int8; these are plain parameters, which adapters
hang on as on any other linear layer.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

LEAST = 256  # numbers of a matrix; below that there is nothing to save
FORMATS = {"int8": (torch.int8, 127.0), "fp8": (torch.float8_e4m3fn, 448.0)}  # and the largest number of each
KINDS = (*FORMATS, "nf4")


class StoredLinear(nn.Linear):
    """A frozen linear layer whose `weight`, (outputs, inputs), is int8 or fp8, to be multiplied by `scale`.

    Numbers in fp8 lie in `weight` as bytes: adapters take on the type of a layer's weight if it is a float.
    """

    scale: Tensor  # (outputs, 1), fp32
    kind: str

    @classmethod
    def of(cls, layer: nn.Linear, kind: str) -> StoredLinear:
        """What `layer` computes, rounded to `kind`; no second copy of all its numbers is made."""
        dtype, largest = FORMATS[kind]
        weight = layer.weight.detach()
        scale = (weight.float().abs().amax(1, keepdim=True) / largest).clamp(min=1e-12)
        small = weight.float() / scale
        stored = cls(1, 1, bias=False)
        stored.kind = kind
        stored.in_features, stored.out_features = layer.in_features, layer.out_features
        rounded = (small.round() if kind == "int8" else small).to(dtype)
        stored.weight = nn.Parameter(rounded.view(torch.int8), requires_grad=False)
        stored.bias = layer.bias
        stored.register_buffer("scale", scale)
        return stored

    def forward(self, x: Tensor) -> Tensor:
        device = x.device.type
        if torch.is_autocast_enabled(device):
            x = x.to(torch.get_autocast_dtype(device))
        answer: Tensor = _Widened.apply(x, self.weight.view(FORMATS[self.kind][0]), self.scale)  # type: ignore[no-untyped-call]
        return answer if self.bias is None else answer + self.bias.to(answer.dtype)

    def whole(self) -> Tensor:
        """The weight in fp32, as it computes."""
        return self.weight.view(FORMATS[self.kind][0]).float() * self.scale


class _Widened(torch.autograd.Function):
    """x · (weight · scale)ᵀ; for the gradient the weight is widened again, not kept wide."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(weight, scale)
        with torch.autocast(x.device.type, enabled=False):
            return linear(x, weight.to(x.dtype)) * scale.to(x.dtype).T

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        weight, scale = ctx.saved_tensors
        (gradient,) = gradients
        with torch.autocast(gradient.device.type, enabled=False):
            return (gradient * scale.to(gradient.dtype).T) @ weight.to(gradient.dtype), None, None


def store(model: nn.Module, kind: str) -> int:
    """Keep the matrices of `model`'s linear layers as `kind` from now on. Returns how many it were."""
    count = 0
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear and child.weight.numel() >= LEAST:
                setattr(parent, name, _four_bits(child) if kind == "nf4" else StoredLinear.of(child, kind))
                count += 1
    return count


def _four_bits(layer: nn.Linear) -> nn.Linear:
    """`layer` in NF4 (Dettmers et al. 2023); bitsandbytes rounds its numbers when it moves to the card."""
    bitsandbytes: Any = import_module("bitsandbytes")  # no dependency of Zen's: whoever wants it installs it
    made: nn.Linear = bitsandbytes.nn.Linear4bit(
        layer.in_features, layer.out_features, bias=False, compute_dtype=layer.weight.dtype, quant_type="nf4",
        device="meta",
    )  # fmt: skip
    made.weight = bitsandbytes.nn.Params4bit(
        layer.weight.detach(), requires_grad=False, quant_type="nf4", module=made
    )
    made.bias = layer.bias
    return made
