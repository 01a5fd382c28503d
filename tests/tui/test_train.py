"""Train: the form, what it says will happen as one types, and what is queued."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui import work
from tests.tui.work import said, until
from zen_tui.jobs import launch, queue
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.specs import SETTING_NAMES, TrainSpec
from zen_tui.tui.app import ZenApp
from zen_tui.tui.messages import TrainOn
from zen_tui.tui.screens.run import RunScreen
from zen_tui.tui.screens.train import TrainScreen
from zen_tui.tui.widgets.train_form import TrainForm


@pytest.fixture
def woken(db: Database, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """Two datasets, a base, and homes for which a worker was asked for; none is started."""
    work.add_tiny_base(db, tiny_base)
    work.add_dataset(db, "mara", 12)
    work.add_dataset(db, "otto", 8)
    asked: list[Home] = []
    monkeypatch.setattr(launch, "ensure_worker", asked.append)
    return asked


@asynccontextmanager
async def opened(
    db: Database, home: Home, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[ZenApp, Pilot[None], TrainScreen]]:
    """The app with Train open and its plan made."""
    app = ZenApp(home, db)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("g", "2")
        await until(pilot, lambda: isinstance(app.screen, TrainScreen) and said(app, "#words"))
        screen = app.screen
        assert isinstance(screen, TrainScreen)
        yield app, pilot, screen


def field(screen: TrainScreen, name: str) -> Input:
    return screen.query_one(f"#{name}", Input)


async def test_an_empty_home_is_told_what_to_do_first(db: Database, home: Home) -> None:
    async with opened(db, home) as (app, pilot, _):
        await until(pilot, lambda: "There is no dataset yet" in said(app, "#words"))
        await pilot.press("ctrl+r")
        assert not queue.jobs(db)


@pytest.mark.usefixtures("woken")
@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_what_will_happen_is_said_at_every_size(db: Database, home: Home, size: tuple[int, int]) -> None:
    async with opened(db, home, size) as (app, pilot, screen):
        screen.query_one(TrainForm).choose("base", "tiny")
        await until(pilot, lambda: "steps" in said(app, "#words"))
        words = " ".join(said(app, "#words").split())
        assert "learns" in words
        assert "not measured yet on this machine" in words
        for name in ("steps", "rank", "learning_rate", "batch_size", "resolution", "seed", "holdout"):
            assert screen.size.region.contains_region(field(screen, name).region)
            assert field(screen, name).placeholder
        assert not screen.query("#warmup")  # folded away
        await pilot.press("f2")
        await until(pilot, lambda: screen.query("#warmup"))
        assert field(screen, "warmup").placeholder == "20"


@pytest.mark.usefixtures("woken")
async def test_the_plan_follows_the_keys(db: Database, home: Home) -> None:
    async with opened(db, home) as (app, pilot, screen):
        screen.query_one(TrainForm).choose("base", "tiny")
        field(screen, "steps").focus()
        await pilot.press(*"1234")
        await until(pilot, lambda: "1,234" in said(app, "#words"))
        await pilot.press("x")
        await until(pilot, lambda: field(screen, "steps").has_class("-invalid"))
        assert "steps" in said(app, "#words")
        await pilot.press("f4")
        await until(pilot, lambda: field(screen, "steps").value == "")
        await until(pilot, lambda: not field(screen, "steps").has_class("-invalid"))


async def test_enter_queues_what_was_typed_and_opens_the_run(db: Database, home: Home, woken: list[Home]) -> None:
    async with opened(db, home, (80, 24)) as (app, pilot, screen):
        app.post_message(TrainOn("mara"))
        await until(pilot, lambda: screen.query_one(TrainForm).value("dataset") == "mara")
        screen.query_one(TrainForm).choose("base", "tiny")
        field(screen, "name").focus()
        await pilot.press(*"first")
        field(screen, "steps").focus()
        await pilot.press(*"30")
        field(screen, "rank").focus()
        await pilot.press(*"4")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await until(pilot, lambda: woken == [home])
        job = queue.jobs(db)[-1]
        spec = queue.spec_of(home, job.id)
        assert isinstance(spec, TrainSpec)
        assert (spec.dataset, spec.base, spec.name) == ("mara", "tiny", "first")
        assert (spec.settings.steps, spec.settings.rank, spec.settings.alpha) == (30, 4, 4)
        assert models.run_of_job(db, job.id) is not None


async def test_a_wrong_setting_queues_nothing(db: Database, home: Home, woken: list[Home]) -> None:
    async with opened(db, home) as (app, pilot, screen):
        field(screen, "resolution").focus()
        await pilot.press(*"100000", "enter")
        await until(pilot, lambda: any("resolution" in n.title for n in app._notifications))
        assert not queue.jobs(db)
        assert not woken


@pytest.mark.usefixtures("woken")
async def test_what_is_done_with_photos_is_told_as_it_is_typed(db: Database, home: Home) -> None:
    async with opened(db, home) as (app, pilot, screen):
        screen.query_one(TrainForm).choose("base", "tiny")
        await pilot.press("f2")
        await until(pilot, lambda: screen.query("#flip"))
        await until(pilot, lambda: field(screen, "flip").placeholder == "no")
        field(screen, "flip").focus()
        await pilot.press(*"yes")
        await until(pilot, lambda: "twice the photos to read once" in " ".join(said(app, "#words").split()))
        field(screen, "aspect").focus()
        await pilot.press(*"buckets")
        await until(pilot, lambda: "photos whole" in said(app, "#words"))
        await pilot.press("x")
        await until(pilot, lambda: field(screen, "aspect").has_class("-invalid"))


@pytest.mark.usefixtures("woken")
async def test_every_setting_has_a_field(db: Database, home: Home) -> None:
    async with opened(db, home) as (_, pilot, screen):
        await pilot.press("f2")
        await until(pilot, lambda: screen.query("#warmup"))
        for name in SETTING_NAMES:
            assert field(screen, name)
        field(screen, "warmup").focus()
        await pilot.press(*"9")
        assert screen.query_one(TrainForm).chosen == {"warmup": "9"}


@pytest.mark.usefixtures("woken")
async def test_only_the_settings_of_the_method_are_shown(db: Database, home: Home) -> None:
    async with opened(db, home) as (app, pilot, screen):
        form = screen.query_one(TrainForm)
        form.choose("base", "tiny")
        field(screen, "rank").value = "4"
        form.choose("method", "embedding")
        await until(pilot, lambda: "vector for the token" in " ".join(said(app, "#words").split()))
        assert not field(screen, "rank").region  # out of sight
        await pilot.press("f2")
        await until(pilot, lambda: screen.query("#vectors"))
        assert field(screen, "vectors") is app.focused
        field(screen, "vectors").value = "3"
        await until(pilot, lambda: "3 vectors for the token" in " ".join(said(app, "#words").split()))
        assert field(screen, "learning_rate").placeholder == "0.005"
        assert form.chosen == {"vectors": "3"}
        form.choose("method", "pivotal")
        await until(pilot, lambda: "of rank 4, and 3 vectors" in " ".join(said(app, "#words").split()))
        assert form.chosen == {"rank": "4", "vectors": "3"}
        form.choose("method", "lora")
        await until(pilot, lambda: "of rank 4" in " ".join(said(app, "#words").split()))
        assert form.chosen == {"rank": "4"}
