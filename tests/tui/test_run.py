"""The page of a run: what it shows of a run that goes on, has ended or lost its worker, and its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui import work
from tests.tui.work import said, shown, until
from zen_tui.jobs import launch, queue
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.events import Judged, Resumed, Warned
from zen_tui.library.paths import Home
from zen_tui.library.scores import Scores, Span
from zen_tui.library.specs import Origin, TrainSpec
from zen_tui.tui.app import ZenApp
from zen_tui.tui.messages import OpenRun
from zen_tui.tui.screens.full_size import FullSizeScreen
from zen_tui.tui.screens.run import RunScreen
from zen_tui.tui.widgets.dialogs import AskLine
from zen_tui.tui.widgets.job_log import JobLog
from zen_tui.tui.widgets.loss_plot import LossPlot
from zen_tui.tui.widgets.picture_form import PictureForm
from zen_tui.tui.widgets.sample_strip import SampleStrip


@pytest.fixture
def worker(db: Database, home: Home) -> work.Worker:
    """A training of 400 steps that has been taken up and has done 210."""
    work.add_base(db)
    work.add_dataset(db)
    job, _ = work.add_training(db, home, steps=400)
    made = work.Worker(db, home, job)
    made.start()
    made.train(210, 400)
    return made


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """Homes for which a worker was asked for; none is started."""
    asked: list[Home] = []
    monkeypatch.setattr(launch, "ensure_worker", asked.append)
    return asked


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker holds the lock."""
    monkeypatch.setattr(launch, "worker_alive", lambda home: True)


@asynccontextmanager
async def opened(
    worker: work.Worker, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[ZenApp, Pilot[None], RunScreen]]:
    """The app with the run open and read up to its last step."""
    app = ZenApp(worker.home, worker.db)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.post_message(OpenRun(worker.job.id))
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        screen = app.screen
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: screen.history.step == worker.step)
        yield app, pilot, screen


@pytest.mark.usefixtures("alive")
@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_it_shows_curve_figures_and_samples_at_every_size(
    worker: work.Worker, size: tuple[int, int]
) -> None:
    async with opened(worker, size) as (app, pilot, screen):
        plot, strip = screen.query_one(LossPlot), screen.query_one(SampleStrip)
        for widget in (plot, strip, screen.query_one("#figures"), screen.query_one("KeyLine")):
            assert widget.size.width > 0
            assert widget.size.height > 0
            assert screen.size.region.contains_region(widget.region)
        assert len(plot.curve.steps) == 210
        assert plot.curve.total == 400
        figures = said(app, "#figures")
        assert "running" in figures
        assert "210 of 400" in figures
        assert f"{screen.history.best.loss:.4f} at 200" in figures if screen.history.best else False
        assert "1.3 GB" in figures
        assert plot.size.width > screen.size.width * 0.55
        await until(pilot, lambda: "▀" in shown(strip))
        assert "prompt 1 of 2" in shown(strip)


@pytest.mark.usefixtures("alive")
async def test_new_steps_and_samples_appear(worker: work.Worker) -> None:
    async with opened(worker) as (app, pilot, screen):
        worker.train(305, 400)
        await until(pilot, lambda: screen.history.step == 305)
        assert "305 of 400" in said(app, "#figures")
        assert screen.query_one(LossPlot).curve.samples[-1] == 300
        assert "▸ 300" in shown(screen.query_one(SampleStrip))


@pytest.mark.usefixtures("alive")
async def test_a_run_that_resumed_forgets_what_was_lost(worker: work.Worker) -> None:
    async with opened(worker) as (_, pilot, screen):
        worker.writer.tell(Resumed(step=100))
        await until(pilot, lambda: screen.history.step == 100)
        assert len(screen.query_one(LossPlot).curve.steps) == 100
        assert screen.query_one(SampleStrip).row[-1].step == 100


@pytest.mark.usefixtures("alive")
async def test_keys_ask_the_worker(worker: work.Worker, woken: list[Home]) -> None:
    db, id = worker.db, worker.job.id
    async with opened(worker) as (app, pilot, _):
        await pilot.press("s", "c")
        row = db.row("SELECT requests FROM jobs WHERE id = ?", id)
        assert row is not None
        assert row["requests"] == '["sample","checkpoint"]'
        await pilot.press("p")
        assert queue.job(db, id).control == "pause"
        assert "pausing" in said(app, "#figures")
        await pilot.press("p")
        assert queue.job(db, id).control == ""
        queue.finish(db, worker.job, "paused")
        await until(pilot, lambda: "paused" in said(app, "#figures"))
        woken.clear()
        await pilot.press("p")
        await until(pilot, lambda: woken)
        assert queue.job(db, id).status == "queued"


@pytest.mark.usefixtures("alive")
async def test_stopping_asks_first(worker: work.Worker) -> None:
    async with opened(worker) as (app, pilot, _):
        await pilot.press("x")
        await pilot.press("n")
        assert queue.job(worker.db, worker.job.id).control == ""
        await pilot.press("x")
        await pilot.press("y")
        await pilot.pause()
        assert queue.job(worker.db, worker.job.id).control == "cancel"
        assert "stopping" in said(app, "#figures")


async def test_a_dead_worker_is_told_with_its_last_words(worker: work.Worker, woken: list[Home]) -> None:
    log = worker.home.job(worker.job.id) / "log.txt"
    log.write_text("loading\nRuntimeError: \x1b[31mno memory left\x1b[0m\n")
    async with opened(worker, (80, 24)) as (app, pilot, screen):
        await until(pilot, lambda: screen.query_one("#trouble").display)
        trouble = said(app, "#trouble")
        assert "worker died" in trouble
        assert "no memory left" in trouble
        assert "\x1b" not in trouble
        await until(pilot, lambda: "worker died" in said(app, "#figures"))
        await pilot.press("p")
        await until(pilot, lambda: woken == [worker.home])


@pytest.mark.usefixtures("alive")
async def test_plot_keys(worker: work.Worker) -> None:
    async with opened(worker) as (_, pilot, screen):
        plot = screen.query_one(LossPlot)
        assert screen.focused is plot
        await pilot.press("L", "f", "left")
        assert plot.log_scale
        assert plot.fitted
        assert plot.cursor == 210
        assert "step 210   loss" in shown(plot)


@pytest.mark.usefixtures("alive")
async def test_samples_are_scrubbed_by_step_and_prompt_and_opened(worker: work.Worker) -> None:
    async with opened(worker) as (app, pilot, screen):
        strip = screen.query_one(SampleStrip)
        strip.focus()
        await pilot.press("left")
        assert strip.sample is not None
        assert (strip.sample.step, strip.sample.index) == (100, 0)
        await pilot.press("left", "down")
        assert (strip.sample.step, strip.sample.index) == (0, 1)
        assert "prompt 2 of 2" in shown(strip)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, FullSizeScreen))
        full = app.screen
        assert isinstance(full, FullSizeScreen)
        assert full.entries[full.index].text == work.PROMPTS[1]
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)


async def test_it_shows_what_checkpoints_were_judged_and_that_it_ended_early(worker: work.Worker) -> None:
    scores = Scores(identity=Span(0.71, 0.66, 0.76), adherence=Span(0.9, 0.8, 1.0), drift=Span(0.2, 0.1, 0.3))
    worker.writer.tell(Warned(text="Step 200: 2 of 8 pictures are copies", step=200, copies=2))
    worker.writer.tell(Judged(step=200, scores=scores, best=200, why="step 200: identity 0.71 ± 0.05"))
    worker.end()
    async with opened(worker, (100, 30)) as (app, _, _):
        lines = [line.split() for line in said(app, "#figures").splitlines()]
        assert ["identity", "0.71", "±", "0.05"] in lines
        assert ["adherence", "0.90", "±", "0.10"] in lines
        assert ["drift", "0.20", "±", "0.10"] in lines
        assert "ended early" in said(app, "#figures")
        assert "2 at 200, see n" in said(app, "#figures")


@pytest.mark.usefixtures("alive")
async def test_notes_and_warnings_can_be_read(worker: work.Worker) -> None:
    worker.writer.tell(Warned(text="the [bold]photos[/] are small"))
    async with opened(worker) as (app, pilot, screen):
        await pilot.press("n")
        await until(pilot, lambda: screen.query_one("#said").display)
        text = said(app, "#log > Static")
        assert "1.2 M numbers" in text
        assert "the [bold]photos[/] are small" in text
        assert isinstance(screen.focused, JobLog)
        await pilot.press("n")
        assert screen.query_one("#samples").display


async def test_a_finished_run_shows_everything_and_hands_over_its_adapter(worker: work.Worker) -> None:
    worker.train(400, 400)
    worker.end()
    work.add_adapter(worker.db, run_id=1)
    async with opened(worker) as (app, pilot, screen):
        assert "done" in said(app, "#figures")
        assert "left" not in said(app, "#figures")
        keys = {binding.action for _, binding, enabled, _ in screen.active_bindings.values() if enabled}
        assert "make" in keys
        assert "stop" not in keys
        await pilot.press("m")
        await until(pilot, lambda: app.screen.query(PictureForm))
        await until(pilot, lambda: app.screen.query_one(PictureForm).adapters == "mara")


@pytest.mark.usefixtures("alive")
async def test_leaving_changes_nothing(worker: work.Worker) -> None:
    async with opened(worker) as (app, pilot, screen):
        await pilot.press("q")
        assert app.screen is not screen
        job = queue.job(worker.db, worker.job.id)
        assert (job.status, job.control) == ("running", "")


@pytest.mark.usefixtures("alive")
async def test_the_mouse_reads_the_plot_and_chooses_samples(worker: work.Worker) -> None:
    async with opened(worker) as (_, pilot, screen):
        plot, strip = screen.query_one(LossPlot), screen.query_one(SampleStrip)
        await pilot.click(plot, offset=(8 + (plot.size.width - 9) // 4, 5))
        assert plot.cursor is not None
        assert abs(plot.cursor - 100) <= 4  # a quarter of 400 steps
        await pilot.click(strip, offset=(3, 3))
        assert strip.sample is not None
        assert strip.sample.step == 0


async def test_a_run_that_ended_goes_on(worker: work.Worker, woken: list[Home]) -> None:
    worker.train(400, 400)
    worker.end()
    async with opened(worker) as (app, pilot, screen):
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, AskLine))
        assert app.screen.query_one("#line", Input).value == "800"
        app.screen.query_one("#line", Input).value = "600"
        await pilot.press("enter")
        await until(pilot, lambda: woken == [worker.home])
        job = queue.job(worker.db, worker.job.id)
        assert (job.status, job.steps, screen.total) == ("queued", 600, 600)


async def test_a_new_run_begins_from_the_newest_checkpoint(worker: work.Worker, woken: list[Home]) -> None:
    models.add_checkpoint(worker.db, 1, 200, "runs/1/checkpoints/200", 10, {})
    async with opened(worker, (80, 24)) as (app, pilot, _):
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, AskLine))
        app.screen.query_one("#line", Input).value = "rank=3"
        await pilot.press("enter")
        await until(pilot, lambda: any("rank cannot be changed" in (n.title or "") for n in app._notifications))
        assert woken == []
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, AskLine))
        app.screen.query_one("#line", Input).value = "steps=700 learning_rate=5e-5"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.job_id != worker.job.id)
        spec = queue.spec_of(worker.home, queue.jobs(worker.db)[-1].id)
        assert isinstance(spec, TrainSpec)
        assert spec.origin == Origin(run=1, name="mara", step=200)
        assert (spec.settings.steps, spec.settings.learning_rate) == (700, 5e-5)
