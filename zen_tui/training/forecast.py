"""How long a step should take and what memory it should need: as a run like it took, else as reckoned.

A time is never guessed: until this machine has made steps, there is none. The memory is what the cost model says.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from zen_tui.exchange.base_layers import tensors_of
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.source import source_of
from zen_tui.exchange.step_costs import operations
from zen_tui.generation.fit import Fit, sizes_of
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.records import Base, Run
from zen_tui.library.specs import TrainSettings
from zen_tui.library.text import duration, megabytes
from zen_tui.training.methods import METHODS
from zen_tui.training.methods.outline import outline

# what the time and the memory of a step depend on
ALIKE = (
    "resolution", "aspect", "batch_size", "gradient_accumulation", "precision", "quantize",
    "gradient_checkpointing", "lora", "hypernet", "layer_structure", "learns",
)  # fmt: skip
CALL = 1.7e-4  # seconds that Python takes to call a layer, there and back, measured on one core of a server
MOST_CALLING = 0.8  # of a step: on a quicker processor it takes less
PRESERVING = 2.4  # times as much: the class is a second picture, and the base answers for it too
SLOWER = 2.0  # times the usual step, beyond which the second is not just one that still warms up
MORE = 1.15  # times what was told, from where on it is worth a warning


@dataclass(frozen=True)
class Forecast:
    """`seconds` of a step, None where nothing was measured here, and megabytes of memory. `exact` says that a run
    of this very shape was measured."""

    seconds: float | None
    memory_mb: int
    exact: bool = False

    def compared(self, seconds: float, memory: int, device: str) -> tuple[str, str]:
        """What was measured beside what was told, and a warning where it is much more, or ''; memory in bytes.

        On a CPU the memory is that of the whole process, whatever else it has done, and no reason to warn.
        """
        told = f"{pace(self.seconds)} and " if self.seconds else ""
        words = (
            f"Two steps measured: {pace(seconds)} a step, {megabytes(memory)}. "
            f"The plan said {told}{megabytes(self.memory_mb * 1e6)}."
        )
        slower = bool(self.seconds) and seconds > SLOWER * (self.seconds or 0)
        larger = device != "cpu" and memory > MORE * self.memory_mb * 1e6
        much = " and ".join([*(["time"] if slower else []), *(["memory"] if larger else [])])
        return words, f"The first steps took more {much} than the plan said." if much else ""


def pace(seconds: float) -> str:
    """Seconds of a step: '0.07 s', '12 s', '2 min 05 s'."""
    return duration(seconds) if seconds >= 10 else f"{seconds:.2g} s"


def forecast(
    db: Database, base: Base, settings: TrainSettings, method: str, fit: Fit, device: str, gpus: int = 1
) -> Forecast:
    """What a step of this shape should take on `device`, shared by `gpus` processes, and each of them need.

    Raises `BadFile` when the base is damaged.
    """
    past = [run for run in reversed(models.runs(db)) if run.metrics.get("device") == device]
    for run in past:
        same = run.base_id == base.id and run.method == method and _gpus_of(run) == gpus
        if same and _alike(_settings_of(run), settings):
            return Forecast(float(run.metrics["seconds_per_step"]), int(run.metrics["memory_mb"]), exact=True)
    return Forecast(_reckoned(db, past, base, settings, method, fit, gpus), round(fit.needs / 1e6))


def _alike(one: TrainSettings, other: TrainSettings) -> bool:
    same = all(getattr(one, name) == getattr(other, name) for name in ALIKE)
    return same and _passes(one) == _passes(other)


def _passes(settings: TrainSettings) -> float:
    """How many times a step computes what the photos alone would take."""
    of_class = 1 if settings.class_pictures and settings.class_weight else 0
    return (PRESERVING if settings.prior_preservation else 1) + of_class


def _reckoned(
    db: Database, past: list[Run], base: Base, settings: TrainSettings, method: str, fit: Fit, gpus: int
) -> float | None:
    """Seconds a step, from the pace of the newest run: of this base before others; None without any."""
    wanted = _work(base, settings, method, fit.twice if fit.checkpointing else 0.0)
    for run in sorted(past, key=lambda run: run.base_id != base.id):
        try:
            before = models.base_by_id(db, run.base_id)
            done = _work(before, _settings_of(run), run.method, float(run.metrics.get("twice", 0)))
        except ZenError:  # its base is gone
            continue
        took = float(run.metrics["seconds_per_step"])
        calling = min(CALL * done.calls, MOST_CALLING * took)
        computing = (took - calling) * _gpus_of(run) / gpus
        return calling * wanted.calls / done.calls + computing * wanted.operations / done.operations
    return None


@dataclass(frozen=True)
class _Work:
    """What an optimizer step does: `calls` of layers, each of which takes its time however small it is, and
    floating-point operations."""

    calls: float
    operations: float


def _work(base: Base, settings: TrainSettings, method: str, twice: float) -> _Work:
    """What a step takes with the share `twice` of the blocks computed twice."""
    source = source_of(base)
    parameters = sizes_of(source, base.family).denoiser
    layers = len(tensors_of(source.parts[PROFILES[base.family].denoiser]))
    pictures = settings.batch_size * settings.gradient_accumulation
    whole = method in METHODS and METHODS[method].whole
    once = operations(base.family, parameters, settings.resolution**2, pictures, twice, whole=whole)
    calls = layers * (1 + twice / 3) + outline(method, base, settings).calls
    passes = _passes(settings)
    return _Work(calls * settings.gradient_accumulation * passes, once * passes)


def _gpus_of(run: Run) -> int:
    return int(run.spec.get("gpus", 1)) * int(run.spec.get("machines", 1))


def _settings_of(run: Run) -> TrainSettings:
    return msgspec.convert(run.spec.get("settings", {}), TrainSettings, strict=False)
