"""How much photos count, set by the keys of Datasets."""

from __future__ import annotations

from pathlib import Path

from tests.tui.culled import photos
from tests.tui.shell import add_photos, zen
from tests.tui.work import said, until
from zen_tui.library.database import Database
from zen_tui.library.paths import Home


async def test_plus_and_minus_weigh_a_photo_and_it_is_undone(db: Database, home: Home, photo_folder: Path) -> None:
    add_photos(db, home, photo_folder)
    async with zen(db, home) as (app, pilot):
        await pilot.press("minus", "minus")
        await until(pilot, lambda: photos(db)[0].weight == 0.25)
        assert "0.25" in said(app, "#facts")
        await pilot.press(*["plus"] * 9)
        await until(pilot, lambda: photos(db)[0].weight == 8)
        await pilot.press("backspace")
        await until(pilot, lambda: photos(db)[0].weight == 4)
        await pilot.press("A", "minus")
        await until(pilot, lambda: [photo.weight for photo in photos(db)] == [2, *[0.5] * 5])
