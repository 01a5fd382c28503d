"""What a training sees of a photo, for screens to show: the part that it takes, and the size it gives it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.records import Crop, Dataset
from zen_tui.library.specs import TrainSettings
from zen_tui.training.buckets import Size, trained_size
from zen_tui.training.views import plain_view


@dataclass(frozen=True)
class Eye:
    """How a training looks at photos: its settings, and what a base's sizes must divide by."""

    settings: TrainSettings
    multiple: int = 8

    def with_settings(self, **changed: object) -> Eye:
        """The same with other settings."""
        return Eye(msgspec.structs.replace(self.settings, **changed), self.multiple)

    def sees(self, width: int, height: int, crop: Crop | None) -> tuple[Crop, Size]:
        """What is trained on of a photo of `width` x `height` pixels, in fractions, and its size then."""
        size = trained_size(width, height, crop, self.settings, self.multiple)
        return plain_view(width, height, crop, size).box, size


def eye_of(db: Database, dataset: Dataset) -> Eye:
    """As the last training of `dataset` looked; else as the newest base recommends; else as usual."""
    runs, bases = models.runs_of(db, dataset.id), models.bases(db)
    base = next((base for base in bases if runs and base.id == runs[-1].base_id), bases[-1] if bases else None)
    facts = base.facts if base else {}
    settings = runs[-1].spec.get("settings") if runs else facts.get("defaults", {}).get("train")
    known = {name: value for name, value in (settings or {}).items() if name in ("resolution", "aspect")}
    return Eye(msgspec.convert(known, TrainSettings), int(facts.get("multiple", 8)))
