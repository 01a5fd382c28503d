"""What a run does when its memory is taken away."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.on_card.models import Model
from benchmarks.on_card.noise import large_base, noise_dataset
from benchmarks.on_card.rows import Figure, Row
from benchmarks.on_card.steps import Bench, Watch, settings_for
from zen_tui.generation.memory import machine
from zen_tui.jobs import queue
from zen_tui.jobs.trainings import queue_training
from zen_tui.library.events import AnyEvent, Resumed, Step, Warned
from zen_tui.library.specs import TrainSpec
from zen_tui.training.fitting import rungs_for
from zen_tui.training.run import train

STEPS, TAKEN_AFTER = 6, 3
BATCH = 4


class Taker(Watch):
    """A feed that leaves the process only `room` bytes of the card after a step, and keeps what it is told."""

    def __init__(self, device: torch.device, room: int) -> None:
        super().__init__()
        self.device, self.room = device, room
        self.told: list[AnyEvent] = []

    def tell(self, event: AnyEvent) -> None:
        super().tell(event)
        self.told.append(event)
        if isinstance(event, Step) and event.step == TAKEN_AFTER and self.device.type == "cuda":
            torch.cuda.empty_cache()
            _, whole = torch.cuda.mem_get_info()
            torch.cuda.set_per_process_memory_fraction(min(1.0, self.room / whole))


def go_on(bench: Bench, model: Model, folder: Path, pixels: int, *, tiny: bool) -> Row:
    """Train the base in `folder` with room for everything, and after some steps for half of its activations."""
    base, dataset = large_base(bench.db, bench.home, folder, tiny=tiny), noise_dataset(bench.db, bench.home)
    settings = settings_for(STEPS, resolution=pixels, batch_size=BATCH)
    rungs = rungs_for(base, settings, machine(bench.device))
    plain, last = rungs[0].needs, min(rung.needs for rung in rungs if not rung.denoiser)
    room = (plain + last) // 2
    _, job = queue_training(bench.db, bench.home, dataset, base, "lora", settings, "less")
    spec = queue.spec_of(bench.home, job.id)
    assert isinstance(spec, TrainSpec)
    feed = Taker(bench.device, room)
    try:
        metrics = train(spec, feed, bench.db, bench.home)["metrics"]
    finally:
        if bench.device.type == "cuda":
            torch.cuda.set_per_process_memory_fraction(1.0)
    steps = [event.step for event in feed.told if isinstance(event, Step)]
    resumed = [event.step for event in feed.told if isinstance(event, Resumed)]
    warned = [event.text for event in feed.told if isinstance(event, Warned) and "ran out" in event.text]
    wrong = "" if steps == list(range(1, STEPS + 1)) else f"its steps were {steps}"
    if not tiny and not warned:
        wrong = "the memory did not run out"
    elif warned and set(resumed) != {TAKEN_AFTER}:
        wrong = f"it went on from {resumed} and not from {TAKEN_AFTER}"
    facts: dict[str, Figure] = {
        "needs GB": round(plain / 1e9, 2), "room GB": round(room / 1e9, 2), "told": " ".join(warned) or "nothing",
        "went on from": str(resumed), "s/step": metrics["seconds_per_step"], "memory MB": metrics["memory_mb"],
    }  # fmt: skip
    return Row("ladder", f"{model.name} {pixels} px x{BATCH}", facts, wrong)
