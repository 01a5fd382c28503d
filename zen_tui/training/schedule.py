"""The learning rate at a step, and what is due at it."""

from __future__ import annotations

import math

from zen_tui.library.specs import TrainSettings


def learning_rate(settings: TrainSettings, step: int) -> float:
    """The rate of optimizer step `step` (from 1): a straight warm-up, then level, or
    half a cosine or a straight line to nearly 0."""
    if step <= settings.warmup:
        return settings.learning_rate * step / (settings.warmup + 1)
    if settings.lr_schedule == "constant":
        return settings.learning_rate
    left = max(1, settings.steps - settings.warmup)
    done = (step - settings.warmup - 1) / left
    if settings.lr_schedule == "linear":
        return settings.learning_rate * (1 - done)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def is_due(step: int, every: int, last: int) -> bool:
    """Whether something done `every` steps (0: never) is due at `step`; it always is at the last."""
    return every > 0 and step > 0 and (step % every == 0 or step == last)
