"""Bases, runs, checkpoints and adapters in the database."""

from __future__ import annotations

import time
from typing import Any

from zen_tui.library.database import Database, find, free_slug, record
from zen_tui.library.errors import NotFound
from zen_tui.library.records import Adapter, Base, Checkpoint, Run
from zen_tui.library.text import slugify


def bases(db: Database) -> list[Base]:
    """Every base, newest last."""
    return [record(row, Base) for row in db.rows("SELECT * FROM bases ORDER BY id")]


def base(db: Database, name: str) -> Base:
    """The base with this slug or id. Raises `NotFound`."""
    return find(db, "bases", Base, name, "base")


def base_by_id(db: Database, base_id: int | None) -> Base:
    """The base with this id. Raises `NotFound`, also for None, which a record keeps of a base that was removed."""
    row = db.row("SELECT * FROM bases WHERE id = ?", base_id)
    if row is None:
        raise NotFound("The base was taken off the list.", "`zen bases list` shows what there is.")
    return record(row, Base)


def add_base(db: Database, name: str, family: str, variant: str, path: str, facts: dict[str, Any]) -> Base:
    """Record a base; its name gets a number if it is taken."""
    slug = free_slug(db, "bases", slugify(name) or "base")
    db.insert("bases", slug=slug, family=family, variant=variant, path=path, facts=facts, created=time.time())
    return base(db, slug)


def remove_base(db: Database, base_id: int) -> None:
    """Take a base off the list; runs and adapters made with it stay."""
    with db.transaction() as connection:
        connection.execute("UPDATE runs SET base_id = NULL WHERE base_id = ?", (base_id,))
        connection.execute("UPDATE adapters SET base_id = NULL WHERE base_id = ?", (base_id,))
        connection.execute("DELETE FROM bases WHERE id = ?", (base_id,))


def runs(db: Database) -> list[Run]:
    """Every run, newest last."""
    return [record(row, Run) for row in db.rows("SELECT * FROM runs ORDER BY id")]


def run(db: Database, name: str) -> Run:
    """The run with this slug or id. Raises `NotFound`."""
    return find(db, "runs", Run, name, "run")


def run_by_id(db: Database, run_id: int) -> Run:
    """The run with this id. Raises `NotFound`."""
    row = db.row("SELECT * FROM runs WHERE id = ?", run_id)
    if row is None:
        raise NotFound(f"There is no run {run_id}.", "`zen runs list` shows what there is.")
    return record(row, Run)


def runs_of(db: Database, dataset_id: int) -> list[Run]:
    """The runs that a dataset was trained in."""
    return [record(row, Run) for row in db.rows("SELECT * FROM runs WHERE dataset_id = ? ORDER BY id", dataset_id)]


def run_of_job(db: Database, job_id: int) -> Run | None:
    """The run that a training job works on."""
    row = db.row("SELECT * FROM runs WHERE job_id = ?", job_id)
    return record(row, Run) if row else None


def stood_on(db: Database, run_id: int) -> set[int]:
    """The steps of a run from which other runs began."""
    origins = [found.spec.get("origin") or {} for found in runs(db)]
    return {int(origin["step"]) for origin in origins if origin.get("run") == run_id}


def checkpoints(db: Database, run_id: int) -> list[Checkpoint]:
    """The checkpoints of a run by step."""
    found = db.rows("SELECT * FROM checkpoints WHERE run_id = ? ORDER BY step", run_id)
    return [record(row, Checkpoint) for row in found]


def add_checkpoint(db: Database, run_id: int, step: int, path: str, size: int, scores: dict[str, Any]) -> None:
    """Record a durable checkpoint; one at the same step replaces the older record."""
    with db.transaction() as connection:
        connection.execute("DELETE FROM checkpoints WHERE run_id = ? AND step = ?", (run_id, step))
        db.insert(
            "checkpoints", run_id=run_id, step=step, path=path, size=size, scores=scores, created=time.time()
        )
        db.update("runs", run_id, step=step)


def remove_checkpoint(db: Database, checkpoint_id: int) -> None:
    """Take a checkpoint out of the database; its file is the caller's to delete."""
    with db.transaction() as connection:
        connection.execute("DELETE FROM checkpoints WHERE id = ?", (checkpoint_id,))


def adapters(db: Database) -> list[Adapter]:
    """Every adapter, newest last."""
    return [record(row, Adapter) for row in db.rows("SELECT * FROM adapters ORDER BY id")]


def adapter(db: Database, name: str) -> Adapter:
    """The adapter with this slug or id. Raises `NotFound`."""
    return find(db, "adapters", Adapter, name, "adapter")


def add_adapter(db: Database, name: str, family: str, path: str, **values: Any) -> Adapter:
    """Record a finished or imported adapter; its name gets a number if it is taken."""
    slug = free_slug(db, "adapters", slugify(name) or "adapter")
    db.insert("adapters", slug=slug, family=family, path=path, created=time.time(), **values)
    return adapter(db, slug)


def remove_adapter(db: Database, adapter_id: int) -> None:
    """Take an adapter out of the database; pictures made with it keep its name in their recipe."""
    with db.transaction() as connection:
        connection.execute("DELETE FROM picture_adapters WHERE adapter_id = ?", (adapter_id,))
        connection.execute("DELETE FROM adapters WHERE id = ?", (adapter_id,))
