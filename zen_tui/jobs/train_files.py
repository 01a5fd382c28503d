"""A training as a file: from an earlier run, from a file somebody kept, and written to be kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.training_files import About, Borrowed, is_file_name, read_training
from zen_tui.jobs.lineage import spec_of
from zen_tui.library import datasets, models, run_files
from zen_tui.library.database import Database
from zen_tui.library.durable import write_text
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Run
from zen_tui.library.run_files import RunFile
from zen_tui.library.specs import TrainSettings
from zen_tui.library.train_settings import train_settings
from zen_tui.training.presets import defaults_for

__all__ = ["Borrowed", "RunFile", "as_typed", "bring", "is_file_name", "read_training", "write_training"]


def bring(db: Database, home: Home, source: str, dataset: str | None = None, base: str | None = None) -> RunFile:
    """What `source` says of a training: a file, the name of a run, or RUN@STEP for its checkpoint at a step.

    Args:
        dataset: what the settings of another tool's file will train, which turns its epochs into steps.
        base: what they will be trained on, which not all of them suit.

    Raises:
        NotFound: no such file, run or checkpoint.
        WrongUse: the file cannot be understood, or the step is no number.
    """
    if is_file_name(source):
        return read_training(Path(source).expanduser(), _about(db, dataset, base))
    name, at, step = source.partition("@")
    run = models.run(db, name)
    if not at:
        return _of_run(home, run)
    if not step.isdecimal():
        raise WrongUse(f"{step!r} is no step.", f"Write {name}@500, for example.")
    return RunFile(run=name, step=int(step))


def _about(db: Database, dataset: str | None, base: str | None) -> About:
    """The photos that are seen in an epoch, and how the base learned."""
    photos = datasets.photos(db, datasets.dataset(db, dataset).id, usable=True) if dataset else []
    learned = [photo for photo in photos if photo.split != "holdout"]
    profile = PROFILES.get(models.base(db, base).family) if base else None
    return About(photos=sum(max(1, photo.repeats) for photo in learned), flows=profile.flows if profile else None)


def _of_run(home: Home, run: Run) -> RunFile:
    """What a run was asked to do: its `run.toml`, or what is queued where it has not begun."""
    record = home.run(run.id) / "run.toml"
    if record.exists():
        return read_training(record)
    spec = spec_of(home, run)
    return RunFile(
        dataset=spec.dataset,
        base=spec.base,
        method=spec.method,
        run=spec.origin.name if spec.origin else None,
        step=spec.origin.step if spec.origin else None,
        settings=msgspec.structs.asdict(spec.settings),
    )


def write_training(
    path: Path,
    settings: TrainSettings,
    dataset: str,
    base: Base,
    method: str,
    name: str | None = None,
    origin: tuple[str, int] | None = None,
) -> Path:
    """Write a training as a file to be kept and started; returns its full path.

    Raises:
        WrongUse: it is not called .toml.
        Refused: there is such a file already.
        ZenError: it cannot be written.
    """
    path = path.expanduser().absolute()
    if path.suffix.lower() != ".toml":
        raise WrongUse(f"{path.name} is not called .toml.", f"Write {path.stem}.toml, for example.")
    if path.exists():
        raise Refused(f"{path} exists already.", "Choose another name; Zen overwrites nothing.")
    head = {"name": name, "dataset": dataset, "base": base.slug, "family": base.family, "method": method}
    write_text(path, run_files.encode(settings, head, origin))
    return path


def as_typed(
    db: Database, found: RunFile, dataset: str | None, base: str | None, preset: str | None
) -> dict[str, str]:
    """The settings of a file as somebody would type them: those that differ from what base and preset recommend.

    Raises:
        WrongUse: a setting cannot be typed, or there is no preset of that name.
    """
    defaults = TrainSettings()
    if dataset and base:
        advised = defaults_for(models.base(db, base), datasets.dataset(db, dataset), preset)
        defaults = train_settings(advised, {})
    before = msgspec.structs.asdict(defaults)
    after = msgspec.structs.asdict(train_settings(before, found.settings))
    typed = {name: value for name, value in after.items() if value != before[name]}
    for follows, leads in (("alpha", "rank"), ("learning_rate", "optimizer")):
        if leads in typed:  # what follows would otherwise change with it
            typed[follows] = after[follows]
    if any("|" in prompt for prompt in typed.get("sample_prompts", ())):
        raise WrongUse(
            "A sample prompt with | in it cannot be typed here.", "Start the file with `zen train --from`."
        )
    return {name: _text(value) for name, value in typed.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " | ".join(value) if isinstance(value, tuple) else str(value)
