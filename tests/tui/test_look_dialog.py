"""The window of local models: what is told of a wrong path, what is queued, and what is remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.helpers import colourful, save
from tests.tui.shell import zen
from tests.tui.work import said, until
from tests.vision.onnx_maker import save_tiny_matte
from zen_tui.jobs import queue
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.photo_specs import MaskSpec
from zen_tui.library.settings import read
from zen_tui.photos.intake import import_photos
from zen_tui.tui.app import ZenApp
from zen_tui.tui.screens.datasets import DatasetsScreen
from zen_tui.tui.screens.look_dialog import LookDialog


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs stay on the queue: what the worker does with them is tested where it lives."""
    monkeypatch.setattr("zen_tui.jobs.launch.ensure_worker", lambda home: None)


@pytest.fixture
def photos(db: Database, home: Home, tmp_path: Path) -> list[int]:
    """The ids of three photos."""
    made = datasets.add_dataset(db, "mara", "ohwx", "woman", "person")
    for number in range(3):
        save(tmp_path / "in" / f"{number}.png", colourful(160, 120, seed=number))
    import_photos(db, home, made, [tmp_path / "in"])
    return [photo.id for photo in datasets.photos(db, made.id)]


async def opened(app: ZenApp, pilot: Pilot[None]) -> LookDialog:
    await pilot.press("R")
    await until(pilot, lambda: isinstance(app.screen, LookDialog))
    assert isinstance(app.screen, LookDialog)
    return app.screen


async def test_a_matte_is_sent_to_the_selected_photos_and_remembered(
    db: Database, home: Home, photos: list[int], tmp_path: Path
) -> None:
    matte = save_tiny_matte(tmp_path / "tiny-u2net.onnx")
    async with zen(db, home) as (app, pilot):
        await pilot.press("space", "right", "right", "space")
        dialog = await opened(app, pilot)
        assert "describe 2 photos" in said(app, "#task")
        await pilot.press("f2")
        assert "mask 2 photos" in said(app, "#task")
        dialog.query_one("#path", Input).value = str(matte)
        await pilot.press("f3", "enter")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        job = queue.jobs(db)[0]
        spec = queue.spec_of(home, job.id)
        wanted = MaskSpec(dataset="mara", model=str(matte), photos=(photos[0], photos[2]), overwrite=True)
        assert spec == wanted
        await opened(app, pilot)
        await pilot.press("f2")
        assert app.screen.query_one("#path", Input).value == str(matte)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
    assert read(home).matte == str(matte)
    assert len(queue.jobs(db)) == 1


async def test_a_path_that_holds_no_model_is_told_and_nothing_is_queued(
    db: Database, home: Home, photos: list[int], tmp_path: Path
) -> None:
    async with zen(db, home) as (app, pilot):
        dialog = await opened(app, pilot)
        assert "describe 3 photos" in said(app, "#task")
        dialog.query_one("#path", Input).value = str(tmp_path / "nothing")
        await pilot.press("enter")
        await until(pilot, lambda: "nothing" in said(app, "#fault"))
        await pilot.press("f3")
        assert said(app, "#fault") == ""
        assert "will be replaced" in said(app, "#over")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
    assert queue.jobs(db) == []
    assert read(home).captioner == ""
