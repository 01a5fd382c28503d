"""The crop editor: with keys and the mouse, photo after photo; what is kept, what is taken back, what is told."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.tui.editors import crop, opened, there
from tests.tui.shell import zen
from tests.tui.work import said, shown, until
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Crop, Photo
from zen_tui.library.specs import TrainSettings
from zen_tui.photos.masks import write_mask
from zen_tui.training.buckets import trained_size
from zen_tui.training.views import plain_view
from zen_tui.tui.screens.crop_editor import CropEditorScreen
from zen_tui.tui.screens.datasets import DatasetsScreen
from zen_tui.tui.widgets.live_pane import Preview
from zen_tui.tui.widgets.photo_stage import PhotoStage


async def test_looking_changes_nothing_down_to_the_last_digit(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    odd = Crop(0.123456789, 1 / 3, 0.987654321, 0.9999999)
    datasets.set_crop(db, photos[0].id, odd)
    async with zen(db, home) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("tab", "z", "right", "u", "enter")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        assert crop(db, photos[0]) == odd
        await opened(app, pilot)
        await pilot.press("n", "n", "enter")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
    assert [crop(db, photo) for photo in photos] == [odd, None, None]


async def test_keys_move_and_size_and_the_mouse_is_not_needed(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    async with zen(db, home) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("r")  # square: the largest there is
        assert "800×800" in said(app, "#told")
        await pilot.press("h", "left", "L", "minus", "equals_sign", "enter")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        await until(pilot, lambda: "crop     800×800" in said(app, "#facts"))
    # 200 - 12 - 12 + 120 from the left
    assert crop(db, photos[0]) == Crop(296 / 1200, 0, 1096 / 1200, 1)


async def test_one_side_moves_alone_and_a_shape_takes_the_others_along(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    async with zen(db, home) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("tab", "shift+right")
        assert "the left side" in said(app, "#told")
        await pilot.press("up", "tab", "J", "n")
        assert crop(db, photos[0]) == Crop(0.1, 0.15, 1, 1)
        await there(app, pilot)
        await pilot.press("r", "tab", "H", "enter")  # the right side of a square of the tall photo
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
    kept = crop(db, photos[1])
    assert kept == Crop(0, 0.15, 700 / 800, 0.85)
    assert round((kept.right - kept.left) * 800) == round((kept.bottom - kept.top) * 1000)


async def test_the_shapes_go_round_and_none_wears_the_crop_down(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    async with zen(db, home) as (app, pilot):
        await opened(app, pilot)
        seen = []
        for _ in range(7):
            await pilot.press("r")
            seen.append(said(app, "#told").split("shape")[1].split("\n")[0].strip())
        assert seen == ["square", "2:3", "3:2", "3:4", "4:3", "as the photo", "free"]
        assert "1200×800" in said(app, "#told").split("crop")[1]
        await pilot.press("R", "R")
        assert "4:3" in said(app, "#told")
        assert "1067×800" in said(app, "#told")


async def test_undo_goes_back_step_by_step_and_0_takes_the_whole(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    datasets.set_crop(db, photos[0].id, Crop(0.25, 0.25, 0.75, 0.75))
    async with zen(db, home) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("right", "pagedown", "0")
        assert "changed" in str(app.screen.query_one("#frame").border_title)
        await pilot.press("u", "u")
        assert "at       312, 200" in said(app, "#told")
        await pilot.press("u", "u")
        assert "at       300, 200" in said(app, "#told")
        assert "changed" not in str(app.screen.query_one("#frame").border_title)
        await pilot.press("0", "enter")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
    assert crop(db, photos[0]) is None


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_leaving_keeps_nothing_and_says_so(key: str, db: Database, home: Home, photos: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("minus", key)
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        assert any("stays as it was" in told.message for told in app._notifications)
    assert crop(db, photos[0]) is None


async def test_the_next_photo_keeps_this_one_and_each_can_be_taken_back(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    async with zen(db, home) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("r", "n")
        assert crop(db, photos[0]) == Crop(200 / 1200, 0, 1000 / 1200, 1)
        await there(app, pilot)
        assert "800×1000" in said(app, "#told")
        await pilot.press("p", "p")
        assert any("first photo" in told.message for told in app._notifications)
        await pilot.press("u", "enter")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
    assert crop(db, photos[0]) is None


async def test_too_few_pixels_are_told(db: Database, home: Home, photos: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("right", "right")
        await opened(app, pilot)
        assert "enlarged 1.3 times" in " ".join(said(app, "#told").split())
        await pilot.press("p")
        assert "enlarged" not in said(app, "#told")
        await pilot.press("z", "z")
        assert "1024×1024" in said(app, "#told")
        assert "enlarged 1.3 times" in " ".join(said(app, "#told").split())


async def test_what_is_shown_is_what_a_training_takes(db: Database, home: Home, photos: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        screen = await opened(app, pilot)
        preview = screen.query_one(Preview)
        assert "used     800×800\nas       512×512" in said(app, "#told")
        assert preview.part == plain_view(1200, 800, None, (512, 512)).box
        await pilot.press("b")  # shapes of about as many pixels instead of squares
        settings = TrainSettings(resolution=512, aspect="buckets")
        width, height = trained_size(1200, 800, None, settings, 8)
        assert width > height
        assert f"as       {width}×{height}" in said(app, "#told")
        assert preview.part == plain_view(1200, 800, None, (width, height)).box


async def test_a_square_about_the_subject_is_suggested_and_can_be_taken_back(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    mask = Image.new("L", (1024, 683))
    mask.paste(255, (0, 100, 200, 600))  # at the left border, where the middle square does not reach
    write_mask(home.mask("mara", photos[0].hash), mask, "drawn")
    async with zen(db, home) as (app, pilot):
        screen = await opened(app, pilot)
        await pilot.press("f")
        assert screen.box == Crop(0, 0, 800 / 1200, 1)
        assert "square" in said(app, "#told")
        await pilot.press("u")
        assert screen.box == Crop(0, 0, 1, 1)
        await pilot.press("n", "f")
        assert any("Nothing better" in told.message for told in app._notifications)
        assert not screen.changed


async def test_a_photo_that_is_gone_is_told_and_the_next_one_opens(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    home.photo("mara", photos[0].hash, photos[0].suffix).unlink()
    home.thumbnail("mara", photos[0].hash).unlink()
    async with zen(db, home) as (app, pilot):
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CropEditorScreen))
        stage = app.screen.query_one(PhotoStage)
        await until(pilot, lambda: "cannot be shown" in shown(stage.query_one("LiveCells")))
        await pilot.press("right", "n")
        await there(app, pilot)
        assert "▀" in shown(stage.query_one("LiveCells"))
