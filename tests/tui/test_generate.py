"""Generate: what a sheet comes to as it is typed, what is queued, and pictures as they are made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Select

from tests.tui import work
from tests.tui.work import said, shown, until
from zen_tui.generation.fit import Machine
from zen_tui.jobs import launch, queue
from zen_tui.library import pictures
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.specs import AdapterUse, GenerateSpec
from zen_tui.tui.app import ZenApp
from zen_tui.tui.messages import Recall
from zen_tui.tui.screens.adapter_chooser import AdapterChooser
from zen_tui.tui.screens.generate import GenerateScreen
from zen_tui.tui.screens.viewer import ViewerScreen
from zen_tui.tui.widgets.picture_board import PictureBoard
from zen_tui.tui.widgets.picture_form import PictureForm
from zen_tui.tui.widgets.prompt_editor import PromptEditor
from zen_tui.tui.wishes import Wish, adapter_uses, expected_seconds, size, understand


@pytest.fixture
def woken(db: Database, monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """A base, an adapter, and homes for which a worker was asked for; none is started."""
    work.add_base(db)
    work.add_adapter(db)
    asked: list[Home] = []
    monkeypatch.setattr(launch, "ensure_worker", asked.append)
    return asked


@asynccontextmanager
async def opened(
    db: Database, home: Home, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[ZenApp, Pilot[None], GenerateScreen]]:
    """The app with Generate open and the cursor in the prompts."""
    app = ZenApp(home, db)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press("g", "3")
        await until(pilot, lambda: isinstance(app.screen, GenerateScreen) and app.focused is not None)
        screen = app.screen
        assert isinstance(screen, GenerateScreen)
        yield app, pilot, screen


async def write(pilot: Pilot[None], text: str) -> None:
    """Type a sheet."""
    for character in text:
        await pilot.press({"\n": "enter", " ": "space"}.get(character, character))


@pytest.mark.usefixtures("woken")
@pytest.mark.parametrize("window", [(80, 24), (160, 45)])
async def test_it_counts_pictures_as_they_are_typed(db: Database, home: Home, window: tuple[int, int]) -> None:
    async with opened(db, home, window) as (app, pilot, screen):
        for widget in (
            screen.query_one(PromptEditor),
            screen.query_one(PictureForm),
            screen.query_one(PictureBoard),
        ):
            assert widget.size.width > 20
            assert widget.size.height >= 5
            assert screen.size.region.contains_region(widget.region)
        assert isinstance(app.focused, PromptEditor)
        await write(pilot, "seeds 1..4\na {red|blue} hat")
        await until(pilot, lambda: "8 pictures" in said(app, "#sum"))
        assert "of 2 prompts" in said(app, "#sum")
        assert "not measured" in said(app, "#sum")
        assert app.screen is screen  # the digits that were typed opened no other screen
        assert screen.query_one("#size", Input).placeholder == "64x64"
        assert screen.query_one("#steps", Input).placeholder == "20"


@pytest.mark.usefixtures("woken")
async def test_a_fault_is_told_by_line_and_marked(db: Database, home: Home) -> None:
    async with opened(db, home) as (app, pilot, screen):
        editor = screen.query_one(PromptEditor)
        editor.text = "a hat\na {red|blue coat"
        await until(pilot, lambda: "Line 2" in said(app, "#sum"))
        assert editor.wrong_line == 2
        editor.text = "a hat\na {red|blue} coat"
        await until(pilot, lambda: "3 pictures" in said(app, "#sum"))
        assert editor.wrong_line is None


async def test_what_is_typed_is_what_is_queued(db: Database, home: Home, woken: list[Home]) -> None:
    async with opened(db, home, (80, 24)) as (app, pilot, screen):
        await write(pilot, "a {token}")
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(app.screen, AdapterChooser))
        await pilot.press("space", "minus", "minus", "enter")
        await until(pilot, lambda: app.screen is screen)
        assert screen.query_one(PictureForm).adapters == "mara:0.8"
        await pilot.press("f2")
        for field, text in (
            ("steps", "7"),
            ("seed", "3"),
            ("count", "2"),
            ("size", "64x128"),
            ("negative", "fog"),
        ):
            screen.query_one(f"#{field}", Input).focus()
            await pilot.press(*text)
        await until(pilot, lambda: "2 pictures" in said(app, "#sum"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: woken == [home])
        spec = queue.spec_of(home, queue.jobs(db)[-1].id)
        assert isinstance(spec, GenerateSpec)
        assert spec.base == "small-base"
        assert spec.adapters == (AdapterUse("mara", 0.8),)
        assert [picture.seed for picture in spec.pictures] == [3, 4]
        first = spec.pictures[0]
        assert first.prompt == "a ohwx woman"
        assert (first.width, first.height, first.steps, first.negative) == (64, 128, 7, "fog")
        await until(pilot, lambda: app.focused is screen.query_one(PictureBoard))


@pytest.mark.parametrize("window", [(80, 24), (120, 36), (160, 45)])
async def test_it_says_beforehand_how_the_base_fits(
    db: Database, home: Home, woken: list[Home], monkeypatch: pytest.MonkeyPatch, window: tuple[int, int]
) -> None:
    work.add_base(db, "large-base", width=12_000_000)
    monkeypatch.setattr("zen_tui.jobs.pictures.machine", lambda: Machine("cuda", 16 << 30))
    async with opened(db, home, window) as (app, pilot, screen):
        screen.query_one("#base", Select).value = "large-base"
        await write(pilot, "a hat")
        await until(pilot, lambda: "to fit: the denoiser in int8" in said(app, "#sum"))
        assert "text encoders in int8" in said(app, "#sum")
        assert "may not fit" not in said(app, "#sum")
        for name, keys in (
            ("quantize", ("enter", "home", "down", "enter")),
            ("offload", ("enter", "end", "enter")),
        ):
            screen.query_one(f"#{name}", Select).focus()
            await pilot.press(*keys)
        await until(pilot, lambda: "It may not fit" in said(app, "#sum"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: woken == [home])
        spec = queue.spec_of(home, queue.jobs(db)[-1].id)
        assert isinstance(spec, GenerateSpec)
        assert (spec.quantize, spec.offload) == ("none", "off")


async def test_nothing_is_queued_while_something_is_wrong(db: Database, home: Home, woken: list[Home]) -> None:
    async with opened(db, home) as (app, pilot, screen):
        screen.query_one(PromptEditor).text = "a {hat"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: any("Line 1" in n.title for n in app._notifications))
        screen.query_one(PromptEditor).text = "a hat"
        screen.query_one("#adapters", Input).value = "nobody"
        await pilot.press("ctrl+r")
        await until(pilot, lambda: any("nobody" in n.title for n in app._notifications))
        assert not queue.jobs(db)
        assert not woken


@pytest.mark.usefixtures("woken")
async def test_pictures_clear_up_and_arrive(db: Database, home: Home) -> None:
    job, requests = work.add_batch(db, home, 3)
    worker = work.Worker(db, home, job)
    worker.start()
    worker.preview(0, 4, 20)
    async with opened(db, home) as (app, pilot, screen):
        board = screen.query_one(PictureBoard)
        await until(pilot, lambda: "step 4 of 20" in shown(board))
        await until(pilot, lambda: "▀" in shown(board))
        assert "3  seed 2" in shown(board)
        ids = [worker.picture(index, request) for index, request in enumerate(requests[:2])]
        await until(pilot, lambda: "2 of 3 pictures" in str(screen.query_one("#making").border_subtitle))
        assert "step 4 of 20" not in shown(board)
        worker.picture(2, requests[2])
        worker.end()
        await until(pilot, lambda: "3 of 3 pictures · done" in str(screen.query_one("#making").border_subtitle))
        await pilot.press("f4", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, ViewerScreen))
        assert isinstance(app.screen, ViewerScreen)
        assert app.screen.picture.id == ids[1]
        await pilot.press("4")
        assert pictures.picture(db, ids[1]).rating == 4


@pytest.mark.usefixtures("woken")
async def test_a_recipe_comes_back_into_the_form(db: Database, home: Home) -> None:
    job, requests = work.add_batch(db, home, 1)
    worker = work.Worker(db, home, job)
    worker.start()
    odd = work.recall_request("50% of {this}, #1 for $5", seed=77)
    id = worker.picture(0, odd)
    async with opened(db, home) as (app, pilot, screen):
        app.post_message(Recall(pictures.picture(db, id)))
        await until(pilot, lambda: screen.wished is not None and screen.wished.requests)
        assert screen.wished is not None
        request = screen.wished.requests[0]
        assert (request.prompt, request.seed, request.steps) == (odd.prompt, 77, 20)
        assert screen.wished.adapters == [AdapterUse("mara", 0.8)]
        assert screen.wished.base is not None
        assert (screen.wished.base.slug, screen.wished.quantize) == ("small-base", "int8")
    assert requests


@pytest.mark.usefixtures("woken")
async def test_a_sheet_file_is_opened(db: Database, home: Home, tmp_path: Path) -> None:
    sheet = tmp_path / "team.zen"
    sheet.write_text("a red hat\na blue hat\n")
    async with opened(db, home) as (app, pilot, screen):
        await pilot.press("ctrl+o")
        await until(pilot, lambda: app.screen is not screen)
        app.screen.query_one(Input).value = str(sheet)
        await pilot.press("enter")
        await until(pilot, lambda: "2 pictures" in said_if(app, screen))
        await pilot.press("ctrl+o")
        await until(pilot, lambda: app.screen is not screen)
        app.screen.query_one(Input).value = str(tmp_path / "none")
        await pilot.press("enter")
        await until(pilot, lambda: any("cannot be read" in n.title for n in app._notifications))


def said_if(app: ZenApp, screen: GenerateScreen) -> str:
    return said(app, "#sum") if app.screen is screen else ""


@pytest.mark.usefixtures("woken")
async def test_escape_leaves_the_prompts_and_letters_work_again(db: Database, home: Home) -> None:
    async with opened(db, home) as (app, pilot, screen):
        await write(pilot, "q5")
        assert app.screen is screen
        await pilot.press("escape")
        assert isinstance(app.focused, PictureBoard)
        await pilot.press("g", "5")
        await until(pilot, lambda: app.current_mode == "jobs")
        await pilot.press("g", "3")
        await until(pilot, lambda: app.screen is screen)
        assert screen.query_one(PromptEditor).text == "q5"


def test_time_is_claimed_only_when_it_was_measured(db: Database, home: Home, woken: list[Home]) -> None:
    job, requests = work.add_batch(db, home, 4)
    wish = Wish(text="a hat", count="8")
    assert understand(home, wish).seconds is None
    worker = work.Worker(db, home, job)
    worker.start()
    worker.end()
    db.update("jobs", job.id, started=100.0, finished=120.0)
    found = understand(home, wish)
    assert found.seconds == pytest.approx(40)  # twice as many of the same size and steps
    assert found.base is not None
    assert expected_seconds(db, home, found.base, requests[:1]) == pytest.approx(5)
    work.add_base(db, "another-base")
    assert understand(home, Wish(text="a hat", base="another-base")).seconds is None


def test_fields_are_read_as_people_write_them() -> None:
    assert size("512x768") == (512, 768)
    assert size("512 × 768") == (512, 768)
    assert size("512") == (512, 512)
    assert size(" ") is None
    assert adapter_uses("mara:0.8, coat") == [AdapterUse("mara", 0.8), AdapterUse("coat", 1.0)]


@pytest.mark.usefixtures("woken")
@pytest.mark.parametrize(
    ("wish", "word"),
    [
        (Wish("a hat", size="big"), "big"),
        (Wish("a hat", adapters="mara:much"), "mara:much"),
        (Wish("a hat", steps="ten"), "steps"),
        (Wish("a hat", seed="-1"), "seed"),
        (Wish("a hat", guidance="x"), "guidance"),
        (Wish("a hat", base="nothing"), "nothing"),
        (Wish("a hat", quantize="nf4", offload="on"), "nf4"),
        (Wish(""), "no prompt"),
    ],
)
def test_wrong_fields_are_told_in_a_sentence(home: Home, wish: Wish, word: str) -> None:
    found = understand(home, wish)
    assert word in found.error
    assert not found.requests
