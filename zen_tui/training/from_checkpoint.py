"""The adapter that a run would have ended with at any of its checkpoints, made in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import torch

from zen_tui.exchange.adapters import inspect_adapter
from zen_tui.families import load_family
from zen_tui.library import datasets, models
from zen_tui.library.database import Database, free_slug
from zen_tui.library.durable import move
from zen_tui.library.errors import Refused
from zen_tui.library.events import Feed
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Dataset, Run
from zen_tui.library.specs import CheckpointSpec, TrainSpec
from zen_tui.library.text import slugify
from zen_tui.photos.captions import trigger
from zen_tui.training import methods, optimizers
from zen_tui.training.averages import Average
from zen_tui.training.checkpoints import State, kept_at
from zen_tui.training.methods.method import Method, Subject
from zen_tui.training.methods.outline import targets_of


def make_from_checkpoint(spec: CheckpointSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Write the file `spec.out`, or record an adapter called `spec.name`. Returns
    {"out"} or {"adapter"}, and "step".

    Raises:
        Refused: the file exists already.
        BadFile: the checkpoint or the base is gone or damaged.
        ZenError: what was written does not read back the same; nothing is left.
    """
    run = models.run_by_id(db, spec.run)
    asked = msgspec.convert(run.spec, TrainSpec)
    base, dataset = models.base_by_id(db, run.base_id), datasets.dataset(db, asked.dataset)
    state = kept_at(db, home, run.id, spec.step)
    out = Path(spec.out) if spec.out else None
    if out is not None and out.exists():
        raise Refused(f"{out} exists already.", "Choose another name; Zen overwrites nothing.")
    method = _method_at(state, asked, base, dataset)
    if out is not None:
        return {"out": str(method.save(out)), "step": spec.step}
    slug = free_slug(db, "adapters", slugify(spec.name) or run.slug)
    path = home.adapters / f"{slug}.safetensors"
    made = method.save(home.work / path.name)
    path = path.with_name(made.name)
    move(made, path)
    return {"adapter": _record(db, home, run, base, dataset, method, path, spec.step), "step": spec.step}


def _method_at(state: State, spec: TrainSpec, base: Base, dataset: Dataset) -> Method:
    """The method with what it had learned, averaged as at the end of a run."""
    family = load_family(base, device="cpu", dtype=torch.float32 if base.family == "sd15" else torch.bfloat16)
    subject = Subject(dataset.token, dataset.class_word)
    method = methods.build(spec.method, family, spec.settings, subject, targets_of(base))
    method.restore(state.learned)
    state = optimizers.in_groups(state, method)
    optimizer = optimizers.build(spec.settings, method.groups, family.device)
    optimizers.unpack(optimizer, state.optimizer, state.groups)
    average = Average(method.parameters, optimizer, spec.settings.ema)
    average.restore(state.average)
    average.settle()
    return method


def _record(
    db: Database, home: Home, run: Run, base: Base, dataset: Dataset, method: Method, path: Path, step: int
) -> str:
    facts = {
        **msgspec.to_builtins(inspect_adapter(path)),
        "steps": step,
        "checkpoint": step,
        "dataset": dataset.slug,
        "licence": method.family.licence,
    }
    return models.add_adapter(
        db,
        path.stem,
        base.family,
        home.relative(path),
        base_id=base.id,
        run_id=run.id,
        kind=method.kind,
        trigger=trigger(dataset),
        facts=facts,
    ).slug
