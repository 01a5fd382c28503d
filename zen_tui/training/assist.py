"""A training's other processes: they take the same steps as the first, and write nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import torch

from zen_tui.families import load_family
from zen_tui.generation.fit import Fit
from zen_tui.library.events import Interrupted, Unattended
from zen_tui.library.paths import Home
from zen_tui.library.records import Base
from zen_tui.library.specs import TrainSettings
from zen_tui.ranks.links import OutOfMemory
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
        OutOfMemory: this one's memory ran out.
        ZenError: this process could not do its part.
    """
    brief = msgspec.json.decode(team.hear(), type=Brief)
    settings, fit = brief.settings, brief.fit
    with _saying_when_memory_ends(), contextlib.suppress(Interrupted):
        family = load_family(
            brief.base, precision=brief.precision, stored={"denoiser": fit.denoiser, "text": fit.texts}
        )
        material = gather(family, brief.photos, settings, Path(brief.cache), lambda what, done, total: None)
        method = methods.build(brief.method, family, settings, Subject(*brief.subject), targets_of(brief.base))
        if fit.checkpointing:
            family.compute_twice(fit.twice)
        learning_only = replace(material, held_out=[])
        nothing = Unattended()
        learn(
            Work(
                settings=settings,
                family=family,
                method=method,
                material=learning_only,
                checkpoints=Elsewhere(),
                feed=nothing,
                draw_samples=lambda step, again: None,
                team=team,
            )
        )


@contextlib.contextmanager
def _saying_when_memory_ends() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        raise OutOfMemory("The memory of another process is too small for its part.") from None
