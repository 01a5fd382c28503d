"""One training loop for every stage: batches follow from seed and step, so an interrupted run goes on exactly."""

import contextlib
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn

from zen_tui.mannequins.pretrain_crew import average_gradients, in_crew
from zen_tui.mannequins.pretrain_kept import Average, Diary, Stopped, keep, recall

Loss = Callable[[int], torch.Tensor]


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Where and how a recipe runs; the same for all its stages."""

    work: Path
    diary: Diary
    seed: int = 0
    device: str = "cpu"
    precision: str = "bf16"
    compiled: bool = False
    rank: int = 0
    workers: int = 1

    def half(self) -> contextlib.AbstractContextManager[object]:
        """The arithmetic of the networks: autocast to bf16, or none with precision "fp32"."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16")

    def draws(self, *key: object) -> torch.Generator:
        """Random numbers that follow from the seed and the key, on any machine."""
        key = (self.seed, *key, self.rank) if self.rank else (self.seed, *key)
        digest = hashlib.sha256(repr(key).encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    def place(self, model: nn.Module) -> Any:
        """The model on this device, with channels last, as its convolutions like it."""
        return model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def fast(self, model: nn.Module) -> Any:
        """What to call in place of the model: compiled if wished, with the same weights."""
        return torch.compile(model, dynamic=False) if self.compiled else model


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how fast to learn. `decay` is how many of the last steps fall linearly to a rate of zero."""

    steps: int
    rate: float
    warmup: int = 100
    decay: int = 0
    weight_decay: float = 0.01
    average: float = 0.999
    clip: float = 1.0
    keep_seconds: float = 120.0
    say_every: int = 25

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        rising = min(1.0, (step + 1) / max(1, self.warmup))
        falling = min(1.0, (self.steps - step) / (self.decay + 1)) if self.decay else 1.0
        return self.rate * rising * falling


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices decay; biases, norms and embeddings (whose unused rows must stay as they are) do not."""
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    learned = [p for p in model.parameters() if p.requires_grad]
    heavy = [p for p in learned if p.ndim > 1 and id(p) not in tables]
    light = [p for p in learned if p.ndim <= 1 or id(p) in tables]
    return [{"params": heavy, "weight_decay": weight_decay}, {"params": light, "weight_decay": 0.0}]


def learn(
    stage: str, setting: Setting, model: nn.Module, loss_of: Loss, plan: Plan, start: Path | None = None
) -> Average:
    """Train `model` until `plan.steps` and return its averaged weights.

    Goes on from `stage.pt` in the work folder if it is there, else from a copy of the checkpoint `start`.

    Raises:
        Stopped: asked to stop, or out of time; the state is kept.
    """
    path, diary = setting.work / f"{stage}.pt", setting.diary
    device = next(model.parameters()).device
    optimizer = torch.optim.AdamW(_groups(model, plan.weight_decay), lr=plan.rate, betas=(0.9, 0.99), fused=True)
    average = Average(model, plan.average)
    step = 0
    source = path if path.exists() else start
    if source is not None and source.exists():
        state = recall(source)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average.weights = {name: w.to(device) for name, w in state["average"].items()}
        step = int(state["step"])

    def save() -> None:
        if setting.rank:
            return
        whole_state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        keep(path, {**whole_state, "average": average.weights, "step": step})
        diary.write("kept", stage=stage, step=step)

    diary.write("stage", stage=stage, step=step, steps=plan.steps)
    kept_at = said_at = time.monotonic()
    total, count = torch.zeros((), device=device), 0
    while step < plan.steps:
        for group in optimizer.param_groups:
            group["lr"] = plan.rate_at(step)
        loss = loss_of(step)
        loss.backward()  # type: ignore[no-untyped-call]
        leave = diary.asked or diary.late
        if in_crew():
            leave = average_gradients(model, leave)
        nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        average.update(model, step)
        total, count = total + loss.detach(), count + 1
        now = time.monotonic()
        if count == plan.say_every or step == plan.steps:
            rate = plan.rate_at(step - 1)
            diary.write(
                "step", stage=stage, step=step, loss=round(float(total) / count, 5), rate=rate,
                seconds_per_step=round((now - said_at) / count, 4),
            )  # fmt: skip
            total, count, said_at = torch.zeros((), device=device), 0, now
        if leave:
            save()
            raise Stopped
        if now - kept_at > plan.keep_seconds:
            save()
            kept_at = time.monotonic()
    save()
    return average
