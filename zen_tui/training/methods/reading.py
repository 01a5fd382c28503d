"""Methods that teach a base to read: captions pass through its text encoders in every step, with gradients."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from zen_tui.families.base import Family
from zen_tui.families.cond import Cond
from zen_tui.families.sd15 import SD15
from zen_tui.library.specs import TrainSettings
from zen_tui.training.material import Material
from zen_tui.training.methods.method import Method, Subject


class Reading(Method):
    """Reads anew if `reads`; the base alone, and methods that do not, take what was read before the first step."""

    def __init__(self, family: Family, settings: TrainSettings, subject: Subject, targets: str) -> None:
        super().__init__(family, settings, subject, targets)
        self._alone = False
        if self.reads:
            family.held.add("text")

    @property
    def reads(self) -> bool:
        """Whether words or text encoders learn."""
        return True

    def conditions(self, material: Material, rows: Sequence[int]) -> Cond:
        if self._alone or not self.reads:
            return super().conditions(material, rows)
        assert isinstance(self.family, SD15)  # as `outline.require_sense` made sure
        return self.family.encode_learning([material.texts[row] for row in rows]).to(self.family.device)

    @contextlib.contextmanager
    def base_alone(self) -> Iterator[None]:
        self._alone = self.family.attached.silent = True
        try:
            yield
        finally:
            self._alone = self.family.attached.silent = False
