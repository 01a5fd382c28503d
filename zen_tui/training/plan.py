"""What a training will learn, take and need, told before it starts and without torch.

A time is given only when steps were measured on this machine; nothing is guessed.
"""

from __future__ import annotations

import msgspec

from zen_tui.exchange.bases import facts_of
from zen_tui.exchange.profiles import PROFILES, licence_of, require_trainable
from zen_tui.exchange.source import source_of
from zen_tui.generation.fit import machine, too_small
from zen_tui.library import datasets, models
from zen_tui.library.database import Database
from zen_tui.library.errors import WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Dataset
from zen_tui.library.sizes import require_size
from zen_tui.library.specs import TrainSettings
from zen_tui.library.text import duration, megabytes, plural
from zen_tui.photos.split import hold_out
from zen_tui.training.beginning import class_caption, masked_photos, require_photos, require_token
from zen_tui.training.costs import feed_warnings, feeding, latent_numbers, too_small_photos
from zen_tui.training.fitting import fit_for, require_shares
from zen_tui.training.forecast import forecast
from zen_tui.training.methods import METHODS
from zen_tui.training.methods.outline import Outline, outline, require_sense

BESIDE = 2  # checkpoints on disk beside the newest: the best, and the one being written


class Plan(msgspec.Struct, kw_only=True):
    """Steps count optimizer steps. `seconds` is None when no step was measured on this machine; unless `measured`,
    by a run of this very shape, it and `memory_mb` are reckoned. `preset` is the one that was used, in words."""

    learned: str
    rate: str
    photos: int
    held_out: int
    steps: int
    passes: float
    seconds: float | None
    memory_mb: int
    measured: bool
    disk_mb: int
    licence: str
    licence_note: str = ""
    fit: str = ""
    feeding: list[tuple[str, str]] = []
    warnings: list[str] = []
    preset: str = ""
    gpus: int = 1

    def lines(self) -> list[tuple[str, str]]:
        """Names and values to show to a person."""
        memory, several = megabytes(self.memory_mb * 1e6), self.gpus > 1
        shown = [
            *([("preset", self.preset)] if self.preset else []),
            ("learns", self.learned),
            ("rate", self.rate),
            ("photos", f"{self.photos}, and {self.held_out or 'none'} held out"),
            ("steps", f"{self.steps:,}, each photo seen {self.passes:.3g} times"),
            ("time", self._time()),
            ("memory", f"{memory}, as measured before" if self.measured else f"about {memory}, as reckoned"),
            *([("processes", f"{self.gpus}; each needs that memory, and all share each step")] if several else []),
            ("disk", megabytes(self.disk_mb * 1e6)),
            *self.feeding,
            *([("to fit", self.fit)] if self.fit else []),
            ("licence", f"{self.licence}. {self.licence_note}" if self.licence_note else self.licence),
        ]
        return [*shown, *(("note", warning) for warning in self.warnings)]

    def _time(self) -> str:
        if not self.seconds:
            return "not measured yet on this machine"
        return f"about {duration(self.seconds)}" + ("" if self.measured else ", reckoned from other runs here")


def require_fitting(settings: TrainSettings, base: Base, method: str) -> None:
    """Raise `WrongUse` when a setting means nothing for `base`, or settings contradict each other."""
    require_sense(method, base, settings)
    flows = PROFILES[base.family].flows
    if settings.noise_offset and flows:
        raise WrongUse(
            f"noise_offset is for bases that learned noise by steps, and {base.slug} did not.", "Set it to 0."
        )
    if settings.shift and not flows:
        raise WrongUse(f"shift is for bases that learned by flow, and {base.slug} did not.", "Set it to 0.")
    if settings.stop_early and not settings.holdout:
        raise WrongUse(
            "stop_early needs photos that are held out, and holdout is 0.", "Set holdout=0.1, for example."
        )
    if settings.optimizer == "schedule_free" and settings.lr_schedule != "constant":
        raise WrongUse("The schedule-free optimizer takes no schedule.", "Set lr_schedule to constant.")
    if settings.optimizer == "schedule_free" and settings.ema:
        raise WrongUse("The schedule-free optimizer keeps an average of its own.", "Set ema to 0.")


def plan(
    db: Database,
    home: Home,
    base: Base,
    dataset: Dataset,
    settings: TrainSettings,
    method: str = "lora",
    gpus: int = 1,
) -> Plan:
    """What training `dataset` on `base` by `method` would be, shared by `gpus` processes.

    Raises:
        WrongUse: settings that do not fit, or a step that so many cannot share.
        Refused: too few photos, no masks where they are asked for, a resolution the base cannot do, or a base
            that must not be trained.
        BadFile: the base is gone or damaged.
    """
    require_trainable(base)
    require_fitting(settings, base, method)
    require_shares(settings, gpus)
    facts, source = facts_of(base), source_of(base)
    require_size(settings.resolution, settings.resolution, multiple=facts.multiple, base=base.slug)
    photos = datasets.photos(db, dataset.id, usable=True)
    require_photos(dataset, len(photos), settings)
    held_out = {photo.id for photo in photos if photo.split == "holdout"} if settings.holdout else set()
    held_out = held_out or hold_out(photos, settings.holdout, settings.seed)
    learned = [photo for photo in photos if photo.id not in held_out]
    seen = sum(max(1, photo.repeats) for photo in learned)
    masked = masked_photos(home, dataset, photos, settings)

    if METHODS[method].with_word:
        require_token(dataset, learned)
    learns = outline(method, base, settings)
    numbers = learns.numbers
    here = machine()
    fit = fit_for(base, settings, here, method, gpus)
    expected = forecast(db, base, settings, method, fit, here.device, gpus)
    numbers_per_pixel = latent_numbers(source, PROFILES[base.family])
    licence, meaning = licence_of(base)
    folder = facts.bytes if METHODS[method].whole and settings.save == "folder" else 0
    return Plan(
        learned=f"{numbers:,} numbers in {learns.words}",
        rate=rate_in_words(settings, learns),
        photos=len(photos) - len(held_out),
        held_out=len(held_out),
        steps=settings.steps,
        passes=settings.steps * settings.batch_size * settings.gradient_accumulation / seen,
        seconds=expected.seconds * settings.steps if expected.seconds else None,
        memory_mb=expected.memory_mb,
        measured=expected.exact,
        disk_mb=max(1, round((12 * numbers * (settings.keep_checkpoints + BESIDE) + 4 * numbers + folder) / 1e6)),
        licence=licence,
        licence_note="" if any(run.base_id == base.id and run.finished for run in models.runs(db)) else meaning,
        fit=fit.words,
        gpus=gpus,
        feeding=[
            *feeding(learned, len(held_out), len(masked), settings, facts.multiple, numbers_per_pixel),
            *_class(dataset, settings),
        ],
        warnings=[
            *_warnings(settings, small=too_small_photos(photos, settings, facts.multiple), seen=seen),
            *feed_warnings(learned, dataset, settings, facts.multiple),
            *filter(None, [too_small(fit, here)]),
        ],
    )


def rate_in_words(settings: TrainSettings, learns: Outline) -> str:
    """The learning rate with what alpha and rank make of it: the trap of borrowed settings."""
    found = "found by Prodigy, times " if settings.optimizer == "prodigy" else ""
    if not learns.why:
        return f"{found}{settings.learning_rate:g}"
    return (
        f"{found}{settings.learning_rate:g}; effective {settings.learning_rate * learns.strength:.3g} "
        f"(x {learns.why})"
    )


def _class(dataset: Dataset, settings: TrainSettings) -> list[tuple[str, str]]:
    """Name and value to show of the pictures of the class, where there will be any."""
    if not settings.class_pictures:
        return []
    count = plural(settings.class_pictures, "picture")
    words = f"{count} of “{class_caption(dataset)}”, drawn by the base before the training"
    return [("class", f"{words}; as many are learned in a step as photos")]


def _warnings(settings: TrainSettings, *, small: int, seen: int) -> list[str]:
    found = []
    if small:
        found.append(f"{plural(small, 'photo')} smaller than {settings.resolution} pixels will be enlarged.")
    if settings.batch_size > seen:
        found.append(f"A batch of {settings.batch_size} repeats photos: there are {seen} to train on.")
    if settings.warmup >= settings.steps:
        found.append(f"The warm-up of {settings.warmup} steps never ends: the run has {settings.steps}.")
    return found
