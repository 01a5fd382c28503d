"""One training by several processes: which part of each batch is whose, and what they tell each other.

All take the same steps with the same numbers. A step learns from the pictures that the settings say, however many
processes share them: their gradients are averaged before every step of the optimizer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import torch
import torch.distributed as dist
from accelerate import Accelerator
from torch import Tensor, nn

from zen_tui.library.events import Feed
from zen_tui.library.specs import TrainSettings
from zen_tui.ranks.team import Team
from zen_tui.training import chance
from zen_tui.training.checkpoints import PARTS, Course, State
from zen_tui.training.fitting import parts_of

BUCKET = 16_000_000  # numbers that are averaged at one time


def share_of(settings: TrainSettings, team: Team) -> chance.Share:
    """The share of this process."""
    parts = parts_of(settings, team.size)
    turns = team.size // parts
    return chance.Share(turns, team.index % turns, parts, team.index // turns)


def agree(team: Team, feed: Feed, last: int) -> tuple[int, str, set[str]]:
    """The last step of the run, what is asked of it and wished of it, as the first process knows them now."""
    heard = msgspec.json.encode((last, feed.asked(), sorted(feed.requests()))) if team.leads else b""
    last, how, wishes = msgspec.json.decode(team.hear(heard), type=tuple[int, str, list[str]])
    return last, how, set(wishes)


def average(accelerator: Accelerator, parameters: list[nn.Parameter], loss: float) -> float:
    """Average the gradients of `parameters` over all processes, in place. Returns the average of their losses."""
    if accelerator.num_processes == 1:
        return loss
    has = [parameter.grad is not None for parameter in parameters]
    told = torch.tensor([loss, *map(float, has)], dtype=torch.float64)
    loss, *anywhere = accelerator.reduce(told, "mean").tolist()
    learning = [parameter for parameter, share in zip(parameters, anywhere, strict=True) if share]
    for some in _buckets(learning):
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in some]
        flat = torch.cat([gradient.reshape(-1).float() for gradient in gradients])
        summed = accelerator.reduce(flat, "mean").split([gradient.numel() for gradient in gradients])
        for parameter, gradient, numbers in zip(some, gradients, summed, strict=True):
            parameter.grad = gradient.copy_(numbers.view_as(gradient))
    return loss


def same_start(team: Team, parameters: list[nn.Parameter]) -> None:
    """Let everybody begin with the numbers of the first process, to the last bit."""
    if team.size > 1:
        for parameter in parameters:
            dist.broadcast(parameter.data, 0)


class _Told(msgspec.Struct):
    """All of a state but its tensors, and which those are: (part, key, type, shape)."""

    course: Course
    groups: str
    made_by: str
    tensors: list[tuple[str, str, str, list[int]]]


def share_state(team: Team, state: State | None) -> State | None:
    """The state that the first process found, in every process."""
    if team.size == 1:
        return state
    told = msgspec.json.decode(team.hear(_described(state) if team.leads else b""), type=_Told | None)
    if told is None:
        return None
    shared = state or State(told.course, groups=told.groups, made_by=told.made_by)
    for part, key, kind, shape in told.tensors:
        held: dict[str, Tensor] = getattr(shared, part)
        if not team.leads:
            held[key] = torch.empty(shape, dtype=getattr(torch, kind))
        dist.broadcast(held[key], 0)
    return shared


def _described(state: State | None) -> bytes:
    if state is None:
        return msgspec.json.encode(None)
    tensors = [
        (part, key, str(tensor.dtype).removeprefix("torch."), list(tensor.shape))
        for part in PARTS
        for key, tensor in getattr(state, part).items()
    ]
    return msgspec.json.encode(_Told(state.course, state.groups, state.made_by, tensors))


def _buckets(parameters: list[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """`parameters` in order, in lists of about `BUCKET` numbers."""
    some: list[nn.Parameter] = []
    numbers = 0
    for parameter in parameters:
        if some and numbers + parameter.numel() > BUCKET:
            yield some
            some, numbers = [], 0
        some.append(parameter)
        numbers += parameter.numel()
    if some:
        yield some


class Elsewhere:
    """What stands for the checkpoints of a run in a process that keeps none."""

    def saved(self, step: int) -> bool:
        return True

    def newest(self) -> int:
        return 0

    def save(self, state: Any) -> None:
        raise NotImplementedError

    def restore(self) -> None:
        return None
