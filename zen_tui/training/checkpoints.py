"""Checkpoints: one safetensors file each, with all that an exact continuation needs.

Learned numbers, optimizer, and the course of the run so far. The file is durable before the database knows of
it; older ones then go as `pruning` says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
from zen_tui.library.errors import BadFile
from zen_tui.library.events import Feed, Saved
from zen_tui.library.paths import Home
from zen_tui.library.pruning import remove, spare
from zen_tui.library.scores import Choice, Scores, Span, choose
from zen_tui.library.specs import Origin
from zen_tui.training.copies import Copy


class Course(msgspec.Struct):
    """How a run went so far: the loss of every step, scores as (step, held out, train), seconds of stepping,
    and in the end those of a usual step. `judged` has the kept checkpoints, `identities` every judged one;
    `copies` the pictures that are photos over again; `stopped` says why it ended early, '' if it did not."""

    step: int = 0
    losses: list[float] = []
    scores: list[tuple[int, float, float]] = []
    seconds: float = 0.0
    seconds_per_step: float = 0.0
    scaler: dict[str, Any] = {}
    judged: dict[int, Scores] = {}
    identities: dict[int, Span] = {}
    copies: list[Copy] = []
    stopped: str = ""

    def choice(self) -> Choice | None:
        """The best of the judged steps, and why; None where identity was not judged."""
        return choose(sorted(self.judged.items()))

    def best_step(self) -> int | None:
        """The step that was judged best; else the one after the first with the lowest loss on held-out photos."""
        if choice := self.choice():
            return choice.step
        scored = [(loss, step) for step, loss, _ in self.scores if step > 0]
        return min(scored)[1] if scored else None

    def score_at(self, step: int) -> float | None:
        return next((loss for at, loss, _ in self.scores if at == step), None)


PARTS = ("learned", "optimizer", "average")


@dataclass
class State:
    """All that a run goes on from: its course, what was learned, the optimizer's numbers, and the average that
    is kept beside what was learned. `groups` are the optimizer's settings as JSON, `made_by` is its name."""

    course: Course
    learned: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Tensor] = field(default_factory=dict)
    average: dict[str, Tensor] = field(default_factory=dict)
    groups: str = ""
    made_by: str = ""


class Checkpoints:
    """The checkpoints of run `run_id`, begun from `origin` if it has one. The newest `keep` stay."""

    def __init__(
        self, db: Database, home: Home, run_id: int, feed: Feed, keep: int, origin: Origin | None = None
    ) -> None:
        self.db, self.home, self.run_id, self.feed = db, home, run_id, feed
        self.keep, self.origin = keep, origin
        self.folder = home.run(run_id) / "checkpoints"

    def saved(self, step: int) -> bool:
        return any(found.step == step for found in models.checkpoints(self.db, self.run_id))

    def newest(self) -> int:
        """The step of the newest checkpoint, 0 if there is none."""
        return max((found.step for found in models.checkpoints(self.db, self.run_id)), default=0)

    def save(self, state: State) -> None:
        """Keep the state after `state.course.step`.

        Raises:
            DiskFull: there is no room; the checkpoints so far are kept.
        """
        course = state.course
        tensors = {f"{part}.{key}": t for part in PARTS for key, t in getattr(state, part).items()}
        tensors["losses"] = torch.tensor(course.losses, dtype=torch.float64)
        path = self.folder / f"step-{course.step:07d}.safetensors"
        require_space(self.folder, sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()))
        with replacing(path) as temporary:
            plain = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
            save_file(plain, temporary, metadata=_header(state))
        held_out = course.score_at(course.step)
        scores: dict[str, Any] = {} if held_out is None else {"holdout": held_out}
        if course.step in course.judged:
            scores |= msgspec.to_builtins(course.judged[course.step])
        stored = self.home.relative(path)
        models.add_checkpoint(self.db, self.run_id, course.step, stored, path.stat().st_size, scores)
        self.feed.tell(Saved(step=course.step, path=stored))
        self.feed.durable()
        remove(self.db, self.home, spare(self.db, self.run_id, self.keep))
        kept = {found.step for found in models.checkpoints(self.db, self.run_id)}
        course.judged = {step: scores for step, scores in course.judged.items() if step in kept}

    def restore(self) -> State | None:
        """The newest checkpoint that can be read, else the state of the origin; None if there is neither.

        Raises:
            BadFile: the run began from a checkpoint that is gone or damaged.
        """
        for found in reversed(models.checkpoints(self.db, self.run_id)):
            try:
                return read(self.home.resolve(found.path))
            except (OSError, SafetensorError, msgspec.MsgspecError, KeyError):
                continue
        return origin_state(self.db, self.home, self.origin) if self.origin else None


def _header(state: State) -> dict[str, str]:
    """The course as JSON, but for the losses: those grow with the run and are stored as a tensor."""
    course = msgspec.json.encode(msgspec.structs.replace(state.course, losses=[])).decode()
    return {"course": course, "groups": state.groups, "made_by": state.made_by}


def kept_at(db: Database, home: Home, run_id: int, step: int) -> State:
    """What run `run_id` was after `step`.

    Raises:
        BadFile: there is no such checkpoint, or it is damaged.
    """
    found = [kept for kept in models.checkpoints(db, run_id) if kept.step == step]
    try:
        return read(home.resolve(found[0].path))
    except (IndexError, OSError, SafetensorError, msgspec.MsgspecError, KeyError):
        raise BadFile(
            f"The checkpoint of run {run_id} at step {step} is gone or damaged.",
            "`zen runs show` lists those that are kept.",
        ) from None


def origin_state(db: Database, home: Home, origin: Origin) -> State:
    """The state that a run begins from: its scores and seconds are still to come. Raises `BadFile`."""
    state = kept_at(db, home, origin.run, origin.step)
    course = state.course
    course.scores, course.judged, course.identities, course.copies, course.seconds = [], {}, {}, [], 0.0
    return state


def read(path: Path) -> State:
    """What a checkpoint holds, on the CPU. Raises OSError, SafetensorError, MsgspecError or KeyError."""
    with safe_open(path, "pt") as file:
        header = file.metadata()
        state = State(msgspec.json.decode(header["course"], type=Course), groups=header.get("groups", ""))
        state.made_by = header.get("made_by", "")
        for name in file.keys():  # noqa: SIM118  (not a dict)
            part, _, key = name.partition(".")
            if part == "losses":
                state.course.losses = file.get_tensor(name).tolist()
            elif part in PARTS:
                getattr(state, part)[key] = file.get_tensor(name)
    return state
