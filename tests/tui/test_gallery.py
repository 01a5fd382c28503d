"""The gallery: rating, rejecting, searching, comparing, duels, recalling a recipe, copying out."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.message import Message
from textual.widgets import Input

from tests.tui.shell import add_pictures, zen
from tests.tui.work import add_adapter, add_base, said, shown, until
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.pictures import find_pictures, picture
from zen_tui.tui.messages import Recall
from zen_tui.tui.screens.compare import CompareScreen
from zen_tui.tui.screens.duel import Duel, DuelScreen
from zen_tui.tui.screens.gallery import GalleryScreen
from zen_tui.tui.screens.viewer import ViewerScreen
from zen_tui.tui.widgets.photo_grid import PhotoGrid


@pytest.fixture
def six(db: Database, home: Home) -> Database:
    """Six pictures, ids 1 to 6; the newest, 6, comes first."""
    add_pictures(db, home, 6)
    return db


async def test_a_digit_rates_the_picture_under_the_cursor(six: Database, home: Home) -> None:
    async with zen(six, home, place="gallery") as (app, pilot):
        assert isinstance(app.screen, GalleryScreen)
        await pilot.press("right", "4")
        await until(pilot, lambda: picture(six, 5).rating == 4)
        grid = app.screen.query_one(PhotoGrid)
        await until(pilot, lambda: "★★★★" in shown(grid))
        assert isinstance(app.screen, GalleryScreen), "the digit opened a screen"
        await pilot.press("0")
        await until(pilot, lambda: picture(six, 5).rating == 0)


async def test_rejected_pictures_are_hidden_and_come_back(six: Database, home: Home) -> None:
    async with zen(six, home, place="gallery") as (app, pilot):
        grid = app.screen.query_one(PhotoGrid)
        await pilot.press("x")
        await until(pilot, lambda: len(grid.tiles) == 5)
        assert picture(six, 6).rejected
        await pilot.press("X")
        await until(pilot, lambda: len(grid.tiles) == 6)
        await pilot.press("X", "u")
        await until(pilot, lambda: len(grid.tiles) == 6 and not picture(six, 6).rejected)


async def test_words_and_ratings_are_searched(six: Database, home: Home) -> None:
    async with zen(six, home, place="gallery") as (app, pilot):
        grid = app.screen.query_one(PhotoGrid)
        await pilot.press("5", "slash", *"beach", "enter")
        await until(pilot, lambda: len(grid.tiles) == 3)
        assert said(app, "#count") == "3 pictures"
        await pilot.press("slash", *" rating>=", "enter")
        await until(pilot, lambda: "is not a rating" in said(app, "#count"))
        await pilot.press("slash", "5", "enter")
        await until(pilot, lambda: len(grid.tiles) == 1)
        await pilot.press("escape")
        await until(pilot, lambda: len(grid.tiles) == 6)
        assert app.screen.query_one("#search", Input).value == ""


async def test_a_recipe_is_recalled_into_generate(six: Database, home: Home) -> None:
    add_base(six)
    add_adapter(six)
    heard: list[Message] = []
    async with zen(six, home, place="gallery", heard=heard) as (app, pilot):
        await pilot.press("right", "r")
        await until(pilot, lambda: getattr(app.screen, "place", "") == "generate")
        told = next(message for message in heard if isinstance(message, Recall))
        assert told.picture.id == 5
        await until(pilot, lambda: "in marble" in app.screen.query_one("PromptEditor").text)  # type: ignore[attr-defined]


async def test_full_size_shows_the_recipe_and_rates(six: Database, home: Home) -> None:
    async with zen(six, home, place="gallery") as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ViewerScreen))
        assert "seed 105" in said(app, "#line")
        assert "mara:0.8" in said(app, "#line")
        pane = app.screen.query_one("PicturePane HalfCells")
        await until(pilot, lambda: "▀" in shown(pane))
        await pilot.press("right", "3")
        await until(pilot, lambda: picture(six, 5).rating == 3 and "★★★" in said(app, "#line"))
        await pilot.press("x")
        await until(pilot, lambda: "rejected" in said(app, "#line"))
        await pilot.press("u", "escape")
        await until(pilot, lambda: isinstance(app.screen, GalleryScreen))
        assert not picture(six, 5).rejected


async def test_two_to_four_stand_side_by_side(six: Database, home: Home) -> None:
    async with zen(six, home, place="gallery") as (app, pilot):
        await pilot.press("space", "right", "space", "right", "space", "v")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        assert len(app.screen.query(".side")) == 3
        told = [str(static.content) for static in app.screen.query(".told")]  # type: ignore[attr-defined]
        assert "seed 105" in told[0]
        assert "guidance" not in told[0], "what is the same for all is told"
        await pilot.press("right", "2")
        await until(pilot, lambda: picture(six, 5).rating == 2)


async def test_a_duel_ends_with_one_that_is_best(six: Database, home: Home) -> None:
    async with zen(six, home, place="gallery") as (app, pilot):
        await pilot.press("space", "right", "space", "right", "space", "D")
        await until(pilot, lambda: isinstance(app.screen, DuelScreen))
        assert "2 to go" in said(app, "#score")
        await pilot.press("right")  # 5 beats 6
        await until(pilot, lambda: "1 to go" in said(app, "#score"))
        await pilot.press("left")  # 4 beats 5
        await until(pilot, lambda: "picture 4 is the best" in said(app, "#score"))
        assert picture(six, 4).rating == 5
        await pilot.press("u")
        await until(pilot, lambda: picture(six, 4).rating == 0)


def test_a_duel_takes_one_fight_less_than_it_has_pictures(db: Database, home: Home) -> None:
    found = add_pictures(db, home, 5)
    duel = Duel(found)
    fights = 0
    while not duel.best:
        duel.choose(right=fights % 2 == 0)
        fights += 1
    assert fights == 4
    for _ in range(4):
        duel.undo()
    assert (duel.left, duel.right) == (found[0], found[1])


async def test_pictures_are_copied_out_and_nothing_is_overwritten(
    six: Database, home: Home, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    async with zen(six, home, place="gallery") as (app, pilot):
        for expected in (1, 2):
            await pilot.press("o")
            await until(pilot, lambda: bool(app.screen.query("#line")))
            app.screen.query_one("#line", Input).value = str(out)
            await pilot.press("enter")
            await until(pilot, lambda wanted=expected: out.exists() and len(list(out.iterdir())) == wanted)  # type: ignore[misc]
            await until(pilot, lambda: isinstance(app.screen, GalleryScreen))
    assert {path.name for path in out.iterdir()} == {"0006-105.png", "0006-105-2.png"}


async def test_thousands_of_pictures_are_one_widget(db: Database, home: Home) -> None:
    made = add_pictures(db, home, 1)[0]
    with db.transaction() as connection:
        connection.executemany(
            "INSERT INTO pictures (hash, path, prompt, idx, width, height) VALUES (?, ?, ?, ?, 64, 64)",
            [(made.hash, made.path, f"number {n}", n + 10) for n in range(3000)],
        )
    async with zen(db, home, place="gallery") as (app, pilot):
        grid = app.screen.query_one(PhotoGrid)
        assert len(grid.tiles) == 3001
        assert not list(grid.query("*"))
        await pilot.press("G")
        await until(pilot, lambda: grid.cursor == 3000)
        await until(pilot, lambda: "▀" in shown(grid))
        assert said(app, "#about").startswith("a photo of ohwx woman in marble")
        assert len(find_pictures(db)) == 3001
