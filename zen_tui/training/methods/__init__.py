"""What learns in a training: one class a method, behind the interface of `method.Method`. Named without torch."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from zen_tui.library.errors import WrongUse

if TYPE_CHECKING:
    from zen_tui.families.base import Family
    from zen_tui.library.specs import TrainSettings
    from zen_tui.training.methods.method import Method, Subject


@dataclass(frozen=True)
class Known:
    """A method that can be chosen: how it is called on screen, its module here, its class, its settings, and
    `defaults` for settings to which other methods and bases recommend other values. `rate` is how many times the
    rate suits it that suits a LoRA; `whole` says that all of the denoiser learns, so that it cannot be rounded."""

    title: str
    module: str
    name: str
    settings: tuple[str, ...] = ()
    defaults: dict[str, Any] = field(default_factory=dict)
    rate: float = 1.0
    whole: bool = False

    @property
    def ranked(self) -> bool:
        """Whether what learns is a LoRA, alone or with more."""
        return "rank" in self.settings

    @property
    def with_word(self) -> bool:
        """Whether the token becomes a word of its own."""
        return "init_word" in self.settings


_LORA = ("rank", "alpha", "dropout", "lora", "lora_plus")
_WORD = ("vectors", "init_word")

METHODS = {
    "lora": Known("LoRA", "lora", "Lora", (*_LORA, "text_encoder_lr", "text_encoder_until")),
    "hypernetwork": Known(
        "Hypernetwork", "hypernetwork", "Bending", ("hypernet", "layer_structure", "activation", "dropout")
    ),
    # diffusers has 5e-6 for it beside 1e-4 for a LoRA
    "dreambooth": Known("DreamBooth", "dreambooth", "Dreambooth", ("learns", "save"), rate=0.05, whole=True),
    "embedding": Known("Embedding", "embedding", "TextualInversion", _WORD, {"learning_rate": 5e-3}),
    "pivotal": Known(
        "Pivotal tuning", "pivotal", "Pivotal", (*_LORA, *_WORD, "embedding_lr", "embedding_until", "lora_from")
    ),
}
"""The methods by the name that `zen train --method` takes."""


def require_known(method: str, chosen: Iterable[str]) -> None:
    """Raise `WrongUse` when a setting was chosen that only other methods have."""
    for name in chosen:
        others = [known.title for known in METHODS.values() if name in known.settings]
        if others and name not in METHODS[method].settings:
            raise WrongUse(
                f"{name} is a setting of {' and '.join(others)}, not of {METHODS[method].title}.", "Leave it out."
            )


def build(name: str, family: Family, settings: TrainSettings, subject: Subject, targets: str) -> Method:
    """The method `name`, fresh on the denoiser of `family`."""
    known = METHODS[name]
    made = getattr(importlib.import_module(f"zen_tui.training.methods.{known.module}"), known.name)
    return cast("Method", made(family, settings, subject, targets))
