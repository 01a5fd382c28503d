"""Marks are written behind the keys: in order, none lost, and what follows from them comes after a pause."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest
from textual.widgets import Input

from tests.tui.culled import photos, splits
from tests.tui.shell import zen
from tests.tui.work import said, until
from zen_tui.library.database import Database
from zen_tui.library.datasets import change_photos
from zen_tui.library.errors import DiskFull
from zen_tui.library.paths import Home
from zen_tui.library.records import Crop, Photo
from zen_tui.library.writer import Writer
from zen_tui.tui.app import ZenApp
from zen_tui.tui.screens.crop_editor import CropEditorScreen
from zen_tui.tui.screens.cull_view import CullScreen
from zen_tui.tui.screens.datasets import DatasetsScreen
from zen_tui.tui.widgets.photo_grid import PhotoGrid

WRITES = "zen_tui.tui.screens.datasets_marks.change_photos"


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Event:
    """A disk that takes no mark until this is set."""
    go_on = Event()

    def waiting(db: Database, changes: Any) -> None:
        assert go_on.wait(30)
        change_photos(db, changes)

    monkeypatch.setattr(WRITES, waiting)
    return go_on


def labels(app: ZenApp) -> list[str]:
    return [tile.label for tile in app.screen.query_one(PhotoGrid).tiles]


async def test_a_key_does_not_wait_for_the_disk_and_quitting_does(
    db: Database,
    home: Home,
    judged: list[Photo],
    disk: Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closing = Writer.close

    def close(writer: Writer) -> None:
        assert splits(db) == "tttttt"
        disk.set()
        closing(writer)

    monkeypatch.setattr(Writer, "close", close)
    async with zen(db, home) as (app, pilot):
        await pilot.press("x", "right", "o", "right", "4")
        await until(pilot, lambda: labels(app)[:3] == ["out", "held out", "alike +1 ★★★★"])
        assert splits(db) == "tttttt", "the disk was waited for"
        await pilot.press("q")
    assert splits(db) == "ohtttt"
    assert photos(db)[2].rating == 4


async def test_marks_and_their_undoing_are_written_in_order(
    db: Database,
    home: Home,
    judged: list[Photo],
    disk: Event,
) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("x", "U", "o", "5", "U", "U", "x", "right", "x", "U")
        assert labels(app)[:2] == ["out", "use"]
        disk.set()
        app.writer.settle()
        assert splits(db) == "ottttt"
        assert photos(db)[0].rating == 0
        await pilot.press("U")
        await until(pilot, lambda: splits(db) == "tttttt")
        await pilot.press("U")
        app.writer.settle()
        assert splits(db) == "tttttt"


async def test_another_screen_sees_what_was_marked_a_moment_ago(
    db: Database,
    home: Home,
    judged: list[Photo],
    disk: Event,
) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("x")
        disk.set()
        await pilot.press("C")
        await until(pilot, lambda: app.screen.query_one(PhotoGrid).tiles[0].faded)


async def test_a_mark_that_cannot_be_written_is_told_and_shown_no_longer(
    db: Database,
    home: Home,
    judged: list[Photo],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("5")
        await until(pilot, lambda: photos(db)[0].rating == 5)
        with monkeypatch.context() as full:

            def fail(*_: object) -> None:
                raise DiskFull("The disk is full.", "Free some space.")

            full.setattr(WRITES, fail)
            await pilot.press("x")
            await until(pilot, lambda: any("disk is full" in told.title for told in app._notifications))
            await until(pilot, lambda: labels(app)[0] == "use ★★★★★")
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, CullScreen))
            await pilot.press("x")
            await until(pilot, lambda: "trained on" in said(app, "#line") and not app.untold)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        await pilot.press("U")
        await until(pilot, lambda: photos(db)[0].rating == 0)


async def test_what_was_marked_last_is_judged_before_zen_ends(
    db: Database,
    home: Home,
    judged: list[Photo],
) -> None:
    assert [verdict.kind for verdict in judged[2].verdicts] == ["duplicate", "blur"]
    async with zen(db, home) as (_, pilot):
        await pilot.press("right", "x", "q")
    assert splits(db) == "totttt"
    assert [verdict.kind for verdict in photos(db)[2].verdicts] == ["blur"]


async def test_a_crop_and_its_undoing_are_judged_after_a_pause(
    db: Database,
    home: Home,
    judged: list[Photo],
) -> None:
    async with zen(db, home) as (app, pilot):
        assert labels(app)[0] == "use"
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CropEditorScreen) and app.screen.state is not None)
        editor = app.screen
        assert isinstance(editor, CropEditorScreen)
        editor.change(editor.with_box(Crop(0.25, 0.25, 0.75, 0.75)))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen) and labels(app)[0] == "small")
        await pilot.press("U")
        await until(pilot, lambda: labels(app)[0] == "use")
        assert photos(db)[0].verdicts == []


async def test_flags_in_full_size_follow_the_marks(db: Database, home: Home, judged: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("right", "enter")
        await until(pilot, lambda: isinstance(app.screen, CullScreen))
        await pilot.press("x", "right")
        await until(pilot, lambda: "blurred" in said(app, "#line") and "same shot" not in said(app, "#line"))


async def test_an_order_counts_what_was_marked_since(db: Database, home: Home, judged: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        screen = app.screen
        assert isinstance(screen, DatasetsScreen)
        for _ in range(4):
            await pilot.press("s")
        await pilot.press("end", "5", *["s"] * 11)
        assert "best rated" in str(app.screen.query_one("#middle").border_subtitle)
        first = screen.query_one(PhotoGrid).tiles[0]
        assert screen.photos[first.id].rating == 5
        await pilot.press("slash")
        screen.query_one("#filter", Input).value = "rating>=5"
        await until(pilot, lambda: [tile.id for tile in screen.query_one(PhotoGrid).tiles] == [first.id])
