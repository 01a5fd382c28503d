"""How a run is made to fit, decided once at its start: what was rounded stays rounded when it is resumed."""

from __future__ import annotations

import msgspec

from zen_tui.exchange.source import source_of
from zen_tui.generation.fit import Fit, Machine, for_training, sizes_of
from zen_tui.library.durable import write_file
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Run
from zen_tui.library.specs import TrainSettings
from zen_tui.training.methods.outline import outline


def fit_for(base: Base, settings: TrainSettings, machine: Machine, method: str = "lora") -> Fit:
    """What a training of `base` would do without on `machine`. Raises `BadFile` when the base is damaged."""
    learns = outline(method, base, settings)
    return for_training(
        sizes_of(source_of(base), base.family),
        machine,
        base.family,
        learned=learns.numbers,
        reads=learns.reads,
        resolution=settings.resolution,
        batch=settings.batch_size,
        precision=settings.precision,
        quantize=settings.quantize,
        checkpointing=settings.gradient_checkpointing,
    )


def fit_of(home: Home, run: Run, base: Base, settings: TrainSettings, machine: Machine, method: str) -> Fit:
    """How `run` fits: as it began, or decided now and written beside it."""
    kept = home.run(run.id) / "fit.json"
    if kept.exists():
        return msgspec.json.decode(kept.read_bytes(), type=Fit)
    fit = fit_for(base, settings, machine, method)
    write_file(kept, msgspec.json.encode(fit))
    return fit
