"""Checkpoints: one safetensors file each, with all that an exact continuation needs.

Learned numbers, optimizer, and the course of the run so far. The last three are kept, and the one that
scored best on held-out photos. The file is durable before the database knows of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.durable import replacing, require_space
from zen_tui.library.events import Feed, Saved
from zen_tui.library.paths import Home

KEPT = 3


class Course(msgspec.Struct):
    """How a run went so far: the loss of every step, scores as (step, held out, train), seconds of stepping,
    and in the end those of a usual step."""

    step: int = 0
    losses: list[float] = []
    scores: list[tuple[int, float, float]] = []
    seconds: float = 0.0
    seconds_per_step: float = 0.0
    scaler: dict[str, Any] = {}

    def best_step(self) -> int | None:
        """The step after the first with the lowest loss on held-out photos; None before the first score."""
        scored = [(loss, step) for step, loss, _ in self.scores if step > 0]
        return min(scored)[1] if scored else None

    def score_at(self, step: int) -> float | None:
        return next((loss for at, loss, _ in self.scores if at == step), None)


class Checkpoints:
    """The checkpoints of run `run_id`."""

    def __init__(self, db: Database, home: Home, run_id: int, feed: Feed) -> None:
        self.db, self.home, self.run_id, self.feed = db, home, run_id, feed
        self.folder = home.run(run_id) / "checkpoints"

    def saved(self, step: int) -> bool:
        return any(found.step == step for found in models.checkpoints(self.db, self.run_id))

    def newest(self) -> int:
        """The step of the newest checkpoint, 0 if there is none."""
        return max((found.step for found in models.checkpoints(self.db, self.run_id)), default=0)

    def save(self, course: Course, learned: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> None:
        """Keep the state after `course.step`.

        Raises:
            DiskFull: there is no room; the checkpoints so far are kept.
        """
        tensors = {f"learned.{key}": tensor for key, tensor in learned.items()}
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": torch.as_tensor(value) for key, value in state.items()}
        tensors["losses"] = torch.tensor(course.losses, dtype=torch.float64)
        path = self.folder / f"step-{course.step:07d}.safetensors"
        require_space(self.folder, sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()))
        with replacing(path) as temporary:
            plain = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
            save_file(plain, temporary, metadata={"course": _brief(course)})
        held_out = course.score_at(course.step)
        scores = {} if held_out is None else {"holdout": held_out}
        stored = self.home.relative(path)
        models.add_checkpoint(self.db, self.run_id, course.step, stored, path.stat().st_size, scores)
        self.feed.tell(Saved(step=course.step, path=stored))
        self.feed.durable()
        self._prune(course.best_step())

    def restore(self) -> tuple[Course, dict[str, Tensor], dict[int, dict[str, Tensor]]] | None:
        """The newest checkpoint that can be read: course, learned numbers, optimizer state; None if none can."""
        for found in reversed(models.checkpoints(self.db, self.run_id)):
            try:
                return _read(self.home.resolve(found.path))
            except (OSError, SafetensorError, msgspec.MsgspecError, KeyError):
                continue
        return None

    def _prune(self, best: int | None) -> None:
        found = models.checkpoints(self.db, self.run_id)
        for old in found[:-KEPT]:
            if old.step != best:
                models.remove_checkpoint(self.db, old.id)
                self.home.resolve(old.path).unlink(missing_ok=True)


def _brief(course: Course) -> str:
    """The course as JSON, but for the losses: those grow with the run and are stored as a tensor."""
    return msgspec.json.encode(msgspec.structs.replace(course, losses=[])).decode()


def _read(path: Path) -> tuple[Course, dict[str, Tensor], dict[int, dict[str, Tensor]]]:
    learned: dict[str, Tensor] = {}
    optimizer: dict[int, dict[str, Tensor]] = {}
    with safe_open(path, "pt") as file:
        course = msgspec.json.decode(file.metadata()["course"], type=Course)
        for name in file.keys():  # noqa: SIM118  (not a dict)
            kind, _, key = name.partition(".")
            if kind == "losses":
                course.losses = file.get_tensor(name).tolist()
            elif kind == "learned":
                learned[key] = file.get_tensor(name)
            else:
                index, _, key = key.partition(".")
                optimizer.setdefault(int(index), {})[key] = file.get_tensor(name)
    return course, learned, optimizer
