"""The crop editor under the mouse, and what is seen of it in every window and with every kind of picture."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from textual.geometry import Region

from tests.tui.editors import crop, drag, opened
from tests.tui.shell import SIZES, add_photos, open_place, visible, zen
from tests.tui.work import said, shown, until
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Crop, Photo
from zen_tui.tui.app import ZenApp
from zen_tui.tui.commands import Commands
from zen_tui.tui.keys import ACTIONS
from zen_tui.tui.screens.datasets import DatasetsScreen
from zen_tui.tui.terminal import Graphics
from zen_tui.tui.widgets.sixel_picture import SixelPicture

# The mouse ------------------------------------------------------------------------------------------------


async def test_a_corner_follows_the_mouse_and_one_undo_takes_the_drag_back(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    async with zen(db, home) as (app, pilot):
        screen = await opened(app, pilot)
        await drag(app, pilot, (1, 1), (0.8, 0.8), (0.5, 0.5))
        assert screen.box.left == screen.box.top == 0
        assert screen.box.right == pytest.approx(0.5, abs=0.02)
        assert screen.box.bottom == pytest.approx(0.5, abs=0.03)
        await pilot.press("u", "u")
        assert screen.box == Crop(0, 0, 1, 1)


async def test_inside_the_mouse_moves_the_rectangle_and_outside_it_draws_another(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    datasets.set_crop(db, photos[0].id, Crop(0, 0, 0.5, 0.5))  # the photo's own shape, which is not held
    async with zen(db, home) as (app, pilot):
        screen = await opened(app, pilot)
        await drag(app, pilot, (0.25, 0.25), (0.5, 0.5), (0.99, 0.99))
        assert screen.box == Crop(0.5, 0.5, 1, 1)
        await drag(app, pilot, (0.1, 0.1), (0.4, 0.3))
        assert screen.box.left == pytest.approx(0.1, abs=0.02)
        assert screen.box.right == pytest.approx(0.4, abs=0.02)
        assert screen.box.bottom == pytest.approx(0.3, abs=0.03)
        await drag(app, pilot, (0.9, 0.9), (0.9, 0.9))
        assert screen.box.left == pytest.approx(0.1, abs=0.02), "a click alone changed it"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
    assert crop(db, photos[0]) == screen.box


# What is seen ---------------------------------------------------------------------------------------------


async def test_the_edges_are_characters_and_the_chosen_side_is_another(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    async with zen(db, home) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("minus", "minus", "tab")
        cells = app.screen.query_one("#stage LiveCells")
        text = shown(cells)
        assert all(sign in text for sign in "┏┓┗┛━┃║")
        assert "1152×768" in text
        before = text
        await pilot.press("L", "L")
        assert shown(cells).index("║") > before.index("║"), "the drawn edge did not follow"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_it_fits_every_window(size: tuple[int, int], db: Database, home: Home, photos: list[Photo]) -> None:
    async with zen(db, home, size) as (app, pilot):
        screen = await opened(app, pilot)
        empty = [
            repr(w) for w in visible(app) if not w.size.area and type(w).__name__ not in ("Static", "Tooltip")
        ]
        assert [name for name in empty if "Toast" not in name] == []
        told = screen.query_one("#told")
        assert len(said(app, "#told").split("\n")) <= told.size.height
        assert max(len(line) for line in said(app, "#told").split("\n")) <= told.size.width
        await pilot.resize_terminal(60, 18)
        await pilot.pause()
        assert "┏" in shown(screen.query_one("#stage LiveCells"))


async def test_with_pictures_off_the_rectangle_is_still_drawn(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    app = ZenApp(home, db, graphics=Graphics("off", "for the test"))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_place(app, pilot, "datasets")
        screen = await opened(app, pilot)
        await pilot.press("pagedown")
        text = shown(screen.query_one("#stage LiveCells"))
        assert "┏" in text
        assert "·" in text
        assert "▀" not in text


async def test_it_is_sharp_once_hands_rest(db: Database, home: Home, photos: list[Photo]) -> None:
    app = ZenApp(home, db, graphics=Graphics("sixel", "for the test", cell=(4, 8)))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_place(app, pilot, "datasets")
        screen = await opened(app, pilot)

        def drawn() -> bool:
            found = [picture for picture in screen.query_one("#stage").query(SixelPicture) if picture.display]
            if not found or not found[-1].size.area:
                return False
            area = Region(0, 0, *found[-1].size)
            return "\x1bP" in "".join(s.text for strip in found[-1].render_lines(area) for s in strip)

        await until(pilot, drawn)
        await pilot.press("minus")
        assert not any(picture.display for picture in screen.query_one("#stage").query(SixelPicture))
        assert "▀" in shown(screen.query_one("#stage LiveCells"))
        await until(pilot, drawn)


async def test_the_palette_runs_what_an_editor_shares_with_others(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    async with zen(db, home) as (app, pilot):
        screen = await opened(app, pilot)
        smaller = next(action for action in ACTIONS["rectangle"] if action.id == "rectangle.smaller")
        await Commands(screen).run("rectangle", smaller)
        await until(pilot, lambda: screen.changed)


async def test_photos_taken_sideways_are_cropped_upright(db: Database, home: Home, photo_folder: Path) -> None:
    made = add_photos(db, home, photo_folder, "ana")
    sideways = next(photo for photo in datasets.photos(db, made.id) if photo.name == "sideways.jpg")
    async with zen(db, home) as (app, pilot):
        await until(pilot, lambda: cast("DatasetsScreen", app.screen).slug == "ana")
        await pilot.press(*["right"] * [photo.id for photo in datasets.photos(db, made.id)].index(sideways.id))
        screen = await opened(app, pilot)
        assert "480×640" in said(app, "#told")
        picture = screen.stage.picture
        assert picture is not None
        assert picture.width < picture.height
