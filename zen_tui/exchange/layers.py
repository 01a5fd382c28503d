"""Which layers of a base a LoRA learns, and how many numbers that is, told from file headers alone."""

from __future__ import annotations

import re

from zen_tui.exchange.base_layers import layers_of
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.source import Source

DEFAULT_TARGETS = "attn+mlp"


def lora_size(source: Source, family: str, preset: str, rank: int) -> tuple[int, int]:
    """(layers, numbers) that a LoRA of `rank` learns on a base."""
    profile = PROFILES[family]
    wanted = re.compile(profile.targets[preset])
    layers = layers_of(source, family, [profile.denoiser])[profile.denoiser]
    sizes = [outputs + inputs for name, (outputs, inputs) in layers.items() if wanted.fullmatch(name)]
    return len(sizes), rank * sum(sizes)
