"""The queue on screen: states in words, keys that pause, cancel and reorder, and what jobs said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from tests.tui import work
from tests.tui.work import said, until
from zen_tui.jobs import launch, queue
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.tui.app import ZenApp
from zen_tui.tui.screens.jobs import JobsScreen
from zen_tui.tui.screens.run import RunScreen
from zen_tui.tui.widgets.choices import Choices


@pytest.fixture
def busy(db: Database, home: Home, monkeypatch: pytest.MonkeyPatch) -> work.Worker:
    """A training (1) that runs at step 60 of 400, and three batches (2, 3, 4) that wait."""
    monkeypatch.setattr(launch, "ensure_worker", lambda home: None)
    work.add_base(db)
    work.add_dataset(db)
    job, _ = work.add_training(db, home)
    worker = work.Worker(db, home, job)
    worker.start()
    worker.train(60, 400)
    for _ in range(3):
        work.add_batch(db, home, 2)
    return worker


@asynccontextmanager
async def opened(
    db: Database, home: Home, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[ZenApp, Pilot[None], JobsScreen]]:
    """The app with the Jobs screen open."""
    app = ZenApp(home, db)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("g", "5")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        screen = app.screen
        assert isinstance(screen, JobsScreen)
        await pilot.pause()
        yield app, pilot, screen


def rows(screen: JobsScreen) -> list[str]:
    return [str(option.prompt) for option in screen.query_one(Choices).options]


async def test_an_empty_queue_says_so(db: Database, home: Home) -> None:
    async with opened(db, home) as (app, _, screen):
        assert "Nothing has been queued yet" in said(app, "#nothing")
        assert screen.query_one("#nothing").display
        assert not rows(screen)


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_states_are_told_in_words(busy: work.Worker, size: tuple[int, int]) -> None:
    db, home = busy.db, busy.home
    queue.pause(db, 2)
    queue.cancel(db, 3)
    async with opened(db, home, size) as (_, _, screen):
        found = rows(screen)
        assert all(len(row) <= size[0] - 4 for row in found)
        assert "worker died" in found[0]  # nobody holds the lock
        assert "train mara" in found[0]
        assert "60 of 400" in found[0]
        assert "paused" in found[1]
        assert "waiting" in found[2]
        assert "cancelled" in found[3]  # what has ended comes last


async def test_pause_resume_and_cancel(busy: work.Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zen_tui.tui.screens.jobs.worker_alive", lambda home: True)
    db = busy.db
    async with opened(db, busy.home) as (_, pilot, screen):
        await pilot.press("j", "p")
        assert queue.job(db, 2).status == "paused"
        await pilot.press("p")
        assert queue.job(db, 2).status == "queued"
        await pilot.press("x")
        await pilot.press("n")
        assert queue.job(db, 2).status == "queued"
        await pilot.press("x")
        await pilot.press("y")
        await pilot.pause()
        assert queue.job(db, 2).status == "cancelled"
        assert screen.chosen is not None
        assert screen.chosen.id == 2  # the cursor stays with its job
        await pilot.press("k", "k", "k")
        await pilot.press("p")
        assert queue.job(db, 1).control == "pause"


async def test_a_job_whose_worker_died_is_taken_up_again(
    busy: work.Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[Home] = []
    monkeypatch.setattr(launch, "ensure_worker", woken.append)
    async with opened(busy.db, busy.home) as (_, pilot, _screen):
        await pilot.press("p")
        await until(pilot, lambda: woken == [busy.home])
        assert queue.job(busy.db, 1).control == ""


async def test_reordering(busy: work.Worker) -> None:
    db = busy.db
    async with opened(db, busy.home) as (_, pilot, screen):
        await pilot.press("j", "J")
        assert [job.id for job in queue.jobs(db)][-3:] == [3, 2, 4]
        assert screen.chosen is not None
        assert screen.chosen.id == 2
        await pilot.press("shift+down")
        assert [job.id for job in queue.jobs(db)][-3:] == [3, 4, 2]
        await pilot.press("K", "shift+up")
        assert [job.id for job in queue.jobs(db)][-3:] == [2, 3, 4]
        await pilot.press("g", "J")  # a running job stays where it is
        assert [job.id for job in queue.jobs(db)] == [1, 2, 3, 4]


async def test_the_log_is_shown_clean(busy: work.Worker) -> None:
    (busy.home.job(1) / "log.txt").write_bytes(b"one\n\x1b]0;title\x07two [bold]three[/]\n\xff\n")
    async with opened(busy.db, busy.home, (80, 24)) as (app, pilot, screen):
        assert not screen.query_one("#said").display
        await pilot.press("L")
        await until(pilot, lambda: "three" in said(app, "#log > Static"))
        text = said(app, "#log > Static")
        assert "two [bold]three[/]" in text
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "1.2 M numbers" in text


async def test_enter_opens_the_run(busy: work.Worker) -> None:
    async with opened(busy.db, busy.home) as (app, pilot, _):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert isinstance(app.screen, RunScreen)
        assert app.screen.job_id == 1
        await pilot.press("q")
        assert isinstance(app.screen, JobsScreen)


async def test_what_changes_in_the_queue_is_seen(busy: work.Worker) -> None:
    async with opened(busy.db, busy.home) as (_, pilot, screen):
        busy.train(100, 400)
        await until(pilot, lambda: "100 of 400" in rows(screen)[0])
        busy.end("It ran out of memory.")
        await until(pilot, lambda: "failed" in rows(screen)[-1])
        await pilot.press("G")
        await until(pilot, lambda: screen.chosen is not None and screen.chosen.id == 1)
        await until(pilot, lambda: "It ran out of memory." in said(screen.app, "#log > Static"))
