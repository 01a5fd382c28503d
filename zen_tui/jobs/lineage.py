"""Going on with a run past its end, and beginning a run from what another had learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from zen_tui.exchange.bases import base_folder
from zen_tui.exchange.profiles import require_trainable
from zen_tui.jobs import queue
from zen_tui.jobs.trainings import queue_training, require_name, require_resolution
from zen_tui.library import datasets, models
from zen_tui.library.database import Database
from zen_tui.library.errors import NotFound, Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Job, Run
from zen_tui.library.specs import DECIDED, SHAPED, Origin, TrainSettings, TrainSpec
from zen_tui.library.train_settings import train_settings
from zen_tui.ranks.cards import require_cards
from zen_tui.training.fitting import require_shares
from zen_tui.training.methods import require_known
from zen_tui.training.plan import require_fitting


@dataclass(frozen=True)
class Fork:
    """A queued run that begins from another's checkpoint, and the settings that differ, as (name, old, new)."""

    run: Run
    job: Job
    origin: Origin
    changed: list[tuple[str, Any, Any]]


def spec_of(home: Home, run: Run) -> TrainSpec:
    """What `run` was asked to do. Raises `BadFile`, or `Refused` for a run without a job."""
    if run.job_id is None:
        raise Refused(f"{run.slug} has no job.")
    spec = queue.spec_of(home, run.job_id)
    assert isinstance(spec, TrainSpec)
    return spec


def extend_run(db: Database, home: Home, run: Run, steps: int) -> Job:
    """Queue `run` again, to go on from its last checkpoint to `steps`.

    What it did so far stays as it is; its adapter is made anew in the end, and until then the old one holds. If it
    ended early, its patience begins anew.

    Raises:
        WrongUse: `steps` is no number of steps.
        Refused: it is running, or has done so many steps already.
    """
    spec = spec_of(home, run)
    settings = train_settings(msgspec.to_builtins(spec.settings), {"steps": steps})
    done = _newest(db, run, spec)
    if steps <= done:
        raise Refused(
            f"{run.slug} has learned for {done:,} steps already.", f"Ask for more than that: --steps {2 * done}."
        )
    assert run.job_id is not None
    changed = msgspec.structs.replace(spec, settings=settings, until=done)
    with db.transaction():
        job = queue.extend(db, home, run.job_id, changed, steps)
        db.update("runs", run.id, steps=steps, spec=msgspec.to_builtins(changed))
    return job


def spread_run(db: Database, home: Home, run: Run, gpus: int) -> None:
    """Let `run` be shared by `gpus` processes of this machine alone when it is taken up next.

    Raises:
        WrongUse: so many GPUs are not here, or cannot share its steps.
        Refused: it is running.
    """
    require_cards(gpus)
    spec = spec_of(home, run)
    require_shares(spec.settings, gpus)
    assert run.job_id is not None
    changed = msgspec.structs.replace(spec, gpus=gpus, machines=1)
    with db.transaction():
        queue.restate(db, home, run.job_id, changed)
        db.update("runs", run.id, spec=msgspec.to_builtins(changed))


def _newest(db: Database, run: Run, spec: TrainSpec) -> int:
    """The step that a run would go on from."""
    own = [kept.step for kept in models.checkpoints(db, run.id)]
    return max(own, default=spec.origin.step if spec.origin else 0)


@dataclass(frozen=True)
class Branch:
    """How a run would go on from a checkpoint: what the other was asked to do, and the settings from now on."""

    origin: Origin
    before: TrainSpec
    settings: TrainSettings
    base: Base

    @property
    def changed(self) -> list[tuple[str, Any, Any]]:
        """The settings that differ, as (name, old, new)."""
        old, new = msgspec.structs.asdict(self.before.settings), msgspec.structs.asdict(self.settings)
        return [(key, old[key], new[key]) for key in new if old[key] != new[key]]


def branch_of(
    db: Database,
    home: Home,
    run: Run,
    *,
    step: int | None = None,
    chosen: Mapping[str, Any],
    kept: Mapping[str, Any] | None = None,
) -> Branch:
    """What a run from a checkpoint of `run` would do, the newest unless `step` says which; nothing is queued.

    Args:
        chosen: settings to change, values possibly as typed.
        kept: settings from a file, of which those that differ are changed; `chosen` come before them.

    Raises:
        NotFound: there is no checkpoint at `step`, or the base is gone.
        WrongUse: a setting that does not exist, does not fit, or that what was learned depends on.
        Refused: the run has no checkpoint yet.
    """
    origin = _origin(db, run, step)
    before = spec_of(home, run)
    wanted = {**_differing(before.settings, kept or {}), **chosen}
    require_known(before.method, wanted)
    settings = _changed(before.settings, wanted)
    if settings.steps <= origin.step:
        raise WrongUse(
            f"{settings.steps:,} steps end where it would begin, at step {origin.step:,}.",
            f"Set steps too: --steps {2 * origin.step}.",
        )
    base = models.base_by_id(db, run.base_id)
    require_trainable(base)
    require_fitting(settings, base, before.method)
    base_folder(base)
    require_resolution(base, settings.resolution)
    return Branch(origin, before, settings, base)


def fork_run(
    db: Database,
    home: Home,
    run: Run,
    *,
    step: int | None = None,
    chosen: Mapping[str, Any],
    kept: Mapping[str, Any] | None = None,
    name: str | None = None,
    gpus: int = 1,
) -> Fork:
    """Queue a new run that goes on from a checkpoint of `run`, as `branch_of` has it, and raise what that raises.

    It learns from the same photos, and counts its steps on from there. `gpus` processes share them.
    """
    require_cards(gpus)
    branch = branch_of(db, home, run, step=step, chosen=chosen, kept=kept)
    require_shares(branch.settings, gpus)
    require_name(name)
    dataset = datasets.dataset(db, branch.before.dataset)
    made, job = queue_training(
        db,
        home,
        dataset,
        branch.base,
        branch.before.method,
        branch.settings,
        name or run.slug,
        origin=branch.origin,
        gpus=gpus,
    )
    return Fork(made, job, branch.origin, branch.changed)


def _differing(before: TrainSettings, kept: Mapping[str, Any]) -> dict[str, Any]:
    after = msgspec.structs.asdict(train_settings(msgspec.structs.asdict(before), kept))
    return {name: after[name] for name, was in msgspec.structs.asdict(before).items() if after[name] != was}


def _origin(db: Database, run: Run, step: int | None) -> Origin:
    kept = [checkpoint.step for checkpoint in models.checkpoints(db, run.id)]
    if not kept:
        raise Refused(f"{run.slug} has no checkpoint yet.", f"`zen runs watch {run.slug}` shows how far it is.")
    if step is not None and step not in kept:
        raise NotFound(
            f"{run.slug} has no checkpoint at step {step:,}.", f"There are: {', '.join(map(str, kept))}."
        )
    return Origin(run=run.id, name=run.slug, step=kept[-1] if step is None else step)


def _changed(before: TrainSettings, chosen: Mapping[str, Any]) -> TrainSettings:
    for name in chosen:
        if name in (*SHAPED, "method", "base", "dataset"):
            raise WrongUse(
                f"{name} cannot be changed here: what was learned would not fit.",
                "Start a new run with `zen train`.",
            )
        if name in DECIDED:
            raise WrongUse(
                f"{name} cannot be changed here: the photos are taken over as they are.",
                "Start a new run with `zen train`.",
            )
    settings = train_settings(msgspec.to_builtins(before), chosen)
    if bool(before.text_encoder_lr) != bool(settings.text_encoder_lr):
        raise WrongUse(
            "text_encoder_lr cannot be turned on or off here: what was learned would not fit.",
            "Start a new run with `zen train`.",
        )
    return settings
