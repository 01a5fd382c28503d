"""The noise process of a run: the family's own, with what the settings change of it."""

from __future__ import annotations

from zen_tui.families.base import Family
from zen_tui.families.flow import Flow
from zen_tui.families.objective import Objective
from zen_tui.library.specs import TrainSettings
from zen_tui.training.buckets import Size


def objective_for(family: Family, settings: TrainSettings, size: Size) -> Objective:
    """The noise process for photos of this size, with its times drawn as the settings say."""
    objective = family.objective(settings.min_snr_gamma, size)
    if settings.timesteps != "auto":
        objective.drawing = settings.timesteps
    if settings.shift and isinstance(objective, Flow):
        objective.shift = settings.shift
    return objective
