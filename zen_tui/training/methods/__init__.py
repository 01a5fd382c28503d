"""What learns in a training: one class a method, behind the interface of `method.Method`. Named without torch."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from zen_tui.families.base import Family
    from zen_tui.library.specs import TrainSettings
    from zen_tui.training.methods.method import Method, Subject


@dataclass(frozen=True)
class Known:
    """A method that can be chosen: how it is called on screen, its module here, and its class."""

    title: str
    module: str
    name: str


METHODS = {"lora": Known("LoRA", "lora", "Lora")}
"""The methods by the name that `zen train --method` takes."""


def build(name: str, family: Family, settings: TrainSettings, subject: Subject, targets: str) -> Method:
    """The method `name`, fresh on the denoiser of `family`."""
    known = METHODS[name]
    made = getattr(importlib.import_module(f"zen_tui.training.methods.{known.module}"), known.name)
    return cast("Method", made(family, settings, subject, targets))
