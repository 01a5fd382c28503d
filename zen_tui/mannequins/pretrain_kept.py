"""What a training keeps: checkpoints that are whole or absent, a log of events, and a clean stop."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn


class Stopped(Exception):
    """The training was asked to stop; everything up to here is kept."""


class Diary:
    """Events as JSON lines, one file for the whole recipe, and the question whether to stop."""

    def __init__(self, folder: Path, deadline: float | None = None, *, silent: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "events.jsonl"
        self.deadline = deadline  # seconds of time.monotonic()
        self.silent = silent
        self._asked = False

    def write(self, kind: str, **facts: object) -> None:
        """Append one event; numbers and short words only."""
        if self.silent:
            return
        line = json.dumps({"kind": kind, "time": round(time.time(), 1), **facts})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        print(line, flush=True)

    def read(self) -> list[dict[str, Any]]:
        """Every event so far."""
        return [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]

    def ask_to_stop(self, *_: object) -> None:
        """Stop at the next step (also what SIGTERM and Ctrl-C do inside `heeding`)."""
        self._asked = True

    @property
    def asked(self) -> bool:
        """Whether somebody asked to stop."""
        return self._asked

    @property
    def late(self) -> bool:
        """Whether the minutes are used up."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    @contextlib.contextmanager
    def heeding(self) -> Iterator[None]:
        """Turn SIGTERM and SIGINT into a stop after the current step."""
        before = {number: signal.signal(number, self.ask_to_stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a file beside `path`, then put it in place: a crash leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    write(draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(draft, path)


def keep(path: Path, state: dict[str, Any]) -> None:
    """Save a checkpoint of tensors and numbers."""
    whole(path, lambda draft: torch.save(state, draft))


def recall(path: Path) -> dict[str, Any]:
    """Load a checkpoint onto the CPU. Only tensors and plain values are read, never code."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


class Average:
    """Exponential moving average of a model's weights, with a short memory at the start."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move toward the model's weights; step counts from 1."""
        keep_part = min(self.decay, (1 + step) / (10 + step))
        ours = [self.weights[name] for name, _ in model.named_parameters()]
        torch._foreach_lerp_(ours, [p.detach() for p in model.parameters()], 1 - keep_part)

    @torch.no_grad()
    def copy_to(self, model: nn.Module) -> None:
        """Give the model the averaged weights."""
        for name, p in model.named_parameters():
            p.copy_(self.weights[name])
