"""Which checkpoints of a run may go: not the newest, not the best, and none that another run began from."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Checkpoint
from zen_tui.library.scores import Scores, choose


def best(checkpoints: Iterable[Checkpoint]) -> Checkpoint | None:
    """The one judged best, else the earliest with the lowest loss on held-out photos; None where
    none has a score."""
    checkpoints = list(checkpoints)
    if choice := choose([(kept.step, msgspec.convert(kept.scores, Scores)) for kept in checkpoints]):
        return next(kept for kept in checkpoints if kept.step == choice.step)
    scored = [kept for kept in checkpoints if kept.step > 0 and kept.scores.get("holdout") is not None]
    return min(scored, key=lambda kept: (kept.scores["holdout"], kept.step), default=None)


def spare(db: Database, run_id: int, keep: int) -> list[Checkpoint]:
    """What may go when the newest `keep` (1 at least) stay."""
    found = models.checkpoints(db, run_id)
    needed = models.stood_on(db, run_id) | {kept.step for kept in filter(None, [best(found)])}
    return [old for old in found[:-keep] if old.step not in needed]


def remove(db: Database, home: Home, checkpoints: Iterable[Checkpoint]) -> int:
    """Delete checkpoints for good; returns how many bytes that freed."""
    freed = 0
    for old in checkpoints:
        models.remove_checkpoint(db, old.id)
        home.resolve(old.path).unlink(missing_ok=True)
        freed += old.size
    return freed
