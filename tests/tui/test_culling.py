"""Sorting a set out by single keys: marks, ratings, near-duplicates, and undo without limit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from PIL.Image import Image
from textual.geometry import Size
from textual.widgets import Input

from tests.tui.culled import photos, splits
from tests.tui.shell import add_photos, zen
from tests.tui.work import said, shown, until
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Crop, Photo
from zen_tui.library.settings import Settings, read
from zen_tui.tui.app import ZenApp
from zen_tui.tui.screens.crop_editor import CropEditorScreen
from zen_tui.tui.screens.cull_view import CullScreen
from zen_tui.tui.screens.datasets import DatasetsScreen
from zen_tui.tui.terminal import Graphics
from zen_tui.tui.widgets.choices import Choices
from zen_tui.tui.widgets.coverage_panel import CoveragePanel
from zen_tui.tui.widgets.dialogs import Ask, Pick
from zen_tui.tui.widgets.photo_detail import CaptionEditor
from zen_tui.tui.widgets.photo_grid import PhotoGrid
from zen_tui.tui.widgets.picture_pane import scaled


def cursor(app: ZenApp) -> int:
    return app.screen.query_one(PhotoGrid).cursor


def names(app: ZenApp) -> list[str]:
    screen = app.screen
    assert isinstance(screen, DatasetsScreen)
    return [screen.photos[tile.id].name for tile in screen.query_one(PhotoGrid).tiles]


async def test_this_one_stays_and_those_alike_go(db: Database, home: Home, judged: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("right")
        await until(pilot, lambda: "2 and 3 differ by 3 bits" in " ".join(said(app, "#facts").split()))
        await pilot.press("x", "d")
        await until(pilot, lambda: splits(db) == "ttottt")
        await pilot.press("U")
        await until(pilot, lambda: splits(db) == "totttt")
        await pilot.press("home", "d")
        await until(pilot, lambda: any("Nothing alike" in told.message for told in app._notifications))


async def test_this_one_of_a_selection(db: Database, home: Home, judged: list[Photo]) -> None:
    async with zen(db, home) as (_, pilot):
        await pilot.press("space", "right", "right", "right", "space", "right", "space", "d")
        await until(pilot, lambda: splits(db) == "ottott")


async def test_digits_rate_here_and_g_goes_on_choosing_screens(
    db: Database, home: Home, judged: list[Photo]
) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("4")
        await until(pilot, lambda: photos(db)[0].rating == 4)
        assert "★★★★" in said(app, "#facts")
        await pilot.press("0")
        await until(pilot, lambda: photos(db)[0].rating == 0)
        await pilot.press("g", "4")
        await until(pilot, lambda: getattr(app.screen, "place", "") == "gallery")


async def test_everything_is_undone_in_order_at_its_photo(db: Database, home: Home, judged: list[Photo]) -> None:
    before = [photo.caption for photo in judged]
    async with zen(db, home) as (app, pilot):
        await pilot.press("x", "right", "o", "right", "5", "right", "e", *" new", "enter")
        await until(pilot, lambda: photos(db)[3].caption.endswith(" new"))
        await pilot.press("A", "x", "escape", "home")
        await until(pilot, lambda: splits(db) == "oooooo")
        await pilot.press("backspace")
        await until(pilot, lambda: splits(db) == "ohtttt")
        undone: list[Callable[[], bool]] = [
            lambda: splits(db) == "tttttt",
            lambda: splits(db) == "ottttt",
            lambda: photos(db)[2].rating == 0,
            lambda: photos(db)[3].caption == before[3],
        ]
        for place in (3, 2, 1, 0):
            await pilot.press("end", "U")
            await until(pilot, undone[place])
            assert cursor(app) == place
        await pilot.press("U")
        assert splits(db) == "tttttt"


async def test_undo_reaches_a_photo_that_is_filtered_out_or_in_another_set(
    db: Database, home: Home, judged: list[Photo], photo_folder: Path
) -> None:
    (photo_folder / "city.webp").unlink()
    add_photos(db, home, photo_folder, "bilbo")
    async with zen(db, home) as (app, pilot):
        app.screen.query_one(Choices).focus()
        await pilot.press("k", "enter", "x", "slash", *"flag:blur", "enter")
        await until(pilot, lambda: len(names(app)) == 2)
        await pilot.press("U")
        await until(pilot, lambda: splits(db) == "tttttt")
        assert len(names(app)) == 6
        await pilot.press("x")
        app.screen.query_one(Choices).focus()
        await pilot.press("j", "enter", "U")
        await until(pilot, lambda: splits(db) == "tttttt")
        assert isinstance(app.screen, DatasetsScreen)
        assert app.screen.slug == "mara"


async def test_a_mark_reads_nothing_and_sorts_nothing(db: Database, home: Home, judged: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("s", "s", "s", "s")
        await until(pilot, lambda: "best rated" in str(app.screen.query_one("#middle").border_subtitle))
        order = names(app)
        read: list[str] = []
        written: list[str] = []
        db.connection.set_trace_callback(read.append)
        app.writer.do(lambda own: own.connection.set_trace_callback(written.append)).result()
        await pilot.press("end", "5", "x", "up", "o")
        tiles = app.screen.query_one(PhotoGrid).tiles
        await until(pilot, lambda: any(tile.label == "held out" for tile in tiles))
        app.writer.settle()
        db.connection.set_trace_callback(None)
        assert sum(sql.startswith("UPDATE photos SET") for sql in written) == 3
        assert [sql for sql in read if "SELECT" in sql and "photos" in sql] == []
        assert names(app) == order


async def test_a_mark_goes_on_to_the_next_if_wished(db: Database, home: Home, judged: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("a", "x", "x", "o")
        await until(pilot, lambda: splits(db) == "oohttt")
        assert cursor(app) == 3
        assert read(home).advance
        await pilot.press("a", "x", "u")
        await until(pilot, lambda: splits(db) == "oohttt")
        assert cursor(app) == 3
    async with zen(db, home, settings=Settings(advance=True)) as (app, pilot):
        await pilot.press("right", "d")
        await until(pilot, lambda: splits(db) == "otottt")
        assert cursor(app) == 3, "the photo that was left out beside this one is passed over"


async def test_every_flagged_photo_is_left_out_after_asking(db: Database, home: Home, judged: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert isinstance(app.screen, Ask)
        assert "2 flagged photos of 6" in app.screen.question
        assert "2 blur, 1 duplicate" in app.screen.why
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        assert splits(db) == "tttttt"
        await pilot.press("F", "y")
        await until(pilot, lambda: splits(db) == "ttotot")
        await pilot.press("U")
        await until(pilot, lambda: splits(db) == "tttttt")


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("by name", "beach.jpg"),
        ("softest first", 2),
        ("flagged first", 2),
        ("alike together", 1),
        ("darkest first", 5),
    ],
)
async def test_an_order_is_chosen_from_a_list(
    order: str, first: str | int, db: Database, home: Home, judged: list[Photo]
) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        assert isinstance(app.screen, Pick)
        await pilot.press(*["down"] * list(app.screen.lines).index(order), "enter")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        await until(pilot, lambda: order in str(app.screen.query_one("#middle").border_subtitle))
        assert names(app)[0] == (first if isinstance(first, str) else judged[first].name)


@pytest.mark.parametrize(
    ("query", "found"),
    [("flag:blur", [2, 4]), ("flag:none in:use", [0, 1, 3, 5]), ("is:alike", [1, 2]), ("light<0.2", [4, 5]),
     ("in:out", []), ("blur>=0.85", [2]), ("rating>=1", []), ("beach", [0])],
)  # fmt: skip
async def test_a_filter_understands_words_and_conditions(
    query: str, found: list[int], db: Database, home: Home, judged: list[Photo]
) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("slash")
        app.screen.query_one("#filter", Input).value = query
        await pilot.press("enter")
        await until(pilot, lambda: names(app) == [judged[number].name for number in found])


async def test_half_a_condition_says_what_is_missing(db: Database, home: Home, judged: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("slash", *"rating>=")
        await until(pilot, lambda: "has no number" in str(app.screen.query_one("#middle").border_subtitle))
        assert len(names(app)) == 6
        await pilot.press("backspace", "backspace")
        await until(pilot, lambda: "has no number" not in str(app.screen.query_one("#middle").border_subtitle))


async def test_full_size_has_the_same_keys_and_comes_back_to_its_photo(
    db: Database, home: Home, judged: list[Photo]
) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CullScreen))
        await pilot.press("x")
        await until(pilot, lambda: splits(db) == "ottttt")
        assert "left out" in said(app, "#line")
        await pilot.press("right", "right", "3", "d")
        await until(pilot, lambda: splits(db) == "oottt" + "t")
        await pilot.press("U")
        await until(pilot, lambda: splits(db) == "ottttt")
        assert "The photo is blurred: 0.90 of 1" in said(app, "#line")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen))
        await until(pilot, lambda: cursor(app) == 2)
        labels = [tile.label for tile in app.screen.query_one(PhotoGrid).tiles]
        assert labels[:3] == ["out", "use", "alike +1 ★★★"]


async def test_the_photo_grows_beside_a_narrow_grid(db: Database, home: Home, judged: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        pane, grid = app.screen.query_one("PicturePane"), app.screen.query_one(PhotoGrid)
        small = pane.size.area
        await pilot.press("f")
        await until(pilot, lambda: pane.size.area > 2 * small and grid.columns == 1)
        await pilot.press("down", "x")
        await until(pilot, lambda: splits(db) == "totttt")
        await pilot.press("f")
        await until(pilot, lambda: 0 < pane.size.area < 2 * small and grid.columns > 1)


async def test_the_list_counts_what_is_in_use(db: Database, home: Home, judged: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("x")
        choices = app.screen.query_one(Choices)
        entry: Callable[[], str] = lambda: str(choices.get_option_at_index(0).prompt)  # noqa: E731
        await until(pilot, lambda: "5 of 6 · " in entry())


async def test_leaving_the_better_one_out_makes_the_other_the_one_to_keep(
    db: Database, home: Home, judged: list[Photo]
) -> None:
    async with zen(db, home) as (app, pilot):
        tiles = app.screen.query_one(PhotoGrid).tiles
        assert [tile.label for tile in tiles[1:3]] == ["use", "alike +1"]
        await pilot.press("right", "x", "e")
        await until(pilot, lambda: [tile.label for tile in tiles[1:3]] == ["out", "blurred"])
        assert isinstance(app.focused, CaptionEditor), "what was judged meanwhile closed the caption"


async def test_what_the_set_covers_follows_the_marks(db: Database, home: Home, judged: list[Photo]) -> None:
    async with zen(db, home, (160, 45)) as (app, pilot):
        panel = app.screen.query_one(CoveragePanel)
        await until(pilot, lambda: "5/20" in said(app, "CoveragePanel"))
        assert "▯" in said(app, "CoveragePanel")
        await pilot.press("x")
        await until(pilot, lambda: "4/20" in said(app, "CoveragePanel"))
        assert panel.size.height > 5
    async with zen(db, home, (80, 24)) as (app, pilot):
        panel = app.screen.query_one(CoveragePanel)
        await until(pilot, lambda: panel.size.height > 2 and "/20" in said(app, "CoveragePanel"))
        assert len(said(app, "CoveragePanel").splitlines()) <= panel.size.height, "more was said than is seen"
        assert app.screen.query_one(Choices).size.height >= 2


async def test_a_crop_is_undone_like_a_mark(db: Database, home: Home, judged: list[Photo]) -> None:
    async with zen(db, home) as (app, pilot):
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CropEditorScreen))
        screen = app.screen
        assert isinstance(screen, CropEditorScreen)
        await until(pilot, lambda: screen.state is not None)
        screen.change(screen.with_box(Crop(0.25, 0.25, 0.75, 0.75)))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DatasetsScreen) and photos(db)[0].crop is not None)
        await pilot.press("end", "U")
        await until(pilot, lambda: photos(db)[0].crop is None)
        assert cursor(app) == 0


async def test_the_cursor_never_waits_for_a_picture_and_stale_ones_are_not_opened(
    db: Database, home: Home, judged: list[Photo], monkeypatch: pytest.MonkeyPatch
) -> None:
    for photo in judged:
        home.thumbnail("mara", photo.hash).unlink()
    opened: list[str] = []
    go_on = Event()

    def slowly(path: Path, size: Size, graphics: Graphics) -> tuple[Image, tuple[int, int]]:
        opened.append(path.stem)
        assert go_on.wait(30)
        return scaled(path, size, graphics)

    monkeypatch.setattr("zen_tui.tui.widgets.picture_pane.scaled", slowly)
    async with zen(db, home) as (app, pilot):
        await until(pilot, lambda: len(opened) == 1)
        await pilot.press("right", "right", "right", "x", "right")
        await until(pilot, lambda: splits(db) == "tttott")
        assert cursor(app) == 4
        assert opened == [judged[0].hash]
        go_on.set()
        await until(pilot, lambda: "▀" in shown(app.screen.query_one("PicturePane HalfCells")))
        assert opened[0] == judged[0].hash
        assert set(opened[1:]) <= {judged[0].hash, judged[4].hash}, "a photo that was passed was opened"
        assert opened[-1] == judged[4].hash
