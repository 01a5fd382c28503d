"""What the plan says that a step takes, from a run of another shape."""

from __future__ import annotations

from typing import Any

import pytest

from tests.training.conftest import SMALL, Studio
from zen_tui.library.specs import TrainSettings
from zen_tui.training.plan import plan


def test_a_step_of_another_shape_is_reckoned_from_its_calls_and_its_operations(studio: Studio) -> None:
    studio.train()

    def seconds(method: str = "lora", **changed: Any) -> float:
        settings = TrainSettings(**{**SMALL, **changed})
        told = plan(studio.db, studio.home, studio.base, studio.dataset, settings, method).seconds
        assert told is not None
        return told

    known = seconds()
    assert 1 < seconds(batch_size=2 * SMALL["batch_size"]) / known < 2, "more in a batch calls no layer more often"
    assert seconds(gradient_accumulation=2) == pytest.approx(2 * known), "two batches do"
    assert seconds("embedding") < known, "no layer has another beside it"
    assert seconds(gradient_checkpointing="on") > known
