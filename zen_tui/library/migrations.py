"""How the database came to its present form: one small function a step, applied in order, once.

`PRAGMA user_version` says how many have been applied. Before the first step on a database that holds
data, a copy is left beside it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

from sqlite_utils import Database as Schema

from zen_tui.library.database import SCHEMA_VERSION, Database


def first(db: Schema) -> None:
    """Datasets, photos, bases, jobs, runs, checkpoints, adapters, pictures."""
    db["datasets"].create(
        {
            "id": int,
            "slug": str,
            "token": str,
            "class_word": str,
            "kind": str,
            "consent": str,
            "created": float,
        },
        pk="id",
        not_null={"slug", "token", "class_word", "kind"},
        defaults={"consent": "{}"},
    ).create_index(["slug"], unique=True)
    db["photos"].create(
        {
            "id": int, "dataset_id": int, "hash": str, "suffix": str, "name": str, "aliases": str, "format": str,
            "width": int, "height": int, "caption": str, "split": str, "repeats": int, "verdicts": str,
            "crop": str, "source": bytes, "created": float,
        },
        pk="id",
        not_null={"dataset_id", "hash", "suffix", "name"},
        defaults={"aliases": "[]", "caption": "", "split": "train", "repeats": 1, "verdicts": "[]"},
        foreign_keys=[("dataset_id", "datasets", "id")],
    ).create_index(["dataset_id", "hash"], unique=True)  # fmt: skip
    db["bases"].create(
        {"id": int, "slug": str, "family": str, "variant": str, "path": str, "facts": str, "created": float},
        pk="id",
        not_null={"slug", "family", "path"},
        defaults={"variant": "", "facts": "{}"},
    ).create_index(["slug"], unique=True)
    db["jobs"].create(
        {
            "id": int, "kind": str, "title": str, "status": str, "control": str, "requests": str, "after": int,
            "position": float, "attempt": int, "stalls": int, "step": int, "steps": int, "furthest": int,
            "error": str, "created": float, "started": float, "finished": float,
        },
        pk="id",
        not_null={"kind", "title", "status"},
        defaults={
            "status": "queued", "control": "", "requests": "[]", "position": 0.0, "attempt": 0, "stalls": 0,
            "step": 0, "steps": 0, "furthest": 0, "error": "",
        },
        foreign_keys=[("after", "jobs", "id")],
    ).create_index(["status", "position"])  # fmt: skip
    db["runs"].create(
        {
            "id": int, "slug": str, "dataset_id": int, "base_id": int, "job_id": int, "method": str, "spec": str,
            "step": int, "steps": int, "metrics": str, "created": float, "finished": float,
        },
        pk="id",
        not_null={"slug", "method"},
        defaults={"spec": "{}", "step": 0, "steps": 0, "metrics": "{}"},
        foreign_keys=[("dataset_id", "datasets", "id"), ("base_id", "bases", "id"), ("job_id", "jobs", "id")],
    ).create_index(["slug"], unique=True)  # fmt: skip
    db["checkpoints"].create(
        {"id": int, "run_id": int, "step": int, "path": str, "size": int, "scores": str, "created": float},
        pk="id",
        not_null={"run_id", "step", "path"},
        defaults={"size": 0, "scores": "{}"},
        foreign_keys=[("run_id", "runs", "id")],
    ).create_index(["run_id", "step"], unique=True)
    db["adapters"].create(
        {
            "id": int, "slug": str, "family": str, "base_id": int, "run_id": int, "path": str, "kind": str,
            "trigger": str, "facts": str, "created": float,
        },
        pk="id",
        not_null={"slug", "family", "path"},
        defaults={"kind": "lora", "trigger": "", "facts": "{}"},
        foreign_keys=[("base_id", "bases", "id"), ("run_id", "runs", "id")],
    ).create_index(["slug"], unique=True)  # fmt: skip
    db["pictures"].create(
        {
            "id": int, "job_id": int, "idx": int, "hash": str, "path": str, "prompt": str, "negative": str,
            "seed": int, "width": int, "height": int, "recipe": str, "rating": int, "rejected": int,
            "created": float,
        },
        pk="id",
        not_null={"hash", "path", "prompt"},
        defaults={"idx": 0, "negative": "", "seed": 0, "recipe": "{}", "rating": 0, "rejected": 0},
        foreign_keys=[("job_id", "jobs", "id")],
    ).create_index(["job_id", "idx"], unique=True)  # fmt: skip
    db["picture_adapters"].create(
        {"picture_id": int, "adapter_id": int, "weight": float},
        pk=("picture_id", "adapter_id"),
        foreign_keys=[("picture_id", "pictures", "id"), ("adapter_id", "adapters", "id")],
    )


def judged_photos(db: Schema) -> None:
    """Photos are measured, rated, and know their near-duplicates."""
    photos = db["photos"]
    photos.add_column("measures", str)
    photos.add_column("alike", int)
    photos.add_column("rating", int, not_null_default=0)


def weighted_photos(db: Schema) -> None:
    """Photos count more or less than others."""
    db["photos"].add_column("weight", float, not_null_default=1.0)


MIGRATIONS: tuple[Callable[[Schema], None], ...] = (first, judged_photos, weighted_photos)
assert len(MIGRATIONS) == SCHEMA_VERSION


def migrate(database: Database) -> None:
    """Bring `database` to `SCHEMA_VERSION`; all steps or none."""
    if database.version:
        database.checkpoint()
        shutil.copy2(database.path, database.path.with_suffix(f".before-{SCHEMA_VERSION}.db"))
    with database.transaction() as connection:
        applied = database.version  # another process may have migrated while this one waited
        for step in MIGRATIONS[applied:]:
            step(Schema(connection))
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
