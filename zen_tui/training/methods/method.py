"""What every method of training can do: say which numbers learn, act on the base, and be kept and taken up."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from zen_tui.families.base import Family
from zen_tui.families.cond import Cond
from zen_tui.library.errors import BadFile, ZenError
from zen_tui.library.specs import TrainSettings
from zen_tui.training.material import Material


@dataclass(frozen=True)
class Subject:
    """What is learned: the rare word that will mean it, and the common one."""

    token: str
    class_word: str

    @property
    def trigger(self) -> str:
        return f"{self.token} {self.class_word}".strip()


@dataclass(frozen=True)
class Group:
    """Numbers that learn at `scale` times the learning rate, while the part of the run that is over is more than
    `since` and not more than `until`."""

    parameters: list[nn.Parameter]
    scale: float = 1.0
    until: float = 1.0
    since: float = 0.0


class Method(ABC):
    """A method at work on `family`. Made anew for every attempt at a run; `restore` takes up what was learned.

    Args:
        targets: which layers of the denoiser learn, a preset of `family.targets`.
    """

    kind: ClassVar[str] = "lora"
    """What generation loads afterwards: the `kind` of the recorded adapter."""
    moves_base: ClassVar[bool] = True
    """Whether the base answers otherwise to captions without the subject, and its class may have to be kept."""

    def __init__(self, family: Family, settings: TrainSettings, subject: Subject, targets: str) -> None:
        self.family = family
        self.settings = settings
        self.subject = subject
        self.targets = targets

    @property
    @abstractmethod
    def groups(self) -> list[Group]:
        """All that learns, always in the same order."""

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All that learns, as one list."""
        return [parameter for group in self.groups for parameter in group.parameters]

    @property
    def ungrouped(self) -> list[nn.Parameter]:
        """The same in the order in which they learned before there were groups."""
        return self.parameters

    @property
    def numbers(self) -> int:
        """How many numbers learn."""
        return sum(parameter.numel() for parameter in self.parameters)

    @abstractmethod
    def describe(self) -> str:
        """What learns, in words: 'LoRA of rank 16 in 32 layers'."""

    @property
    def strength(self) -> float:
        """What the learning rate is multiplied by before it changes the base: alpha / rank for a LoRA."""
        return 1.0

    def conditions(self, material: Material, rows: Sequence[int]) -> Cond:
        """What the denoiser is told for these captions, rows of `material.captions`; with gradients where a
        text encoder or its words learn."""
        return material.captions[list(rows)]

    def computing(self) -> contextlib.AbstractContextManager[Any]:
        """To be held while steps are made."""
        return contextlib.nullcontext()

    @abstractmethod
    def base_alone(self) -> contextlib.AbstractContextManager[None]:
        """Within, everything computes as if nothing had been learned."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """What was learned, by names of the method's own."""

    @abstractmethod
    def restore(self, state: dict[str, Tensor]) -> None:
        """Take up what `state` gave. Raises `ZenError` unless it fits exactly."""

    def require_shapes(self, state: dict[str, Tensor]) -> None:
        """Raise `ZenError` unless `state` has the names and shapes of this method's own."""
        mine = self.state()
        if {key: t.shape for key, t in mine.items()} != {key: t.shape for key, t in state.items()}:
            raise ZenError("The checkpoint does not fit the settings of this run.", "Start a new run.")

    @abstractmethod
    def save(self, path: Path) -> Path:
        """Write what generation loads at `path` (a file, or a folder beside it), and prove it by loading it back.

        Returns where it lies.

        Raises:
            ZenError: what was read back does not compute the same; nothing is left.
        """


def proven(path: Path, is_in: Callable[[Path], bool]) -> Path:
    """`path`, if what was learned `is_in` the file there. Raises `ZenError` otherwise, and nothing is left."""
    try:
        same = is_in(path)
    except BadFile:
        same = False
    if not same:
        path.unlink(missing_ok=True)
        raise ZenError("The adapter could not be read back as it was written.", "The last checkpoint is kept.")
    return path
