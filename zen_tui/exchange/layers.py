"""Which layers of a base learn, and how many numbers that is, told from file headers alone."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from zen_tui.exchange.base_layers import layers_of, tensors_of
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.source import Source

DEFAULT_TARGETS = "attn+mlp"
TEXT_TARGETS = r"(text_model\.)?encoder\.layers\.\d+\.self_attn\.(q_proj|k_proj|v_proj|out_proj)"
"""The layers of CLIP that a LoRA learns, as a PEFT regex; diffusers' scripts take the same."""


def lora_size(source: Source, family: str, preset: str, rank: int, kind: str = "lora") -> tuple[int, int]:
    """(layers, numbers) that a LoRA of `rank` learns on a base; `kind` is a setting's `lora`."""
    profile = PROFILES[family]
    return _size(source, family, [profile.denoiser], profile.targets[preset], rank, kind)


def text_size(source: Source, family: str, rank: int, kind: str = "lora") -> tuple[int, int]:
    """(layers, numbers) that it learns in the base's text encoders."""
    return _size(source, family, PROFILES[family].text_encoders, TEXT_TARGETS, rank, kind)


def _size(
    source: Source, family: str, parts: Sequence[str], targets: str, rank: int, kind: str
) -> tuple[int, int]:
    wanted = re.compile(targets)
    found = layers_of(source, family, parts)
    sizes = [size for layers in found.values() for name, size in layers.items() if wanted.fullmatch(name)]
    return len(sizes), sum(_numbers(outputs, inputs, rank, kind) for outputs, inputs in sizes)


def denoiser_size(source: Source, family: str) -> int:
    """How many numbers of a base's denoiser can learn; Stable Diffusion 3 keeps a table of places that cannot."""
    tensors = tensors_of(source.parts[PROFILES[family].denoiser])
    return sum(math.prod(tensor.shape) for key, tensor in tensors.items() if not key.endswith("pos_embed"))


def _numbers(outputs: int, inputs: int, rank: int, kind: str) -> int:
    if kind == "lokr":
        (a, c), (b, d) = divided(outputs), divided(inputs)
        return a * b + (rank * (c + d) if rank < max(c, d) / 2 else c * d)
    return rank * (outputs + inputs) + (outputs if kind == "dora" else 0)


def divided(size: int) -> tuple[int, int]:
    """The two factors of `size` that are nearest each other, the smaller first: how a Kronecker product splits it.

    As LyCORIS does (github.com/KohakuBlueleaf/LyCORIS, `functional/general.py`).
    """
    small = next(factor for factor in range(math.isqrt(size), 0, -1) if size % factor == 0)
    return small, size // small
