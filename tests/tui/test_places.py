"""Every screen at every size: nothing of no size, the keys in sight, and a plain word where there is no room."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.shell import SIZES, add_photos, add_pictures, open_place, visible, zen
from tests.tui.work import said, until
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.tui.keys import PLACES
from zen_tui.tui.screens.help import HelpScreen
from zen_tui.tui.screens.place import Place
from zen_tui.tui.widgets.footer import KeyLine

# Widgets that are there for layout or until something is to be said.
MAY_BE_EMPTY = {"Static", "Tooltip", "ToastRack", "Label", "Toast", "ToastHolder", "ScrollBar"}


@pytest.fixture
def filled(db: Database, home: Home, photo_folder: Path) -> Database:
    """Six photos and six pictures."""
    add_photos(db, home, photo_folder)
    add_pictures(db, home)
    return db


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_screen_fills_its_window(size: tuple[int, int], filled: Database, home: Home) -> None:
    async with zen(filled, home, size) as (app, pilot):
        for place in PLACES:
            await open_place(app, pilot, place)
            line = app.screen.query_one(KeyLine)
            assert line.region.bottom == size[1], f"{place}: the keys are not in the last row"
            assert "help" in line.render().plain
            empty = [
                repr(widget)
                for widget in visible(app)
                if not widget.size.area and type(widget).__name__ not in MAY_BE_EMPTY
            ]
            assert not empty, f"{place} at {size}: {empty}"
            wide = [repr(widget) for widget in visible(app) if widget.region.right > size[0]]
            assert not wide, f"{place} at {size} is wider than the window: {wide}"


async def test_a_window_that_is_too_small_says_so_and_nothing_breaks(filled: Database, home: Home) -> None:
    async with zen(filled, home, (40, 10)) as (app, pilot):
        for place in PLACES:
            await open_place(app, pilot, place)
            assert "60×18" in said(app, "#too-small")
            assert app.screen.query_one("#too-small").size.area > 0
            assert not app.screen.query_one("#body").display
            await pilot.press("down", "right", "enter", "slash", "escape")
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert app.screen.query_one("#body").display
        assert app.screen.focused is not None


async def test_a_small_window_can_be_left(filled: Database, home: Home) -> None:
    async with zen(filled, home, (40, 10)) as (app, pilot):
        await pilot.press("ctrl+q")
        await until(pilot, lambda: not app.is_running)


async def test_screens_are_reached_by_digit_by_g_and_by_brackets(filled: Database, home: Home) -> None:
    async with zen(filled, home) as (app, pilot):
        seen = []
        for keys in (["6"], ["left_square_bracket"], ["right_square_bracket"], ["4"], ["g", "7"]):
            await pilot.press(*keys)
            await pilot.pause()
            assert isinstance(app.screen, Place)
            seen.append(app.screen.place)
        assert seen == ["bases", "jobs", "bases", "gallery", "privacy"]


async def test_q_leaves_a_page_then_zen(filled: Database, home: Home) -> None:
    async with zen(filled, home, place="gallery") as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("q")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)


async def test_escape_never_leaves_zen(filled: Database, home: Home) -> None:
    async with zen(filled, home) as (app, pilot):
        await pilot.press("escape", "escape", "escape")
        assert app.is_running


async def test_help_shows_the_keys_of_this_screen(filled: Database, home: Home) -> None:
    async with zen(filled, home, place="gallery") as (app, pilot):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        text = said(app, "#help-text")
        assert "Choose between two" in text
        assert "g 1  Open the Datasets screen." in text
        assert "gallery.duel" in text
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, Place))


async def test_without_colour_everything_is_still_told(
    filled: Database, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with zen(filled, home, (80, 24)) as (app, pilot):
        await pilot.press("x")
        await pilot.pause()
        lines = ["".join(s.text for s in strip) for strip in app.screen._compositor.render_strips()]
        text = "\n".join(lines)
        assert "out" in text
        assert "left out" in text
        colours = {s.style.color.get_truecolor() for strip in app.screen._compositor.render_strips() for s in strip
                   if s.style and s.style.color}  # fmt: skip
        assert all(len(set(colour)) == 1 for colour in colours), "not every colour is grey"


@pytest.mark.parametrize("theme", ["paper", "ansi-dark"])
@pytest.mark.slow
async def test_every_theme_draws_every_screen(theme: str, filled: Database, home: Home) -> None:
    async with zen(filled, home, (80, 24)) as (app, pilot):
        app.theme = theme
        for place in PLACES:
            await open_place(app, pilot, place)
        assert app.theme == theme
    assert f'theme = "{theme}"' in home.settings.read_text(), "the choice is not kept"
