"""The import wizard: verdicts before anything is copied, then a copy that can be stopped."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image
from textual.pilot import Pilot
from textual.widgets import Button, Input

from tests.tui.shell import zen
from tests.tui.work import said, until
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.errors import DiskFull
from zen_tui.library.paths import Home
from zen_tui.tui.app import ZenApp
from zen_tui.tui.screens.datasets import DatasetsScreen
from zen_tui.tui.screens.help import HelpScreen
from zen_tui.tui.screens.import_wizard import WizardScreen
from zen_tui.tui.widgets.dialogs import PathSuggester
from zen_tui.tui.widgets.photo_grid import PhotoGrid
from zen_tui.tui.widgets.verdict_list import Verdicts


@pytest.fixture(autouse=True)
def standing_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins in its own folder, and goes back."""
    monkeypatch.chdir(tmp_path)


async def look_at(app: ZenApp, pilot: Pilot[None], folder: Path) -> WizardScreen:
    """Open the wizard, type the name of `folder`, and wait for the verdicts."""
    await pilot.press("i")
    await until(pilot, lambda: isinstance(app.screen, WizardScreen))
    await pilot.pause()
    await pilot.press(*folder.name, "enter")
    await until(pilot, lambda: "can be used" in said(app, "#summary") or said(app, "#fault"))
    assert isinstance(app.screen, WizardScreen)
    return app.screen


def verdicts(app: ZenApp) -> str:
    return "\n".join(line.text for line in app.screen.query_one(Verdicts).lines)


async def test_photos_are_imported_with_the_keyboard_alone(db: Database, home: Home, photo_folder: Path) -> None:
    (photo_folder / "notes.jpg").write_text("not a photo")
    shutil.copy(photo_folder / "beach.jpg", photo_folder / "beach-again.jpg")
    async with zen(db, home) as (app, pilot):
        await look_at(app, pilot, photo_folder)
        told = verdicts(app)
        assert "city.webp" in told
        assert "✗ notes.jpg" in told
        assert "the same as" in told
        summary = said(app, "#summary")
        assert summary.startswith("6 photos can be used, 1 known already, 1 cannot be used.")
        assert summary.endswith("Nothing was copied yet.")
        assert datasets.all_datasets(db) == [], "something was written before a person said so"
        assert str(app.screen.query_one("#go", Button).label) == "import 6 photos"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        made = datasets.dataset(db, "photos")
        assert made.photo_count == 6
        assert (made.token, made.class_word, made.kind) == ("ohwx", "woman", "person")
        await until(pilot, lambda: "photos" in str(app.screen.query_one("#middle").border_title))


async def test_the_fields_name_the_dataset(db: Database, home: Home, photo_folder: Path) -> None:
    async with zen(db, home) as (app, pilot):
        screen = await look_at(app, pilot, photo_folder)
        for field, text in (("#name", "Bilbo 2"), ("#kind", "pet"), ("#class", ""), ("#token", "sks")):
            screen.query_one(field, Input).value = text
        await pilot.pause()
        assert "“sks dog”" in said(app, "#target")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        assert datasets.dataset(db, "bilbo-2").class_word == "dog"


async def test_photos_can_be_added_to_a_dataset_that_is_there(
    db: Database, home: Home, photo_folder: Path
) -> None:
    datasets.add_dataset(db, "mara", "zwx", "person", "person")
    async with zen(db, home) as (app, pilot):
        await look_at(app, pilot, photo_folder)
        assert "added to mara" in said(app, "#target")
        assert app.screen.query_one("#token", Input).value == "zwx"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
    assert datasets.dataset(db, "mara").photo_count == 6
    assert len(datasets.all_datasets(db)) == 1


@pytest.mark.parametrize("what", ["missing", "empty", "no photos"])
async def test_a_path_without_photos_is_met_with_a_sentence(
    what: str, db: Database, home: Home, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    if what != "missing":
        folder.mkdir()
    if what == "no photos":
        (folder / "notes.txt").write_text("nothing to see")
    async with zen(db, home) as (app, pilot):
        screen = await look_at(app, pilot, folder)
        assert said(app, "#fault") or "There is nothing to import." in said(app, "#summary")
        assert screen.query_one("#go", Button).disabled
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
    assert datasets.all_datasets(db) == []


async def test_an_unknown_kind_is_refused(db: Database, home: Home, photo_folder: Path) -> None:
    async with zen(db, home) as (app, pilot):
        screen = await look_at(app, pilot, photo_folder)
        screen.query_one("#kind", Input).value = "castle"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "There is no kind castle." in said(app, "#fault"))
        assert isinstance(app.screen, WizardScreen)


async def test_a_full_disk_leaves_the_wizard_usable(
    db: Database, home: Home, photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull("The disk is full.", "Free some space.")

    async with zen(db, home) as (app, pilot):
        screen = await look_at(app, pilot, photo_folder)
        with monkeypatch.context() as patched:
            patched.setattr("zen_tui.photos.intake.require_space", full)
            await pilot.press("ctrl+r")
            await until(pilot, lambda: "The disk is full." in said(app, "#fault"))
        assert not screen.query_one("#form").disabled
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
    assert datasets.dataset(db, "photos").photo_count == 6


async def test_a_path_is_completed(tmp_path: Path) -> None:
    (tmp_path / "holidays").mkdir()
    (tmp_path / "house.jpg").touch()
    (tmp_path / ".hidden").touch()
    suggester = PathSuggester()
    assert await suggester.get_suggestion(f"{tmp_path}/ho") == f"{tmp_path}/holidays/"
    assert await suggester.get_suggestion(f"{tmp_path}/hou") == f"{tmp_path}/house.jpg"
    assert await suggester.get_suggestion(f"{tmp_path}/") == f"{tmp_path}/holidays/"
    assert await suggester.get_suggestion(f"{tmp_path}/nowhere/x") is None


async def test_flags_and_near_duplicates_are_counted_live_and_come_first_afterwards(
    db: Database, home: Home, photo_folder: Path
) -> None:
    with Image.open(photo_folder / "beach.jpg") as beach:
        beach.resize((600, 450)).save(photo_folder / "beach_smaller.jpg")
    async with zen(db, home) as (app, pilot):
        await look_at(app, pilot, photo_folder)
        assert "! beach_smaller.jpg" in verdicts(app)
        told = " ".join(verdicts(app).split())
        assert "the same shot as beach.jpg" in told
        assert f"{told.count('! ')} flagged:" in said(app, "#summary")
        assert f"{told.count('the same shot as')} duplicate" in said(app, "#summary")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        screen = app.screen
        assert isinstance(screen, DatasetsScreen)
        await until(pilot, lambda: "flagged first" in str(screen.query_one("#middle").border_subtitle))
        grid = screen.query_one(PhotoGrid)
        flags = [len(screen.photos[tile.id].verdicts) for tile in grid.tiles]
        assert flags == sorted(flags, reverse=True)
        assert flags[0] > flags[-1]
        assert grid.cursor == 0


async def test_another_tools_folder_names_its_subject_and_what_is_left(
    db: Database, home: Home, photo_folder: Path
) -> None:
    folder = photo_folder.rename(photo_folder.with_name("10_zwx lady"))
    (folder / "beach.txt").write_text("one\ntwo")
    (folder / "beach.npz").write_bytes(b"cache")
    async with zen(db, home) as (app, pilot):
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))
        app.screen.query_one("#path", Input).value = str(folder)
        await pilot.press("enter")
        await until(pilot, lambda: "can be used" in said(app, "#summary"))
        await until(pilot, lambda: app.screen.query_one("#class", Input).value == "lady")
        assert app.screen.query_one("#token", Input).value == "zwx"
        told = verdicts(app)
        assert "1 .npz" in told
        assert "several lines" in told


async def test_an_import_that_ends_behind_another_screen_leaves_that_one_in_front(
    db: Database, home: Home, photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zen_tui.photos import intake

    go_on, real = Event(), intake.import_photos

    def waiting(*args: Any, **options: Any) -> Any:
        if not options.get("dry_run"):
            assert go_on.wait(30)
        return real(*args, **options)

    monkeypatch.setattr(intake, "import_photos", waiting)
    async with zen(db, home) as (app, pilot):
        wizard = await look_at(app, pilot, photo_folder)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: wizard.busy is not None)
        await app.action_go("gallery")
        app.action_help()
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        go_on.set()
        await until(pilot, lambda: wizard.busy is None)
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await until(pilot, lambda: getattr(app.screen, "place", "") == "gallery")
        await app.action_go("datasets")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        await until(pilot, lambda: len(app.screen.query_one(PhotoGrid).tiles) == 6)
