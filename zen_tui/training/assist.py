"""A training's other processes: they take the same steps as the first, and write nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import torch

from zen_tui.families import load_family
from zen_tui.families.devices import pick_device
from zen_tui.generation.fit import Fit
from zen_tui.library.errors import ZenError
from zen_tui.library.events import Interrupted, Unattended
from zen_tui.library.paths import Home
from zen_tui.library.records import Base
from zen_tui.library.specs import TrainSettings
from zen_tui.ranks.team import Team
from zen_tui.training import methods
from zen_tui.training.beginning import Example
from zen_tui.training.loop import Work, learn
from zen_tui.training.material import gather
from zen_tui.training.methods.method import Subject
from zen_tui.training.methods.outline import targets_of
from zen_tui.training.together import Elsewhere


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """What the first process tells the others: all that decides about a step."""

    base: Base
    method: str
    settings: TrainSettings
    subject: tuple[str, str]
    photos: list[Example]
    cache: str
    fit: Fit
    precision: str


def assist(team: Team, _home: Home) -> None:
    """Learn with the others until the first process ends it. Reads what that has cached of photos and captions.

    Raises:
        Lost: the first process is gone.
        ZenError: this process could not do its part.
    """
    brief = msgspec.json.decode(team.hear(), type=Brief)
    settings, fit = brief.settings, brief.fit
    with fitting_in(settings), contextlib.suppress(Interrupted):
        family = load_family(
            brief.base, precision=brief.precision, stored={"denoiser": fit.denoiser, "text": fit.texts}
        )
        material = gather(family, brief.photos, settings, Path(brief.cache), lambda what, done, total: None)
        method = methods.build(brief.method, family, settings, Subject(*brief.subject), targets_of(brief.base))
        if fit.checkpointing:
            family.compute_twice()
        learning_only = replace(material, held_out=[])
        nothing = Unattended()
        learn(Work(settings, family, method, learning_only, Elsewhere(), nothing, lambda step, again: None, team))


@contextlib.contextmanager
def fitting_in(settings: TrainSettings) -> Iterator[None]:
    """Say, when the memory ends, what would take less of it."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise ZenError(
            f"The memory of the {pick_device().type.upper()} is too small for this training.", _smaller(settings)
        ) from None


def _smaller(settings: TrainSettings) -> str:
    ways = []
    if settings.batch_size > 1:
        ways.append(f"lower batch_size (it is {settings.batch_size}) and raise gradient_accumulation instead")
    ways.append(f"lower resolution (it is {settings.resolution})")
    return f"To make it fit, {', or '.join(ways)}. What was learned is kept."
