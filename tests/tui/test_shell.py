"""What the app does on every screen: news of jobs, the status line, a crash without secrets, a light start."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

from tests.helpers import python
from tests.tui import work
from tests.tui.shell import add_photos, zen
from tests.tui.work import until
from zen_tui.jobs import queue
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile
from zen_tui.library.paths import Home
from zen_tui.library.records import Job
from zen_tui.library.settings import Settings, change, read
from zen_tui.tui.app import ZenApp
from zen_tui.tui.status import Status
from zen_tui.tui.widgets.status_line import StatusLine

SECRET = "hunter2-and-a-prompt"


def status(app: ZenApp) -> str:
    return app.screen.query_one(StatusLine).render().plain


@pytest.mark.parametrize("ending", ["done", "The disk filled up."])
async def test_a_job_that_ends_rings_and_says_so_on_any_screen(
    ending: str, db: Database, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[bool] = []
    monkeypatch.setattr(ZenApp, "bell", lambda self: rung.append(True))
    work.add_base(db)
    work.add_dataset(db)
    job, _ = work.add_training(db, home)
    with Database.open(home) as other:
        worker = work.Worker(other, home, job)
        worker.start()
        async with zen(db, home, place="privacy") as (app, pilot):
            await until(pilot, lambda: "train mara" in status(app))
            assert not rung
            worker.end(ending)
            await until(pilot, lambda: bool(app._notifications))
            told = next(iter(app._notifications))
            assert "mara" in f"{told.title} {told.message}"
            assert ("failed" in told.title) == (ending != "done")
            assert rung == [True]
            await until(pilot, lambda: "train mara" not in status(app))


async def test_garbage_is_swept_again_once_the_first_frame_stands(db: Database, home: Home) -> None:
    gc.disable()  # as the command does before it imports anything
    try:
        async with zen(db, home) as (_, pilot):
            await until(pilot, gc.isenabled)
    finally:
        gc.enable()


async def test_the_bell_can_be_turned_off(db: Database, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[bool] = []
    monkeypatch.setattr(ZenApp, "bell", lambda self: rung.append(True))
    work.add_base(db)
    job, _ = work.add_batch(db, home, 1)
    async with zen(db, home, settings=Settings(bell=False)) as (app, pilot):
        await until(pilot, lambda: "1 waiting" in status(app))
        taken = queue.claim(db)
        assert taken is not None
        queue.finish(db, taken, "done")
        await until(pilot, lambda: bool(app._notifications))
    assert job.id == taken.id
    assert not rung


async def test_the_lock_is_shown_as_the_worker_found_it(db: Database, home: Home) -> None:
    async with zen(db, home) as (app, pilot):
        assert "no worker yet" in status(app)
        for level, words in (("kernel", "offline, locked"), ("none", "offline lock missing")):
            (home.root / "worker.json").write_text(json.dumps({"pid": 1, "lock": {"level": level}, "at": words}))
            await until(pilot, lambda said=words: said in status(app))  # type: ignore[misc]


def test_time_left_is_said_only_once_a_speed_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((0.0, 1.0, 2.0, 3.0))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    now = Status()
    for step in (0, 10, 20):
        assert now.left() is None
        now.follow(Job(id=1, kind="train", title="mara", status="running", step=step, steps=120), 0)
    assert now.left() == 10


async def test_a_crash_shows_a_sentence_and_no_values(
    db: Database, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(self: ZenApp) -> None:
        password = SECRET
        raise RuntimeError(f"cannot use {password}")

    monkeypatch.setattr(ZenApp, "action_help", broken)

    async def crash() -> None:
        async with zen(db, home) as (app, pilot):
            await pilot.press("question_mark")
            await until(pilot, lambda: not app.is_running)

    with pytest.raises(RuntimeError):
        await crash()
    printed = "".join(capsys.readouterr())
    assert SECRET not in printed
    assert "Traceback" not in printed
    assert "password" not in printed
    assert printed.strip(), "nothing was said"
    assert SECRET not in (home.root / "crash.log").read_text()


def test_the_first_frame_loads_nothing_heavy(home: Home, db: Database, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    done = python("""
import asyncio, sys
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.tui.app import ZenApp
from zen_tui.tui.screens.place import Place

async def main():
    home = Home.find().create()
    seen = []
    heavy = "torch diffusers transformers peft numpy textual_image sqlite_utils PIL pynvml".split()
    load = Place._come_into_view  # called once the empty screen has been painted
    def watched(screen):
        seen.append([name for name in heavy if name in sys.modules])
        load(screen)
    Place._come_into_view = watched
    with Database.open(home) as db:
        app = ZenApp(home, db)
        async with app.run_test() as pilot:
            while not seen:
                await pilot.pause()
            await pilot.press("4", "g", "6", "7")
            await pilot.pause()
            later = [n for n in ("torch", "diffusers", "transformers", "peft", "numpy") if n in sys.modules]
    print(seen[0], later)

asyncio.run(main())
""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[] []"


def test_settings_are_read_and_changed_a_line_at_a_time(home: Home) -> None:
    assert read(home) == Settings()
    home.settings.write_text('# mine\nbell = false\n\n[keys]\n"datasets.out" = "r"\n')
    assert change(home, "theme", "paper") == Settings(theme="paper", bell=False, keys={"datasets.out": "r"})
    change(home, "theme", "zen")
    assert home.settings.read_text() == 'theme = "zen"\n# mine\nbell = false\n\n[keys]\n"datasets.out" = "r"\n'


@pytest.mark.parametrize("text", ["theme = ", 'images = "blurry"', "colour = 1", "bell = 3"])
def test_bad_settings_are_met_with_a_sentence(text: str, home: Home) -> None:
    home.settings.write_text(text)
    with pytest.raises(BadFile) as said:
        read(home)
    assert str(home.settings) in said.value.message
    assert said.value.hint
