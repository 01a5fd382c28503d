"""PEFT adapters of one model: which act and how strongly, and how they go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def switch_adapters(module: Any, use: Sequence[tuple[str, float]]) -> None:
    """Let those PEFT adapters of `module` that are in `use` act at their weights, and no other."""
    from diffusers.utils.peft_utils import set_weights_and_activate_adapters

    known = getattr(module, "peft_config", None) or {}
    mine = [(name, weight) for name, weight in use if name in known]
    if mine:
        module.enable_adapters()
        set_weights_and_activate_adapters(module, [name for name, _ in mine], [weight for _, weight in mine])
    elif known:
        module.disable_adapters()


def delete_adapters(module: Any) -> None:
    """Remove every PEFT adapter of `module`; its layers compute as they did before."""
    names = list(getattr(module, "peft_config", None) or {})
    if not names:
        return
    # diffusers and transformers spell this differently
    delete = module.delete_adapters if hasattr(module, "delete_adapters") else module.delete_adapter
    delete(names)
