"""Training steps with Zen's own loop on random latents and captions, and what they took."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.on_card.models import Model
from benchmarks.on_card.rows import Figure
from zen_tui.exchange.layers import DEFAULT_TARGETS
from zen_tui.exchange.step_costs import operations
from zen_tui.families.base import Family
from zen_tui.families.devices import precision_name
from zen_tui.generation.fit import Machine, Sizes, ladder
from zen_tui.library.database import Database
from zen_tui.library.events import AnyEvent, Step, Unattended
from zen_tui.library.paths import Home
from zen_tui.library.specs import TrainSettings
from zen_tui.training import methods
from zen_tui.training.checkpoints import Checkpoints, Course, State
from zen_tui.training.loop import Work, learn
from zen_tui.training.material import Material
from zen_tui.training.methods.method import Method, Subject

PHOTOS = 4
GIB = float(1 << 30)


class Watch(Unattended):
    """A feed that keeps the losses and the seconds of every step, and asks to stop after one."""

    def __init__(self, stop_after: int = 0) -> None:
        self.losses: dict[int, float] = {}
        self.took: list[float] = []
        self.last = time.perf_counter()
        self.stop_after = stop_after

    def tell(self, event: AnyEvent) -> None:
        if isinstance(event, Step):
            now = time.perf_counter()
            self.took.append(now - self.last)
            self.last = now
            self.losses[event.step] = event.loss

    def asked(self) -> str:
        return "stop" if self.stop_after and max(self.losses, default=0) >= self.stop_after else ""


class Unkept(Checkpoints):
    """Keeps the last state in memory alone: writing it is not what is measured."""

    last: State | None = None

    def save(self, state: State) -> None:
        self.last = state


@dataclass
class Bench:
    """A home to train in, on `device`."""

    home: Home
    db: Database
    device: torch.device
    runs: int = 0

    @classmethod
    def open(cls, folder: Path, device: torch.device) -> Bench:
        home = Home(folder).create()
        return cls(home, Database.open(home), device)

    def run(self) -> int:
        """A new run in the database."""
        self.runs += 1
        return self.db.insert("runs", slug=f"run-{self.runs}", method="lora")

    def checkpoints(self, kind: type[Checkpoints], run: int, watch: Watch) -> Checkpoints:
        return kind(self.db, self.home, run, watch, 2)


def settings_for(steps: int, **changed: Any) -> TrainSettings:
    wanted: dict[str, Any] = {
        "steps": steps,
        "rank": 16,
        "alpha": 16.0,
        "learning_rate": 1e-4,
        "warmup": 0,
        "holdout": 0.0,
        "sample_every": 0,
        "checkpoint_every": 1_000_000,
    }
    return TrainSettings(**{**wanted, **changed})


def method_for(family: Family, settings: TrainSettings) -> Method:
    return methods.build("lora", family, settings, Subject("ohwx", "woman"), DEFAULT_TARGETS)


def material_for(model: Model, family: Family, size: int) -> Material:
    """Random photos of `size` pixels square, and captions."""
    generator = torch.Generator().manual_seed(2)
    shape = family.latent_shape(size, size)
    latents: list[Tensor] = [torch.randn(1, *shape, generator=generator) for _ in range(PHOTOS)]
    return Material(
        sizes=[(size, size)] * PHOTOS,
        latents=latents,
        counted=[None] * PHOTOS,
        texts=["a photo of ohwx woman", ""],
        captions=model.captions(2, family.device),
        caption_rows=[[0]] * PHOTOS,
        plain_rows=[0] * PHOTOS,
        blank=1,
        train=[list(range(PHOTOS))],
        held_out=[],
        of_class=[],
        shares=[1.0] * PHOTOS,
    )


def train(
    bench: Bench, model: Model, family: Family, method: Method, settings: TrainSettings, watch: Watch | None = None
) -> tuple[Course, State | None]:
    """A fresh run of the loop; its course and its last state."""
    material = material_for(model, family, settings.resolution)
    watch = watch or Watch()
    kept = bench.checkpoints(Unkept, bench.run(), watch)
    course = learn(Work(settings, family, method, material, kept, watch, lambda step, again: None))
    return course, getattr(kept, "last", None)


Case = tuple[int, int, float]
"""Pixels of a side, pictures at a time, and the share of the blocks that is computed twice."""


def figures(
    bench: Bench, model: Model, family: Family, method: Method, sizes: Sizes, stored: str, case: Case, steps: int
) -> dict[str, Figure]:
    """Seconds a step, and memory in GiB: what the plan says, what this process took of the device, what its
    tensors took of that, and take between runs. `first` are the seconds of the first three steps, `TFLOP/s` what
    the plan counts of operations by the usual step.
    """
    pixels, batch, twice = case
    rungs = ladder(
        sizes, Machine(bench.device.type, 1 << 40), family.name, learned=method.numbers, resolution=pixels,
        batch=batch, precision=precision_name(family.dtype), quantize=stored or "none",
    )  # fmt: skip
    plan = next(rung for rung in rungs if (rung.twice if rung.checkpointing else 0.0) == twice)
    free_memory(bench.device)
    before = allocated(bench.device)
    watch = Watch()
    course, _ = train(
        bench, model, family, method, settings_for(steps, resolution=pixels, batch_size=batch), watch
    )
    most, taken = peak(bench.device)
    done = operations(family.name, sizes.denoiser, pixels**2, batch, twice)
    return {
        "s/step": round(course.seconds_per_step, 4),
        "first": " ".join(f"{took:.3g}" for took in watch.took[:3]),
        "TFLOP/s": round(done / course.seconds_per_step / 1e12, 1),
        "predicted": round(plan.needs / GIB, 2),
        "taken": round(taken / GIB, 2) if taken else None,
        "off": f"{plan.needs / taken - 1:+.0%}" if taken else None,
        "tensors": round(most / GIB, 2) if most else None,
        "at rest": round(before / GIB, 2) if before else None,
        "learned": method.numbers,
        "loss": round(course.losses[-1], 4),
    }


def steps_of(
    bench: Bench, model: Model, dtype: torch.dtype, stored: str, cases: list[Case], steps: int
) -> Iterator[tuple[str, dict[str, Figure]]]:
    """Train `model` in each of the cases; those that compute nothing twice come first."""
    family, sizes = model.open(bench.device, dtype, stored)
    method = method_for(family, settings_for(steps))
    for case in cases:
        pixels, batch, twice = case
        if twice:
            family.compute_twice(twice)
        name = f"{model.name} {pixels} px x{batch} {stored or 'whole'}{f', {twice:g} twice' if twice else ''}"
        try:
            yield name, figures(bench, model, family, method, sizes, stored, case, steps)
        except torch.OutOfMemoryError:
            yield name, {"left out": "the memory of this card is too small"}
    let_go(family)


def let_go(family: Family) -> None:
    """Give the memory of the denoiser back, though the loop has put it in place to stay."""
    family.held.clear()
    family.release("denoiser")


def free_memory(device: torch.device) -> None:
    """Give back what is not used, and count the peak anew."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def allocated(device: torch.device) -> int:
    return int(torch.cuda.memory_allocated()) if device.type == "cuda" else 0


def peak(device: torch.device) -> tuple[int, int]:
    """The most bytes that tensors took, and that this process took of the device; 0 where nobody counts."""
    if device.type != "cuda":
        return 0, 0
    free, whole = torch.cuda.mem_get_info()
    libraries = whole - free - torch.cuda.memory_reserved()
    return int(torch.cuda.max_memory_allocated()), int(torch.cuda.max_memory_reserved() + libraries)
