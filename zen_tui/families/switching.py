"""PEFT adapters of one model: which act and how strongly, and how they go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn


def set_weights(module: nn.Module, use: Sequence[tuple[str, float]]) -> None:
    """Activate the named PEFT adapters of `module` at their weights."""
    from diffusers.utils.peft_utils import set_weights_and_activate_adapters

    set_weights_and_activate_adapters(module, [name for name, _ in use], [weight for _, weight in use])


def delete_adapters(module: Any) -> None:
    """Remove every PEFT adapter of `module`; its layers compute as they did before."""
    names = list(getattr(module, "peft_config", None) or {})
    if not names:
        return
    # diffusers and transformers spell this differently
    delete = module.delete_adapters if hasattr(module, "delete_adapters") else module.delete_adapter
    delete(names)
