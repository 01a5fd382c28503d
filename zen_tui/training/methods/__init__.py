"""What learns in a training: one class a method, behind the interface of `method.Method`. Named without torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from zen_tui.families.base import Family
    from zen_tui.library.specs import TrainSettings
    from zen_tui.training.methods.method import Method, Subject

METHODS = {"lora": "lora:Lora"}
"""The methods by the name that `zen train --method` takes: module and class."""


def build(name: str, family: Family, settings: TrainSettings, subject: Subject, targets: str) -> Method:
    """The method `name`, fresh on the denoiser of `family`."""
    module, _, kind = METHODS[name].partition(":")
    made = getattr(importlib.import_module(f"zen_tui.training.methods.{module}"), kind)
    return cast("Method", made(family, settings, subject, targets))
