"""One picture as well as the terminal can: Sixel, back after a dialog, and words where pictures are off."""

from __future__ import annotations

import pytest
from textual.geometry import Region

from tests.tui.shell import add_pictures, open_place
from tests.tui.work import shown, until
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.tui.app import ZenApp
from zen_tui.tui.screens.viewer import ViewerScreen
from zen_tui.tui.terminal import Graphics
from zen_tui.tui.widgets.sixel_picture import SixelPicture


def drawn(app: ZenApp) -> str:
    """What the Sixel picture of the full-size view would send to the terminal now."""
    viewer = next(screen for screen in app.screen_stack if isinstance(screen, ViewerScreen))
    found = viewer.query(SixelPicture)
    if not found or not found.first().size:
        return ""
    width, height = found.first().size
    return "".join(s.text for strip in found.first().render_lines(Region(0, 0, width, height)) for s in strip)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_sixel_picture_leaves_a_dialog_alone_and_comes_back(
    size: tuple[int, int], db: Database, home: Home
) -> None:
    add_pictures(db, home, 2)
    app = ZenApp(home, db, graphics=Graphics("sixel", "for the test", cell=(7, 15)))
    async with app.run_test(size=size) as pilot:
        await open_place(app, pilot, "gallery")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ViewerScreen) and "\x1bP" in drawn(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: len(app.screen_stack) == 3)
        assert "\x1bP" not in drawn(app)
        await pilot.press("escape")
        await until(pilot, lambda: "\x1bP" in drawn(app))


async def test_with_pictures_off_their_names_are_told(db: Database, home: Home) -> None:
    add_pictures(db, home, 1)
    app = ZenApp(home, db, graphics=Graphics("off", "for the test"))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_place(app, pilot, "gallery")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ViewerScreen))
        pane = app.screen.query_one("PicturePane HalfCells")
        await until(pilot, lambda: "picture 1" in shown(pane))
        assert "▀" not in shown(pane)
