"""Opening the editors of crops and masks in tests, and the mouse in them."""

from __future__ import annotations

from typing import cast

from textual.pilot import Pilot

from tests.tui.work import until
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.records import Crop, Photo
from zen_tui.tui.app import ZenApp
from zen_tui.tui.screens.crop_editor import CropEditorScreen
from zen_tui.tui.widgets.photo_stage import PhotoStage


def crop(db: Database, photo: Photo) -> Crop | None:
    return datasets.photo(db, photo.id).crop


async def opened(app: ZenApp, pilot: Pilot[None]) -> CropEditorScreen:
    """Open the editor on the photo under the cursor, and wait for the photo."""
    await pilot.press("c")
    await until(pilot, lambda: isinstance(app.screen, CropEditorScreen))
    await there(app, pilot)
    return cast("CropEditorScreen", app.screen)


async def there(app: ZenApp, pilot: Pilot[None]) -> None:
    """Wait until the whole photo has arrived, not only its thumbnail."""
    await app.workers.wait_for_complete([worker for worker in app.workers if worker.group == "decode"])
    await until(pilot, lambda: app.screen.query_one(PhotoStage).picture)


def cell(app: ZenApp, x: float, y: float) -> tuple[int, int]:
    """The offset within the stage of the cell in which this place of the photo lies."""
    stage = app.screen.query_one(PhotoStage)
    columns, rows = stage.cells
    left, above = (stage.size.width - columns) // 2, (stage.size.height - rows) // 2
    return left + min(columns - 1, int(x * columns)), above + min(rows - 1, int(y * rows))


async def drag(app: ZenApp, pilot: Pilot[None], start: tuple[float, float], *way: tuple[float, float]) -> None:
    await pilot.mouse_down(PhotoStage, offset=cell(app, *start))
    for place in way:
        await pilot.hover(PhotoStage, offset=cell(app, *place))
    await pilot.mouse_up(PhotoStage, offset=cell(app, *way[-1]))
