"""The optimizers by name, and their state as plain tensors and numbers.

AdamW and Adafactor are torch's; Prodigy (Mishchenko & Defazio 2023) finds the rate by itself and schedule-free
AdamW (Defazio et al. 2024) needs no schedule: both by their authors.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from zen_tui.library.errors import ZenError
from zen_tui.library.specs import TrainSettings
from zen_tui.training.checkpoints import State
from zen_tui.training.methods.method import Group, Method

WEIGHT_DECAY = 0.01


def build(settings: TrainSettings, groups: list[Group], device: torch.device) -> torch.optim.Optimizer:
    """A fresh optimizer; each of its groups has `scale`, `since` and `until`, which `set_rate` and `rest` obey."""
    learning = [{"params": g.parameters, "scale": g.scale, "since": g.since, "until": g.until} for g in groups]
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
    """Let every group learn at its share of `rate`, or not at all in a step that is not its own: that after which
    `done` of the run is over."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"] if _learns(group, done) else 0.0


def rest(optimizer: torch.optim.Optimizer, done: float) -> None:
    """Forget the gradients of groups whose time it is not: neither they nor their moments move."""
    for group in optimizer.param_groups:
        if not _learns(group, done):
            for parameter in group["params"]:
                parameter.grad = None


def _learns(group: dict[str, Any], done: float) -> bool:
    return bool(group["since"] < done <= group["until"])


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
    """Put back what `pack` gave. Raises `ZenError` unless there are as many groups."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor
    mine = optimizer.state_dict()["param_groups"]
    kept: list[dict[str, Any]] = json.loads(groups) if groups else [{} for _ in mine]
    if len(kept) != len(mine):
        raise ZenError("The checkpoint does not fit the settings of this run.", "Start a new run.")
    planned = ("scale", "since", "until")
    merged = [
        {**own, **_tuples(old), **{name: own[name] for name in planned}}
        for own, old in zip(mine, kept, strict=True)
    ]
    optimizer.load_state_dict({"state": state, "param_groups": merged})


def in_groups(state: State, method: Method) -> State:
    """`state` as it is; kept when all that `method` learns was one group, by the groups that there are now."""
    kept = json.loads(state.groups) if state.groups else [{}]
    count = len(method.groups)
    if len(kept) != 1 or count == 1:
        return state
    before = {id(parameter): str(place) for place, parameter in enumerate(method.ungrouped)}
    now = {before[id(parameter)]: str(place) for place, parameter in enumerate(method.parameters)}

    def moved(found: dict[str, Tensor]) -> dict[str, Tensor]:
        parts = ((*name.partition("."), tensor) for name, tensor in found.items())
        return {now[index] + dot + rest: tensor for index, dot, rest, tensor in parts}

    return replace(
        state, optimizer=moved(state.optimizer), average=moved(state.average), groups=json.dumps(kept * count)
    )


def _tuples(group: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in group.items()}
