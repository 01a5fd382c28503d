"""Queueing a training: settings from the base, the preset and the person, checked, planned, recorded as a run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from zen_tui.exchange.bases import base_folder
from zen_tui.jobs import queue
from zen_tui.library import datasets, models
from zen_tui.library.database import Database
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Dataset, Job, Run
from zen_tui.library.sizes import require_size
from zen_tui.library.specs import SETTING_NAMES, Origin, TrainSettings, TrainSpec
from zen_tui.library.text import nearest, plural, slugify
from zen_tui.library.train_settings import train_settings
from zen_tui.ranks.cards import require_cards
from zen_tui.training.beginning import require_photos
from zen_tui.training.methods import METHODS, require_known
from zen_tui.training.plan import Plan, plan
from zen_tui.training.presets import PRESETS, defaults_for, in_words, preset_for, preset_settings

SMALLER, LARGER = 4, 2  # a base still learns at a quarter and at twice the size it was made for

__all__ = [
    "METHODS",
    "PRESETS",
    "Submitted",
    "in_words",
    "plan_training",
    "prepare_training",
    "preset_for",
    "preset_settings",
    "queue_training",
    "submit_training",
    "training_defaults",
]


@dataclass(frozen=True)
class Submitted:
    """A queued training and what it will do."""

    run: Run
    job: Job
    plan: Plan


def training_defaults(
    base: Base, dataset: Dataset, preset: str | None = None, method: str = "lora"
) -> dict[str, Any]:
    """The settings that a training would have if nothing were chosen. Raises `WrongUse` for an unknown preset."""
    return defaults_for(base, dataset, preset, method)


def plan_training(
    db: Database,
    home: Home,
    dataset: Dataset,
    base: Base,
    *,
    method: str = "lora",
    preset: str | None = None,
    chosen: Mapping[str, Any],
    kept: Mapping[str, Any] | None = None,
    gpus: int = 1,
) -> Plan:
    """What a training would do; nothing is queued. Raises as `prepare_training`."""
    return prepare_training(
        db, home, dataset, base, method=method, preset=preset, chosen=chosen, kept=kept, gpus=gpus
    )[1]


def submit_training(
    db: Database,
    home: Home,
    dataset: Dataset,
    base: Base,
    *,
    method: str = "lora",
    preset: str | None = None,
    chosen: Mapping[str, Any],
    kept: Mapping[str, Any] | None = None,
    name: str | None = None,
    gpus: int = 1,
    machines: int = 1,
) -> Submitted:
    """Queue a training. `name` is the adapter's; the rest as in `prepare_training`, which says what it raises.

    Raises:
        DiskFull: nothing was queued.
    """
    settings, planned = prepare_training(
        db,
        home,
        dataset,
        base,
        method=method,
        preset=preset,
        chosen=chosen,
        kept=kept,
        gpus=gpus,
        machines=machines,
    )
    require_name(name)
    name = name or dataset.slug
    run, job = queue_training(db, home, dataset, base, method, settings, name, gpus=gpus, machines=machines)
    return Submitted(run, job, planned)


def prepare_training(
    db: Database,
    home: Home,
    dataset: Dataset,
    base: Base,
    *,
    method: str = "lora",
    preset: str | None = None,
    chosen: Mapping[str, Any],
    kept: Mapping[str, Any] | None = None,
    gpus: int = 1,
    machines: int = 1,
) -> tuple[TrainSettings, Plan]:
    """The settings of a training and what it will do.

    Args:
        chosen: settings by name that a person chose now, values possibly as typed; they come before all others.
        kept: settings from a file; they come before what base and preset recommend.
        gpus: how many processes of each of `machines` share each step, one a GPU.

    Raises:
        WrongUse: a method, preset or setting that does not exist or does not fit, or GPUs that are not there.
        Refused: too few photos, none left to learn from, or a resolution the base cannot do.
        BadFile: the base's folder is gone.
    """
    require_cards(gpus)
    if method not in METHODS:
        close = nearest(method, METHODS)
        hint = f"Did you mean {close}?" if close else f"The methods are: {', '.join(METHODS)}."
        raise WrongUse(f"There is no method called {method}.", hint)
    require_known(method, chosen)
    defaults = defaults_for(base, dataset, preset, method)
    if kept:
        defaults = msgspec.structs.asdict(train_settings(defaults, kept))
    settings = train_settings(defaults, chosen)
    if machines > 1 and settings.class_pictures:
        raise WrongUse(
            "Pictures of the class are drawn on one machine and not carried to another.",
            "Set class_pictures to 0, or prior_preservation instead.",
        )
    base_folder(base)
    _require_photos(db, dataset, settings)
    require_resolution(base, settings.resolution)
    planned = plan(db, home, base, dataset, settings, method, gpus * machines)
    if preset or not set(kept or ()) >= set(SETTING_NAMES):
        planned.preset = in_words(preset or preset_for(dataset))
    return settings, planned


def require_name(name: str | None) -> None:
    """Raise `WrongUse` for the name of an adapter that would leave nothing to call it by."""
    if name is not None and not slugify(name):
        raise WrongUse(f"The name {name!r} has no letters or digits in it.", "Give a name such as mara.")


def _require_photos(db: Database, dataset: Dataset, settings: TrainSettings) -> None:
    photos = datasets.photos(db, dataset.id)
    usable = [photo for photo in photos if photo.split != "out"]
    if photos and not usable:
        raise Refused(
            f"All {plural(len(photos), 'photo')} of {dataset.slug} are marked out.", "Put some back into training."
        )
    require_photos(dataset, len(usable), settings)
    if settings.holdout and all(photo.split == "holdout" for photo in usable):
        raise Refused(
            f"All photos of {dataset.slug} are held out, so none is left to learn from.",
            "Put some back into training, or set holdout to 0.",
        )


def require_resolution(base: Base, resolution: int) -> None:
    made_for = int(base.facts.get("resolution", resolution))
    require_size(resolution, resolution, multiple=int(base.facts.get("multiple", 8)), base=base.slug)
    if not made_for / SMALLER <= resolution <= made_for * LARGER:
        raise Refused(
            f"{base.slug} was made for pictures of {made_for} pixels; it learns nothing good at {resolution}.",
            f"Choose a resolution from {made_for // SMALLER} to {made_for * LARGER}.",
        )


def queue_training(
    db: Database,
    home: Home,
    dataset: Dataset,
    base: Base,
    method: str,
    settings: TrainSettings,
    name: str,
    after: int | None = None,
    origin: Origin | None = None,
    gpus: int = 1,
    machines: int = 1,
) -> tuple[Run, Job]:
    """Record a run and queue its job, both or neither. The run and its adapter get `name`, or one near it.

    A run of several machines waits for them: no worker takes it up by itself.
    """
    with db.transaction():
        slug = free_name(db, name)
        run_id = db.insert(
            "runs",
            slug=slug,
            dataset_id=dataset.id,
            base_id=base.id,
            method=method,
            steps=settings.steps,
            created=time.time(),
        )
        spec = TrainSpec(
            run=run_id,
            name=slug,
            dataset=dataset.slug,
            base=base.slug,
            method=method,
            settings=settings,
            origin=origin,
            gpus=gpus,
            machines=machines,
        )
        job = queue.enqueue(db, home, spec, f"train {slug}", after)
        if machines > 1:
            queue.pause(db, job.id)
        db.update("runs", run_id, job_id=job.id, spec=msgspec.to_builtins(spec))
        return models.run(db, slug), job


def free_name(db: Database, wanted: str) -> str:
    """`wanted`, or it with a number, such that neither a run nor an adapter is called that."""
    taken = {row["slug"] for table in ("runs", "adapters") for row in db.rows(f"SELECT slug FROM {table}")}
    slug = name = slugify(wanted)
    number = 1
    while name in taken:
        number += 1
        name = f"{slug}-{number}"
    return name
