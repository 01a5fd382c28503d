"""A training's other processes: they take the same steps as the first, and write nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from zen_tui.families import load_family
from zen_tui.generation.fit import Fit
from zen_tui.generation.memory import ran_out
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
    dataset: str
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
    take_part(msgspec.json.decode(team.hear(), type=Brief), team)


def assist_from_afar(team: Team, home: Home, base: Base) -> None:
    """As `assist`, for the first process of another machine, with what that machine has: its base, its photos.

    It fills the cache of its own home before the other processes there read it.
    """
    assert team.up is not None
    told = msgspec.json.decode(team.up.receive(), type=Brief)
    photos = [_here(photo, home, told.dataset) for photo in told.photos]
    own = msgspec.structs.replace(told, base=base, photos=photos, cache=str(home.cache(told.dataset)))

    def ready() -> None:
        for link in team.down:
            link.send(msgspec.json.encode(own))

    take_part(own, team, ready)


def _here(photo: Example, home: Home, dataset: str) -> Example:
    path = home.photo(dataset, photo.hash, Path(photo.path).suffix)
    return msgspec.structs.replace(photo, path=str(path), mask_path=str(home.mask(dataset, photo.hash)))


def take_part(brief: Brief, team: Team, ready: Callable[[], None] = lambda: None) -> None:
    """Learn as `brief` says; `ready` is called once photos and captions are cached. Raises as `assist`."""
    settings, fit = brief.settings, brief.fit
    with _saying_when_memory_ends(), contextlib.suppress(Interrupted):
        family = load_family(
            brief.base, precision=brief.precision, stored={"denoiser": fit.denoiser, "text": fit.texts}
        )
        material = gather(family, brief.photos, settings, Path(brief.cache), lambda what, done, total: None)
        ready()
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
    except RuntimeError as error:
        if not ran_out(error):
            raise
        raise OutOfMemory("The memory of another process is too small for its part.") from None
