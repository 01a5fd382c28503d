"""The caption editor: tags of a selection, find and replace, templates, faults, lengths, and undo without end."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.shell import SIZES, add_photos, visible, zen
from tests.tui.work import said, shown, until
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.tui.app import ZenApp
from zen_tui.tui.screens.caption_templates import TemplateChooser
from zen_tui.tui.screens.captions import CaptionsScreen
from zen_tui.tui.screens.datasets import DatasetsScreen
from zen_tui.tui.screens.full_size import FullSizeScreen
from zen_tui.tui.screens.look_dialog import LookDialog
from zen_tui.tui.widgets.caption_panel import CaptionPanel
from zen_tui.tui.widgets.photo_detail import CaptionEditor
from zen_tui.tui.widgets.photo_grid import PhotoGrid
from zen_tui.tui.widgets.tag_list import MOST, TagList

COMMON = "a photo of ohwx woman"


def captions(db: Database) -> list[str]:
    return list(datasets.captions(db, 1).values())


async def open_captions(app: ZenApp, pilot: Pilot[None]) -> CaptionsScreen:
    """Open the editor from Datasets and wait until lengths are counted."""
    await pilot.press("C")
    await until(pilot, lambda: isinstance(app.screen, CaptionsScreen) and app.screen.photos)
    screen = app.screen
    assert isinstance(screen, CaptionsScreen)
    await until(pilot, lambda: "tokens" in str(screen.query_one(CaptionPanel).border_subtitle))
    return screen


def tags(screen: CaptionsScreen) -> dict[str, int]:
    return dict(screen.query_one(TagList).tags)


async def test_a_tag_goes_to_the_selection_and_back(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    before = captions(db)
    async with zen(db, home) as (app, pilot):
        await pilot.press("space", "right", "right", "space")
        screen = await open_captions(app, pilot)
        assert screen.query_one(PhotoGrid).selected == {1, 3}, "what was selected there is selected here"
        await pilot.press("a", *"red coat 7q")
        await until(pilot, lambda: "changes 2 of 2 captions" in said(app, "#said"))
        assert captions(db) == before, "nothing is written before enter"
        await pilot.press("enter")
        await until(pilot, lambda: captions(db)[0].endswith(", red coat 7q"))
        assert [c.endswith(", red coat 7q") for c in captions(db)] == [True, False, True, False, False, False]
        assert "2 captions changed" in said(app, "#said")
        assert tags(screen)["red coat 7q"] == 2
        assert app.focused is screen.query_one(PhotoGrid)

        await pilot.press("f", *"close-up", "enter")
        await until(pilot, lambda: captions(db)[2].startswith("close-up, "))
        await pilot.press("u")
        await until(pilot, lambda: "close-up" not in captions(db)[2])
        assert "added first" in said(app, "#said")
        await pilot.press("u", "u")
        await until(pilot, lambda: captions(db) == before)
        assert "no change to take back" in said(app, "#said")


async def test_undo_reaches_what_was_changed_before_this_visit(
    db: Database, home: Home, photo_folder: Path
) -> None:
    add_photos(db, home, photo_folder)
    before = captions(db)
    async with zen(db, home) as (app, pilot):
        await open_captions(app, pilot)
        await pilot.press("A", "s", *", at sea", "enter")
        await until(pilot, lambda: all(c.endswith(", at sea") for c in captions(db)))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        back = app.screen
        assert isinstance(back, DatasetsScreen)
        await until(pilot, lambda: back.photos[1].caption.endswith(", at sea"))
        await open_captions(app, pilot)
        await pilot.press("u")
        await until(pilot, lambda: captions(db) == before)


async def test_tags_are_counted_taken_out_and_chosen_by(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    datasets.set_captions(db, {id: f"{COMMON}, {'sea' if id % 2 else 'town'}" for id in range(1, 7)})
    async with zen(db, home) as (app, pilot):
        screen = await open_captions(app, pilot)
        assert tags(screen) == {COMMON: 1, "sea": 1}
        await pilot.press("A")
        await until(pilot, lambda: tags(screen) == {COMMON: 6, "sea": 3, "town": 3})
        listed = shown(screen.query_one(TagList))
        assert "all" in listed
        assert "3 of 6" in listed
        await pilot.press("t", "j", "enter")
        await until(pilot, lambda: screen.query_one(PhotoGrid).selected == {1, 3, 5})
        assert app.focused is screen.query_one(TagList)
        await pilot.press("x")
        await until(pilot, lambda: captions(db)[0] == COMMON)
        assert captions(db)[1] == f"{COMMON}, town"


async def test_words_are_found_whole_or_in_part(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    datasets.set_captions(db, dict.fromkeys(range(1, 7), "a woman, Man"))
    async with zen(db, home) as (app, pilot):
        screen = await open_captions(app, pilot)
        await pilot.press("A", "r", *"man", "enter", *"dog", "f2")
        assert "✓ whole words" in said(app, "#how")
        await pilot.press("enter")
        await until(pilot, lambda: set(captions(db)) == {"a woman, dog"})
        await pilot.press("r", *"DOG", "enter", *"cat", "f3")
        await until(pilot, lambda: "changes 0 of 6" in said(app, "#said"))
        await pilot.press("f3", "enter")
        await until(pilot, lambda: set(captions(db)) == {"a woman, cat"})
        assert not any(entry.value for entry in screen.query(Input)), "fields are empty for the next change"


async def test_a_template_is_shown_as_it_will_read(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    async with zen(db, home) as (app, pilot):
        await open_captions(app, pilot)
        await pilot.press("A", "m")
        await until(pilot, lambda: isinstance(app.screen, TemplateChooser))
        assert "6 captions" in said(app, ".why")
        await pilot.press("j", "j", "j")
        assert f"{COMMON}, beach" in shown(app.screen.query_one("Choices"))
        await pilot.press("enter")
        await until(pilot, lambda: captions(db)[0] == f"{COMMON}, beach")
        await pilot.press("u", "m", "G", "enter")
        await until(pilot, lambda: bool(app.screen.query("#line")))
        app.screen.query_one("#line", Input).value = "{token} in {folder}"
        await pilot.press("enter")
        await until(pilot, lambda: set(captions(db)) == {"ohwx in photos"})


async def test_faults_are_told_and_can_be_selected(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    datasets.set_captions(db, {2: "a woman", 3: "", 4: "ohwx woman " + "word " * 80, 5: "[red]ohwx woman[/]"})
    async with zen(db, home) as (app, pilot):
        screen = await open_captions(app, pilot)
        await until(pilot, lambda: "3 faulty" in str(screen.query_one("#photos").border_subtitle))
        await pilot.press("right")
        await until(pilot, lambda: "does not name ohwx" in said(app, "#findings"))
        await pilot.press("w")
        await until(pilot, lambda: screen.query_one(PhotoGrid).selected == {2, 3, 4})
        await pilot.press("right", "right")
        await until(pilot, lambda: "82 of 75 tokens" in str(screen.query_one(CaptionPanel).border_subtitle))
        await pilot.press("right")
        await until(pilot, lambda: said(app, "#caption") == "[red]ohwx woman[/]")
        assert {"no token", "empty", "long"} <= {tile.label for tile in screen.query_one(PhotoGrid).tiles}


async def test_the_length_is_counted_while_a_caption_is_typed(
    db: Database, home: Home, photo_folder: Path
) -> None:
    add_photos(db, home, photo_folder)
    datasets.set_captions(db, {1: "a photo"})
    async with zen(db, home) as (app, pilot):
        screen = await open_captions(app, pilot)
        panel = screen.query_one(CaptionPanel)
        assert str(panel.border_subtitle) == "2 of 75 tokens · CLIP"
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.focused, CaptionEditor))
        await pilot.press(*" of ohwx")
        await until(pilot, lambda: "4 of 75" in str(panel.border_subtitle))
        await pilot.press("escape")
        await until(pilot, lambda: "2 of 75" in str(panel.border_subtitle))
        assert captions(db)[0] == "a photo"
        await pilot.press("e", "x", "enter")
        await until(pilot, lambda: captions(db)[0] == "a photox")
        await pilot.press("u")
        await until(pilot, lambda: captions(db)[0] == "a photo")


async def test_lengths_are_counted_as_another_base_reads(
    db: Database, home: Home, photo_folder: Path, tiny_base: Path
) -> None:
    from zen_tui.exchange.bases import add_base

    add_photos(db, home, photo_folder)
    add_base(db, home, tiny_base, "tiny")
    async with zen(db, home) as (app, pilot):
        screen = await open_captions(app, pilot)
        panel = screen.query_one(CaptionPanel)
        assert "CLIP" in str(panel.border_subtitle)
        await pilot.press("b")
        await until(pilot, lambda: "tiny" in str(panel.border_subtitle))
        await pilot.press("b")
        await until(pilot, lambda: "CLIP" in str(panel.border_subtitle))


async def test_captions_that_are_sentences_do_not_drown_the_list(
    db: Database, home: Home, photo_folder: Path
) -> None:
    add_photos(db, home, photo_folder)
    datasets.set_captions(db, {1: ", ".join(f"t{n}" for n in range(MOST + 50))})
    async with zen(db, home) as (app, pilot):
        screen = await open_captions(app, pilot)
        listed = screen.query_one(TagList)
        assert listed.option_count == MOST + 1
        await pilot.press("t", "G")
        assert listed.current == f"t{MOST - 1}"


async def test_a_letter_typed_into_a_field_does_nothing_else(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    before = captions(db)
    async with zen(db, home) as (app, pilot):
        screen = await open_captions(app, pilot)
        await pilot.press("p", *"uxA4qmw", "escape")
        assert app.focused is screen.query_one(PhotoGrid)
        assert captions(db) == before
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, FullSizeScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)


async def test_a_model_is_sent_to_the_chosen_photos(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    async with zen(db, home) as (app, pilot):
        screen = await open_captions(app, pilot)
        await pilot.press("space", "right", "space", "R")
        await until(pilot, lambda: isinstance(app.screen, LookDialog))
        assert "describe 2 photos" in said(app, "#task")
        app.screen.query_one("#path", Input).value = str(home.root / "nothing")
        await pilot.press("enter")
        await until(pilot, lambda: "nothing" in said(app, "#fault"))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)


@pytest.mark.parametrize("size", SIZES)
async def test_everything_has_its_place(
    db: Database, home: Home, photo_folder: Path, size: tuple[int, int]
) -> None:
    add_photos(db, home, photo_folder)
    async with zen(db, home, size) as (app, pilot):
        screen = await open_captions(app, pilot)
        await pilot.press("a")
        for widget in (*screen.query(Input), screen.query_one(TagList), screen.query_one(PhotoGrid)):
            assert screen.region.contains_region(widget.region), widget
            assert widget.region.height > 0, widget
        for widget in visible(app):
            assert widget.region.width > 0 or not widget.can_focus, widget
        assert screen.query_one("#after").region.bottom <= screen.query_one(CaptionPanel).region.bottom
        assert "same case" in said(app, "#how")
        assert screen.query_one("#how").region.width >= len(said(app, "#how"))
