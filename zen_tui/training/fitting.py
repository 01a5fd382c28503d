"""How a run is made to fit, decided once at its start: what was rounded stays rounded when it is resumed."""

from __future__ import annotations

import math

import msgspec

from zen_tui.exchange.source import source_of
from zen_tui.generation.fit import Fit, Machine, for_training, sizes_of
from zen_tui.library.durable import write_file
from zen_tui.library.errors import WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Run
from zen_tui.library.specs import TrainSettings
from zen_tui.library.text import plural
from zen_tui.training.methods.outline import outline


def parts_of(settings: TrainSettings, processes: int) -> int:
    """Into how many parts a batch is divided. Whole batches of a step are dealt out before they are divided."""
    return processes // math.gcd(settings.gradient_accumulation, processes)


def require_shares(settings: TrainSettings, processes: int) -> None:
    """Raise `WrongUse` unless the pictures of a step can be shared among `processes` evenly."""
    pictures = settings.batch_size * settings.gradient_accumulation
    if pictures % processes:
        each = math.lcm(settings.batch_size, parts_of(settings, processes))
        raise WrongUse(
            f"A step learns from {plural(pictures, 'picture')} (batch_size x gradient_accumulation), and "
            f"{processes} GPUs cannot share them evenly.",
            f"Set batch_size to {each}, for example: --set batch_size={each}.",
        )


def fit_for(base: Base, settings: TrainSettings, machine: Machine, method: str = "lora", gpus: int = 1) -> Fit:
    """What each of `gpus` processes of a training of `base` would do without on `machine`.

    Raises `BadFile` when the base is damaged.
    """
    source = source_of(base)
    if machine.device != "cuda":
        machine = msgspec.structs.replace(machine, free=machine.free // gpus)
    return for_training(
        sizes_of(source, base.family),
        machine,
        base.family,
        learned=outline(method, base, settings).numbers,
        resolution=settings.resolution,
        batch=settings.batch_size // parts_of(settings, gpus),
        precision=settings.precision,
        quantize=settings.quantize,
        checkpointing=settings.gradient_checkpointing,
    )


def fit_of(
    home: Home, run: Run, base: Base, settings: TrainSettings, machine: Machine, method: str, gpus: int = 1
) -> Fit:
    """How `run` fits: as it began, or decided now and written beside it."""
    kept = home.run(run.id) / "fit.json"
    if kept.exists():
        return msgspec.json.decode(kept.read_bytes(), type=Fit)
    fit = fit_for(base, settings, machine, method, gpus)
    write_file(kept, msgspec.json.encode(fit))
    return fit
