"""The optimizers by name, and their state as plain tensors and numbers.

AdamW and Adafactor are torch's; Prodigy (Mishchenko & Defazio 2023) finds the rate by itself and schedule-free
AdamW (Defazio et al. 2024) needs no schedule: both by their authors.
"""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor

from zen_tui.library.specs import TrainSettings
from zen_tui.training.methods.method import Group

WEIGHT_DECAY = 0.01


def build(settings: TrainSettings, groups: list[Group], device: torch.device) -> torch.optim.Optimizer:
    """A fresh optimizer; each of its groups has `scale` and `until`, which `set_rate` obeys."""
    learning = [{"params": g.parameters, "scale": g.scale, "until": g.until} for g in groups]
    rate = settings.learning_rate
    if settings.optimizer == "prodigy":
        from prodigyopt import Prodigy

        # as its authors advise for diffusion models; weight decay makes it print
        return Prodigy(learning, lr=rate, use_bias_correction=True, safeguard_warmup=True)  # type: ignore[no-any-return]
    if settings.optimizer == "schedule_free":
        from schedulefree import AdamWScheduleFree

        free = AdamWScheduleFree(learning, lr=rate, weight_decay=WEIGHT_DECAY)
        free.train()
        return free  # type: ignore[no-any-return]
    if settings.optimizer == "adafactor":
        return torch.optim.Adafactor(learning, lr=rate, weight_decay=WEIGHT_DECAY)
    return torch.optim.AdamW(learning, lr=rate, weight_decay=WEIGHT_DECAY, fused=device.type != "mps")


def set_rate(optimizer: torch.optim.Optimizer, rate: float, done: float) -> None:
    """Let every group learn at its share of `rate`, or not at all once `done` of the run is past its end."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"] if done <= group["until"] else 0.0


def rate_found(optimizer: torch.optim.Optimizer) -> float | None:
    """The rate that Prodigy has found so far, as a factor of the learning rate; None for the others."""
    found = optimizer.param_groups[0].get("d")
    return None if found is None else float(found)


def pack(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], str]:
    """The state: tensors as 'parameter number.name', and the groups' numbers as JSON."""
    found = optimizer.state_dict()
    tensors = {
        f"{index}.{name}": torch.as_tensor(value)
        for index, state in found["state"].items()
        for name, value in state.items()
        if value is not None
    }
    groups = [
        {name: value for name, value in group.items() if name != "params"} for group in found["param_groups"]
    ]
    return tensors, json.dumps(groups, default=float)


def unpack(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], groups: str) -> None:
    """Put back what `pack` gave."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor
    mine = optimizer.state_dict()["param_groups"]
    kept: list[dict[str, Any]] = json.loads(groups) if groups else [{} for _ in mine]
    merged = [
        {**own, **_tuples(old), "scale": own["scale"], "until": own["until"]}
        for own, old in zip(mine, kept, strict=True)
    ]
    optimizer.load_state_dict({"state": state, "param_groups": merged})


def _tuples(group: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in group.items()}
