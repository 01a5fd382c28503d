"""Runs side by side: chosen on Jobs, with one prompt and one step for all."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.cli.conftest import Zen, zen  # noqa: F401  (a fixture)
from tests.tui import work
from tests.tui.work import said, until
from zen_tui.jobs import launch, queue
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.scoring import ink
from zen_tui.scoring.run_comparison import comparison, course_of
from zen_tui.tui.app import ZenApp
from zen_tui.tui.screens.compare_runs import CompareRunsScreen
from zen_tui.tui.screens.jobs import JobsScreen
from zen_tui.tui.widgets.choices import Choices


@pytest.fixture
def trained(db: Database, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two trainings that ended, 'mara' after 400 steps and 'short' after 100."""
    monkeypatch.setattr(launch, "ensure_worker", lambda home: None)
    work.add_base(db)
    work.add_dataset(db)
    for name, steps in (("mara", 400), ("short", 100)):
        if name != "mara":
            work.add_dataset(db, name)
        job, _ = work.add_training(db, home, name, steps=steps)
        worker = work.Worker(db, home, job)
        worker.start()
        worker.train(steps, steps)
        worker.end()


async def test_selected_trainings_lie_side_by_side(trained: None, db: Database, home: Home) -> None:
    app = ZenApp(home, db)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press("g", "5")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen) and app.screen.jobs)
        await pilot.press("v")
        assert "Select two to four" in " ".join(n.message for n in app._notifications)

        await pilot.press("space")
        assert "●" in str(app.screen.query_one(Choices).options[0].prompt)
        await pilot.press("j", "space", "v")
        await until(pilot, lambda: isinstance(app.screen, CompareRunsScreen) and app.screen.prompts)
        screen = app.screen
        assert isinstance(screen, CompareRunsScreen)
        assert [run.slug for run in screen.runs] == ["mara", "short"]
        assert said(app, "#run-0 .told").startswith("step 400")
        assert said(app, "#run-1 .told").startswith("step 100")

        await pilot.press("left", "left", "left")  # from 400 to 100, where both have samples
        assert said(app, "#run-0 .told").startswith("step 100")
        await pilot.press("left")
        assert said(app, "#run-0 .told").startswith("step 0")
        assert said(app, "#run-1 .told").startswith("step 75")
        await pilot.press("down")
        assert work.PROMPTS[1] in str(screen.query_one("#curves").border_subtitle)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))


def test_the_picture_has_a_line_and_samples_for_each_run(trained: None, db: Database, home: Home) -> None:
    courses = [course_of(db, home, models.run(db, name)) for name in ("mara", "short")]
    assert [course.step for course in courses] == [400, 100]
    assert all(len(course.samples) == len(work.PROMPTS) for course in courses)
    drawn = comparison(courses)
    found = {color for _, color in drawn.getcolors(drawn.width * drawn.height) or []}
    assert {ink.JADE, ink.PERSIMMON} <= found
    assert ink.SKY not in found


def test_the_command_writes_the_picture_and_refuses_what_is_no_comparison(
    trained: None,
    db: Database,
    home: Home,
    zen: Zen,  # noqa: F811
) -> None:
    out = home.root.parent / "compared.png"
    answer = zen("runs", "compare", "mara", "short", "--out", out)
    assert answer.code == 0, answer.err
    assert "short" in answer.out
    with Image.open(out) as picture:
        assert picture.height > 600  # curves and a grid under them
    before = out.read_bytes()
    assert zen("runs", "compare", "mara", "short", "--out", out).code == 1
    assert out.read_bytes() == before
    assert zen("runs", "compare", "mara").code == 2
    assert zen("runs", "compare", "mara", "mara").code == 2
    assert zen("runs", "compare", "mara", "nobody").code == 3
    assert zen("runs", "compare", "mara", "short", "--out", "compared.jpg").code == 2
    assert queue.jobs(db)[-1].title == "train short"  # nothing was queued for it
