"""Datasets: what an empty home says, sorting photos out with keys, captions, filter, and photos in full size."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from textual.message import Message
from textual.widgets import Input

from tests.tui.shell import add_photos, zen
from tests.tui.work import said, shown, until
from zen_tui.jobs import queue
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.tui.messages import TrainOn
from zen_tui.tui.screens.datasets import DatasetsScreen
from zen_tui.tui.screens.full_size import FullSizeScreen
from zen_tui.tui.widgets.choices import Choices
from zen_tui.tui.widgets.photo_detail import CaptionEditor
from zen_tui.tui.widgets.photo_grid import PhotoGrid


def splits(db: Database, name: str = "mara") -> list[str]:
    return [photo.split for photo in datasets.photos(db, datasets.dataset(db, name).id)]


async def test_an_empty_home_says_what_to_do_first(db: Database, home: Home) -> None:
    async with zen(db, home, (80, 24)) as (app, _):
        text = said(app, "#welcome")
        assert "import photos" in text
        assert "watch the demo" in text
        assert not app.screen.query_one("#panes").display


async def test_one_key_marks_out_and_another_takes_it_back(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    async with zen(db, home) as (app, pilot):
        await pilot.press("right", "x")
        await until(pilot, lambda: splits(db)[1] == "out")
        assert splits(db) == ["train", "out", "train", "train", "train", "train"]
        assert "left out" in said(app, "#facts")
        await pilot.press("u")
        await until(pilot, lambda: splits(db)[1] == "train")
        await pilot.press("o")
        await until(pilot, lambda: splits(db)[1] == "holdout")


async def test_a_selection_is_marked_as_one(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    async with zen(db, home) as (app, pilot):
        await pilot.press("space", "right", "right", "space", "x")
        await until(pilot, lambda: splits(db).count("out") == 2)
        assert splits(db) == ["out", "train", "out", "train", "train", "train"]
        await pilot.press("escape")
        assert not app.screen.query_one(PhotoGrid).selected
        await pilot.press("A", "u")
        await until(pilot, lambda: set(splits(db)) == {"train"})


async def test_a_caption_is_edited_in_place(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    async with zen(db, home) as (app, pilot):
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.focused, CaptionEditor))
        await pilot.press(*" at 7", "q", "x", "enter")
        dataset = datasets.dataset(db, "mara")
        await until(pilot, lambda: datasets.photos(db, dataset.id)[0].caption.endswith("at 7qx"))
        assert isinstance(app.focused, PhotoGrid)
        assert set(splits(db)) == {"train"}, "a letter typed into the caption marked a photo"
        await pilot.press("e", "z", "escape")
        assert datasets.photos(db, dataset.id)[0].caption.endswith("at 7qx")


async def test_a_filter_narrows_what_is_shown(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    async with zen(db, home) as (app, pilot):
        grid = app.screen.query_one(PhotoGrid)
        await pilot.press("slash", *"garden", "enter")
        await until(pilot, lambda: len(grid.tiles) == 1)
        assert "garden.png" in said(app, "#facts")
        await pilot.press("escape")
        await until(pilot, lambda: len(grid.tiles) == 6)


async def test_photos_are_sorted_in_turn(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    async with zen(db, home) as (app, pilot):
        screen, grid = app.screen, app.screen.query_one(PhotoGrid)
        assert isinstance(screen, DatasetsScreen)
        await pilot.press("s", "s", "s")
        await until(pilot, lambda: "by name" in str(screen.query_one("#middle").border_subtitle))
        names = [screen.photos[tile.id].name for tile in grid.tiles]
        assert names == sorted(names)


async def test_another_dataset_shows_its_own_photos(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    (photo_folder / "city.webp").unlink()
    add_photos(db, home, photo_folder, "bilbo")
    async with zen(db, home) as (app, pilot):
        grid = app.screen.query_one(PhotoGrid)
        assert len(grid.tiles) == 5, "the newest dataset is shown first"
        app.screen.query_one(Choices).focus()
        await pilot.press("k")
        await until(pilot, lambda: len(grid.tiles) == 6)
        await pilot.press("enter")
        assert app.focused is grid


async def test_enter_shows_a_photo_large_and_arrows_go_on(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    async with zen(db, home) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, FullSizeScreen))
        assert "beach.jpg" in str(app.screen.query_one("#frame").border_title)
        await pilot.press("right")
        await until(pilot, lambda: "2 of 6" in str(app.screen.query_one("#frame").border_subtitle))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))


async def test_t_asks_for_a_training_of_this_dataset(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    heard: list[Message] = []
    async with zen(db, home, heard=heard) as (app, pilot):
        await pilot.press("t")
        await until(pilot, lambda: any(isinstance(m, TrainOn) and m.dataset == "mara" for m in heard))
        await until(pilot, lambda: getattr(app.screen, "place", "") == "train")


async def test_the_picture_of_a_photo_is_drawn(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    async with zen(db, home) as (app, pilot):
        pane = app.screen.query_one("PicturePane HalfCells")
        await until(pilot, lambda: "▀" in shown(pane))
        grid = app.screen.query_one(PhotoGrid)
        await until(pilot, lambda: shown(grid).count("▀") > 200)


async def test_names_from_outside_are_only_text(db: Database, home: Home, photo_folder: Path) -> None:
    (photo_folder / "beach.jpg").rename(photo_folder / "[red]b $x\x1b[31m.jpg")
    add_photos(db, home, photo_folder)
    async with zen(db, home) as (app, pilot):
        await pilot.press("s", "home")
        await until(pilot, lambda: "[red]b $x" in said(app, "#facts"))
        assert "\x1b" not in said(app, "#facts")


async def test_a_caption_is_edited_in_the_editor(
    db: Database, home: Home, photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_photos(db, home, photo_folder)
    script = tmp_path / "editor.py"
    script.write_text("import sys, pathlib\npathlib.Path(sys.argv[1]).write_text('from the\\neditor\\n')\n")
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    monkeypatch.setattr("textual.app.App.suspend", _stay)
    async with zen(db, home) as (_, pilot):
        await pilot.press("ctrl+e")
        dataset = datasets.dataset(db, "mara")
        await until(pilot, lambda: datasets.photos(db, dataset.id)[0].caption == "from the editor")
    assert not list(home.work.iterdir())


class _Stays:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _stay(_: object) -> _Stays:
    """A headless app has no terminal to step aside from."""
    return _Stays()


async def test_two_apps_show_the_same_home(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    with Database.open(home) as other:
        async with zen(db, home) as (_, first), zen(other, home) as (second_app, second):
            await first.press("x")
            await until(first, lambda: splits(other)[0] == "out")
            await second.press("g", "4", "g", "1")
            await until(second, lambda: isinstance(second_app.screen, DatasetsScreen))
            await until(second, lambda: "left out" in said(second_app, "#facts"))


async def test_typing_a_digit_into_the_filter_stays_here(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    async with zen(db, home) as (app, pilot):
        await pilot.press("slash", "g", "4", "q")
        assert isinstance(app.screen, DatasetsScreen)
        assert app.screen.query_one("#filter", Input).value == "g4q"


async def test_the_demo_starts_from_an_empty_home(
    db: Database, home: Home, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Home] = []
    monkeypatch.setattr("zen_tui.exchange.bases.WEIGHTS", tiny_base)
    monkeypatch.setattr("zen_tui.jobs.launch.ensure_worker", started.append)
    async with zen(db, home) as (app, pilot):
        await pilot.press("D")
        await until(pilot, lambda: getattr(app.screen, "place", "") == "jobs")
        assert [job.kind for job in queue.jobs(db)] == [
            "mannequin_photos", "train", "generate", "generate", "mannequin_score",
        ]  # fmt: skip
        assert started == [home]


async def test_a_demo_without_its_base_says_so(
    db: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zen_tui.exchange.bases.WEIGHTS", tmp_path / "nothing")
    async with zen(db, home) as (app, pilot):
        await pilot.press("D")
        await until(pilot, lambda: any("zen-mini" in f"{told.title}{told.message}" for told in app._notifications))
        assert isinstance(app.screen, DatasetsScreen)
        assert queue.jobs(db) == []
