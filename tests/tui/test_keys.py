"""Every key is declared once, documented, and free of collisions; a person can change any of them."""

from __future__ import annotations

import inspect
import pkgutil
from collections import Counter
from importlib import import_module

import pytest
from textual.dom import DOMNode
from textual.pilot import Pilot

import zen_tui.tui.screens
import zen_tui.tui.widgets
from tests.tui.shell import add_pictures, zen
from tests.tui.work import until
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.pictures import picture
from zen_tui.library.settings import Settings
from zen_tui.tui import keys
from zen_tui.tui.app import ZenApp
from zen_tui.tui.commands import Commands
from zen_tui.tui.screens.place import Place

AVOIDED = {"ctrl+i", "ctrl+m", "ctrl+j", "ctrl+h", "ctrl+b", "ctrl+a", "ctrl+s", "ctrl+z"}
OF_DIALOGS = {"answer", "leave", "scroll"}  # of small windows, where footer and help have no place


def own_classes() -> list[type[DOMNode]]:
    """Every screen and widget that is Zen's own, and the app."""
    found: list[type[DOMNode]] = [ZenApp]
    for package in (zen_tui.tui.screens, zen_tui.tui.widgets):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for _, kind in inspect.getmembers(import_module(module.name), inspect.isclass):
                if kind.__module__ == module.name and issubclass(kind, DOMNode):
                    found.append(kind)
    return found


def test_the_seven_screens_and_their_widgets_are_found() -> None:
    names = {kind.__name__ for kind in own_classes()}
    assert {"DatasetsScreen", "GalleryScreen", "JobsScreen", "PhotoGrid", "LossPlot"} <= names


@pytest.mark.parametrize("kind", own_classes(), ids=lambda kind: kind.__name__)
def test_every_action_of_a_class_is_documented(kind: type[DOMNode]) -> None:
    documented = {
        action.action.partition("(")[0].removeprefix("app.") for every in keys.ACTIONS.values() for action in every
    }
    for name in vars(kind):
        if name.startswith("action_"):
            assert name.removeprefix("action_") in documented | OF_DIALOGS, (
                f"{kind.__name__}.{name} has no key or name"
            )


@pytest.mark.parametrize("kind", own_classes(), ids=lambda kind: kind.__name__)
def test_every_documented_action_of_a_screen_exists(kind: type[DOMNode]) -> None:
    scope = vars(kind).get("scope", "")
    for action in keys.ACTIONS.get(scope, ()):
        name = action.action.partition("(")[0]
        owner = ZenApp if name.startswith("app.") else kind
        assert hasattr(owner, f"action_{name.removeprefix('app.')}"), f"{action.id} does nothing"


def test_ids_are_unique_and_sentences_are_sentences() -> None:
    every = [action for scope in keys.ACTIONS.values() for action in scope]
    assert [id for id, count in Counter(action.id for action in every).items() if count > 1] == []
    for action in every:
        assert action.label, action.id
        assert action.tooltip[0].isupper() or action.tooltip[0] == "$", action.id
        assert action.tooltip.endswith("."), action.id


def test_keys_that_terminals_swallow_are_not_used() -> None:
    for action in (action for scope in keys.ACTIONS.values() for action in scope):
        for key in action.key.split(","):
            assert key not in AVOIDED, action.id
            assert not key.startswith(("alt+", "ctrl+shift+")), action.id


@pytest.mark.parametrize("scope", keys.TOGETHER)
def test_keys_that_work_together_do_not_collide(scope: str) -> None:
    taken: dict[str, str] = {}
    for part in keys.scopes(scope):
        for action in keys.ACTIONS[part]:
            for key in filter(None, action.key.split(",")):
                allowed = key in keys.OVERRIDES.get(scope, ()) or _of_one_list(taken.get(key, ""), action.id)
                assert key not in taken or allowed, f"{key}: {taken.get(key)} and {action.id}"
                taken.setdefault(key, action.id)


def _of_one_list(first: str, second: str) -> bool:
    """Widgets side by side may share keys: only the one with the focus hears them."""
    widgets = {"grid", "list", "plot", "samples", "board"}
    return first.partition(".")[0] in widgets and second.partition(".")[0] in widgets


@pytest.mark.parametrize("place", keys.PLACES)
async def test_the_palette_offers_every_action(place: str, db: Database, home: Home) -> None:
    async with zen(db, home, place=place) as (app, pilot):
        await pilot.press("ctrl+p")
        await until(
            pilot, lambda: app.screen.id == "--command-palette" or "palette" in type(app.screen).__name__.lower()
        )
        offered = {action.id for _, action in Commands(app.screen_stack[-2]).offered()}
        wanted = {a.id for scope in (*keys.PLACES, "app") for a in keys.ACTIONS[scope]} - {"app.palette"}
        assert wanted <= offered


async def test_a_command_of_another_screen_goes_there_first(db: Database, home: Home) -> None:
    add_pictures(db, home, 1)
    async with zen(db, home) as (app, pilot):
        commands = Commands(app.screen)
        action = next(a for a in keys.ACTIONS["gallery"] if a.id == "gallery.rate_4")
        await commands.run("gallery", action)
        await until(pilot, lambda: picture(db, 1).rating == 4)
        assert isinstance(app.screen, Place)
        assert app.screen.place == "gallery"


async def test_a_person_can_change_a_key(db: Database, home: Home) -> None:
    add_pictures(db, home, 1)
    settings = Settings(keys={"gallery.rate_5": "f9"})
    async with zen(db, home, place="gallery", settings=settings) as (_, pilot):
        await pilot.press("f9")
        await until(pilot, lambda: picture(db, 1).rating == 5)


async def _footer(app: ZenApp, pilot: Pilot[None]) -> list[str]:
    from zen_tui.tui.widgets.footer import KeyLine

    await pilot.pause()
    return [key.label for key in app.screen.query_one(KeyLine).shown_keys()]


async def test_the_footer_shows_what_works_here_and_always_help(db: Database, home: Home) -> None:
    async with zen(db, home, (80, 24)) as (app, pilot):
        assert await _footer(app, pilot) == ["import", "demo", "help"]
        await pilot.press("4")
        await until(pilot, lambda: getattr(app.screen, "place", "") == "gallery")
        assert await _footer(app, pilot) == ["find", "help"]
    add_pictures(db, home, 2)
    async with zen(db, home, (60, 20), place="gallery") as (app, pilot):
        shown = await _footer(app, pilot)
        assert shown[0] == "rate"
        assert shown[-1] == "help"
