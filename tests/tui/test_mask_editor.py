"""The mask editor: rectangles of subject and of background over the mask that was there, kept as a grey PNG."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from PIL import Image
from textual.pilot import Pilot

from tests.helpers import colourful, save
from tests.tui.editors import drag, there
from tests.tui.shell import SIZES, visible, zen
from tests.tui.work import said, shown, until
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Photo
from zen_tui.photos.intake import import_photos
from zen_tui.photos.masks import origin_of, write_mask
from zen_tui.tui.app import ZenApp
from zen_tui.tui.screens.datasets import DatasetsScreen
from zen_tui.tui.screens.mask_editor import MaskEditorScreen


@pytest.fixture
def photos(db: Database, home: Home, tmp_path: Path) -> list[Photo]:
    """A photo of 2000 x 1000 pixels and one of 600 x 600."""
    made = datasets.add_dataset(db, "mara", "ohwx", "woman", "person")
    for number, size in enumerate(((2000, 1000), (600, 600))):
        save(tmp_path / "in" / f"{number}.jpg", colourful(*size, seed=number + 50))
    import_photos(db, home, made, [tmp_path / "in"])
    return datasets.photos(db, made.id)


def mask_path(home: Home, photo: Photo) -> Path:
    return home.mask("mara", photo.hash)


def stored(home: Home, photo: Photo) -> Image.Image:
    with Image.open(mask_path(home, photo)) as mask:
        mask.load()
        return mask.copy()


def halves(home: Home, photo: Photo) -> None:
    """Give the photo a mask by a model, white on its left half."""
    made = Image.new("L", (1024, 512))
    made.paste(255, (0, 0, 512, 512))
    write_mask(mask_path(home, photo), made, "model")


async def opened(app: ZenApp, pilot: Pilot[None]) -> MaskEditorScreen:
    await pilot.press("M")
    await until(pilot, lambda: isinstance(app.screen, MaskEditorScreen))
    await there(app, pilot)
    return cast("MaskEditorScreen", app.screen)


async def kept(app: ZenApp, pilot: Pilot[None]) -> None:
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))


async def test_rectangles_become_a_mask_of_the_photos_shape(db: Database, home: Home, photos: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        await opened(app, pilot)
        assert "100%" in said(app, "#told")
        await pilot.press("a")
        assert "25%" in said(app, "#told")
        await pilot.press("a", "H", "H", "H")  # a second one, at the left border
        await kept(app, pilot)
        await until(pilot, lambda: "mask     drawn by hand" in said(app, "#facts"))
    mask = stored(home, photos[0])
    assert (mask.mode, mask.size) == ("L", (1024, 512))
    assert mask.getbbox() == (0, 128, 768, 384)
    assert mask.getextrema() == (0, 255)
    assert origin_of(mask_path(home, photos[0])) == "drawn"


async def test_what_is_not_subject_is_taken_out_of_the_mask_that_was_there(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    halves(home, photos[0])
    async with zen(db, home) as (app, pilot):
        await opened(app, pilot)
        assert "by a model" in said(app, "#told")
        assert "50%" in said(app, "#told")
        await pilot.press("space")  # the first rectangle, in the middle, as background
        assert "not subject" in said(app, "#told")
        assert "╍" in shown(app.screen.query_one("#stage LiveCells")), "background is told by colour alone"
        await kept(app, pilot)
    mask = stored(home, photos[0])
    assert [mask.getpixel(at) for at in ((10, 256), (300, 10), (300, 256), (700, 256))] == [255, 255, 0, 0]


async def test_looking_and_leaving_change_no_file(db: Database, home: Home, photos: list[Photo]) -> None:
    halves(home, photos[0])
    before = mask_path(home, photos[0]).read_bytes()
    async with zen(db, home) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("tab", "n", "p")
        await kept(app, pilot)
        assert mask_path(home, photos[0]).read_bytes() == before
        await opened(app, pilot)
        await pilot.press("a", "x", "escape")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
    assert mask_path(home, photos[0]).read_bytes() == before
    assert not mask_path(home, photos[1]).exists()


async def test_x_takes_the_mask_away_and_undo_brings_it_back(
    db: Database, home: Home, photos: list[Photo]
) -> None:
    halves(home, photos[0])
    async with zen(db, home) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("a", "x")
        assert "taken away" in said(app, "#told")
        assert "100%" in said(app, "#told")
        await pilot.press("u", "u")
        assert "50%" in said(app, "#told")
        await pilot.press("x", "n")  # the next photo keeps this one
        assert not mask_path(home, photos[0]).exists()
        await kept(app, pilot)


async def test_the_mouse_draws_picks_and_moves(db: Database, home: Home, photos: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        screen = await opened(app, pilot)
        await drag(app, pilot, (0.1, 0.1), (0.3, 0.4))
        await drag(app, pilot, (0.6, 0.5), (0.9, 0.9))
        assert len(screen.state.patches) == 2
        await drag(app, pilot, (0.2, 0.25), (0.2, 0.25))  # a click takes up the first one
        assert "1 of 2" in said(app, "#told")
        await drag(app, pilot, (0.3, 0.4), (0.5, 0.45))
        assert screen.state.patches[0].box.right == pytest.approx(0.5, abs=0.02)
        await pilot.press("o", "d")
        assert len(screen.state.patches) == 1
        await pilot.press("u", "u", "u", "u")
        assert screen.state.patches == ()


async def test_a_damaged_mask_is_told_and_can_be_drawn_anew(db: Database, home: Home, photos: list[Photo]) -> None:
    path = mask_path(home, photos[0])
    path.parent.mkdir()
    path.write_bytes(b"no picture")
    async with zen(db, home) as (app, pilot):
        await opened(app, pilot)
        assert any("cannot be used" in told.title for told in app._notifications)
        await pilot.press("a")
        await kept(app, pilot)
    assert stored(home, photos[0]).getbbox() == (256, 128, 768, 384)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_it_fits_every_window(size: tuple[int, int], db: Database, home: Home, photos: list[Photo]) -> None:
    halves(home, photos[0])
    async with zen(db, home, size) as (app, pilot):
        screen = await opened(app, pilot)
        await pilot.press("a", "a", "right")
        told = screen.query_one("#told")
        assert len(said(app, "#told").split("\n")) <= told.size.height
        assert max(len(line) for line in said(app, "#told").split("\n")) <= told.size.width
        assert all(widget.region.right <= size[0] for widget in visible(app))
