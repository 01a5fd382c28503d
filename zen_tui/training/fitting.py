"""How a run is made to fit: decided at its start, and one rung lower when the memory runs out all the same."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

from zen_tui.exchange.source import source_of
from zen_tui.generation.fit import Fit, Machine, first_that_fits, ladder, sizes_of
from zen_tui.library.durable import write_file
from zen_tui.library.errors import WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Run
from zen_tui.library.specs import TrainSettings
from zen_tui.library.text import plural
from zen_tui.training.methods import METHODS
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
    return first_that_fits(rungs_for(base, settings, machine, method, gpus))


def rungs_for(
    base: Base, settings: TrainSettings, machine: Machine, method: str = "lora", gpus: int = 1
) -> list[Fit]:
    """All that a training of `base` can do without, each with more than the one before. Raises `BadFile`."""
    if machine.device != "cuda":  # there they share one memory
        machine = msgspec.structs.replace(machine, free=machine.free // gpus)
    learns = outline(method, base, settings)
    return ladder(
        sizes_of(source_of(base), base.family),
        machine,
        base.family,
        learned=learns.numbers,
        reads=learns.reads,
        resolution=settings.resolution,
        batch=settings.batch_size // parts_of(settings, gpus),
        precision=settings.precision,
        quantize="none" if METHODS[method].whole else settings.quantize,
        checkpointing=settings.gradient_checkpointing,
    )


def fit_of(
    home: Home, run: Run, base: Base, settings: TrainSettings, machine: Machine, method: str, gpus: int = 1
) -> Fit:
    """How `run` fits: as it began, or decided now and written beside it."""
    kept = _file(home, run)
    if kept.exists():
        return msgspec.json.decode(kept.read_bytes(), type=Fit)
    return keep(home, run, fit_for(base, settings, machine, method, gpus))


def keep(home: Home, run: Run, fit: Fit) -> Fit:
    """Write how `run` fits beside it: what was rounded stays rounded when it is resumed."""
    write_file(_file(home, run), msgspec.json.encode(fit))
    return fit


def next_rung(
    base: Base, settings: TrainSettings, machine: Machine, method: str, fit: Fit, gpus: int = 1
) -> Fit | None:
    """What a run that ran out of memory with `fit` does without next; None when there is nothing left to give."""
    for rung in rungs_for(base, settings, machine, method, gpus):
        if rung.needs < fit.needs and not _gives_back(rung, fit):
            return rung
    return None


def _gives_back(rung: Fit, fit: Fit) -> bool:
    """Whether `rung` would do with something again that `fit` does without."""
    return (
        bool(fit.denoiser and not rung.denoiser)
        or _share(rung) < _share(fit)
        or bool(fit.batch and not 0 < rung.batch <= fit.batch)
        or bool(fit.resolution and not 0 < rung.resolution <= fit.resolution)
    )


def _share(fit: Fit) -> float:
    return fit.twice if fit.checkpointing else 0.0


def fitted(settings: TrainSettings, fit: Fit) -> TrainSettings:
    """The settings with what `fit` changes of them; as many pictures make a step as before."""
    batch = fit.batch or settings.batch_size
    return msgspec.structs.replace(
        settings,
        batch_size=batch,
        gradient_accumulation=settings.gradient_accumulation * (settings.batch_size // batch),
        resolution=fit.resolution or settings.resolution,
    )


def _file(home: Home, run: Run) -> Path:
    return home.run(run.id) / "fit.json"
