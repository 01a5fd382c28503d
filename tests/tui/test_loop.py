"""The whole loop in the app, by keyboard alone: from an empty home to a rated picture, with the real worker."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.work import said, shown, until
from zen_tui.jobs import launch, queue
from zen_tui.library import datasets, models, pictures
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.tui.app import ZenApp
from zen_tui.tui.screens.add_bases import AddBasesScreen
from zen_tui.tui.screens.bases import BasesScreen
from zen_tui.tui.screens.datasets import DatasetsScreen
from zen_tui.tui.screens.generate import GenerateScreen
from zen_tui.tui.screens.import_wizard import WizardScreen
from zen_tui.tui.screens.run import RunScreen
from zen_tui.tui.screens.train import TrainScreen
from zen_tui.tui.screens.viewer import ViewerScreen
from zen_tui.tui.widgets.loss_plot import LossPlot
from zen_tui.tui.widgets.picture_board import PictureBoard
from zen_tui.tui.widgets.picture_form import PictureForm
from zen_tui.tui.widgets.sample_strip import SampleStrip
from zen_tui.tui.widgets.train_form import TrainForm


@pytest.fixture
def worker_ends(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The worker that the app starts is ended, and waited for, when the test is over."""
    monkeypatch.setenv("ZEN_WORKER_IDLE", "60")
    yield
    deadline = time.monotonic() + 20
    while (pid := launch.worker_pid(home)) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        for process in launch._started:
            with contextlib.suppress(Exception):
                process.wait(timeout=10)
        assert time.monotonic() < deadline, "the worker does not end"


async def type_path(pilot: Pilot[None], path: str) -> None:
    """Replace what stands in the field by a path."""
    await pilot.press("home", "ctrl+k", *path)


@pytest.mark.usefixtures("worker_ends")
@pytest.mark.parametrize("size", [(80, 24), pytest.param((160, 45), marks=pytest.mark.slow)])
async def test_from_an_empty_home_to_a_rated_picture(
    db: Database,
    home: Home,
    tiny_base: Path,
    photo_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    (photo_folder.parent / "tiny").symlink_to(tiny_base)
    monkeypatch.chdir(photo_folder.parent)
    app = ZenApp(home, db)
    async with app.run_test(size=size) as pilot:
        # an empty home: bring photos in
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen) and app.focused is not None)
        await type_path(pilot, "photos")
        await pilot.press("enter")
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        await until(pilot, lambda: wizard.usable)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen) and datasets.all_datasets(db))
        dataset = datasets.all_datasets(db)[0]
        assert dataset.usable_count >= 5

        # add a base that is on this disk
        await pilot.press("6")
        await until(pilot, lambda: isinstance(app.screen, BasesScreen))
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, AddBasesScreen) and app.focused is not None)
        adding = app.screen
        assert isinstance(adding, AddBasesScreen)
        await type_path(pilot, "tiny")
        await pilot.press("enter")
        await until(pilot, lambda: adding.chosen)
        await pilot.press("enter")
        await until(pilot, lambda: any(base.slug == "tiny" for base in models.bases(db)))

        # train on it, and watch
        await pilot.press("g", "2")
        await until(pilot, lambda: isinstance(app.screen, TrainScreen) and app.focused is not None)
        form = app.screen.query_one(TrainForm)
        await pilot.press("tab", "enter", "end", "enter")
        await until(pilot, lambda: form.value("base") == "tiny")
        await pilot.press(*["tab"] * 4, *"8")
        await until(pilot, lambda: "8, each photo" in " ".join(said(app, "#words").split()))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        run = app.screen
        assert isinstance(run, RunScreen)
        await until(pilot, lambda: run.job is not None and run.job.status in ("done", "failed"), seconds=120)
        assert run.job is not None
        assert run.job.status == "done", run.job.error
        await until(pilot, lambda: len(run.query_one(LossPlot).curve.steps) == 8)
        await until(pilot, lambda: "▀" in shown(run.query_one(SampleStrip)))

        # make pictures with what it learned
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, GenerateScreen) and app.focused is not None)
        generate = app.screen
        assert isinstance(generate, GenerateScreen)
        await until(pilot, lambda: generate.query_one(PictureForm).adapters)
        text = "count 2\na {token} --s 3"
        await pilot.press(*[{"\n": "enter", " ": "space"}.get(character, character) for character in text])
        await until(pilot, lambda: "2 pictures" in said(app, "#sum"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: len(queue.jobs(db)) == 2)
        job = queue.jobs(db)[-1]
        await until(pilot, lambda: queue.job(db, job.id).status in ("done", "failed"), seconds=120)
        assert queue.job(db, job.id).status == "done", queue.job(db, job.id).error
        board = generate.query_one(PictureBoard)
        await until(pilot, lambda: all(place.path for place in board.places) and len(board.places) == 2)

        # look at one, and rate it
        await pilot.press("f4", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, ViewerScreen))
        await pilot.press("4")
        made = pictures.of_job(db, job.id)
        assert [picture.rating for picture in made] == [0, 4]
        assert f"{dataset.token} {dataset.class_word}" in made[1].prompt
