"""The app on a home with real photos and pictures in it, for the tests of its screens."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from tests.tui.work import portrait, until
from zen_tui.library import datasets, pictures
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset, Picture
from zen_tui.library.settings import Settings
from zen_tui.photos.intake import import_photos
from zen_tui.photos.thumbs import write_thumbnail
from zen_tui.tui.app import ZenApp

SIZES = ((80, 24), (120, 36), (160, 45))


@asynccontextmanager
async def zen(
    db: Database,
    home: Home,
    size: tuple[int, int] = (120, 36),
    *,
    place: str = "datasets",
    settings: Settings | None = None,
    heard: list[Message] | None = None,
) -> AsyncIterator[tuple[ZenApp, Pilot[None]]]:
    """The app with `place` open and loaded; `heard` receives every message that passes."""
    app = ZenApp(home, db, settings)
    async with app.run_test(size=size, message_hook=heard.append if heard is not None else None) as pilot:
        await pilot.pause()
        await open_place(app, pilot, place)
        yield app, pilot


async def open_place(app: ZenApp, pilot: Pilot[None], place: str) -> None:
    """Go to a screen, whatever has the focus."""
    await app.action_go(place)
    await until(pilot, lambda: getattr(app.screen, "place", "") == place)
    await pilot.pause()


def add_photos(db: Database, home: Home, folder: Path, name: str = "mara") -> Dataset:
    """A dataset with the six photos of `folder`, imported as a person would."""
    made = datasets.add_dataset(db, name, "ohwx", "woman", "person")
    import_photos(db, home, made, [folder])
    return datasets.dataset(db, name)


def add_pictures(db: Database, home: Home, count: int = 6, *, pixels: int = 64) -> list[Picture]:
    """Pictures with files and thumbnails; prompts and seeds differ."""
    found = []
    for number in range(count):
        path = home.pictures / f"{number}.png"
        portrait(number, size=pixels).save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        write_thumbnail(portrait(number, size=pixels), home.picture_thumbnail(digest))
        prompt = f"a photo of ohwx woman {'at the beach' if number % 2 else 'in marble'}"
        recipe = {
            "base": "small-base",
            "steps": 20,
            "guidance": 3.0,
            "adapters": [{"name": "mara", "weight": 0.8}],
        }
        id = pictures.add_picture(
            db, [], idx=number, hash=digest, path=home.relative(path), prompt=prompt, seed=100 + number,
            width=pixels, height=pixels, recipe=recipe,
        )  # fmt: skip
        found.append(pictures.picture(db, id))
    return found


def visible(app: ZenApp) -> Iterator[Widget]:
    """The widgets of the open screen that a person is meant to see."""
    for widget in app.screen.query("*"):
        if widget.display and all(getattr(parent, "display", True) for parent in widget.ancestors):
            yield widget
