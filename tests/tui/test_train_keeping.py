"""Train and files: settings taken from one, of Zen's own or another tool's, and written to be kept."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.tui import work
from tests.tui.test_train import field, opened
from tests.tui.work import said, until
from zen_tui.jobs import queue
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.tui.screens.train_keeping import TookOver
from zen_tui.tui.widgets.dialogs import AskLine
from zen_tui.tui.widgets.train_form import TrainForm


@pytest.fixture(autouse=True)
def datasets(db: Database, tiny_base: Path) -> None:
    """Two datasets and a base."""
    work.add_tiny_base(db, tiny_base)
    work.add_dataset(db, "mara", 12)
    work.add_dataset(db, "otto", 8)


async def test_what_is_saved_is_opened_again(db: Database, home: Home, tmp_path: Path) -> None:
    kept = tmp_path / "kept.toml"
    async with opened(db, home) as (app, pilot, screen):
        form = screen.query_one(TrainForm)
        form.choose("dataset", "mara")
        form.choose("base", "tiny")
        for name, keys in (("rank", "4"), ("steps", "30"), ("name", "first")):
            field(screen, name).focus()
            await pilot.press(*keys)
        await pilot.press("f6")
        await until(pilot, lambda: isinstance(app.screen, AskLine))
        assert app.screen.query_one(Input).value == "~/mara.toml"
        app.screen.query_one(Input).value = str(kept)
        await pilot.press("enter")
        await until(pilot, kept.exists)

        written = tomllib.loads(kept.read_text())
        assert (written["dataset"], written["base"], written["name"]) == ("mara", "tiny", "first")
        assert (written["settings"]["rank"], written["settings"]["alpha"]) == (4, 4.0)
        kept.write_text(
            kept.read_text().replace("alpha = 4.0", "alpha = 2.0").replace("flip = false", "flip = true")
        )

        await pilot.press("f4")
        form.choose("dataset", "otto")
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, AskLine))
        app.screen.query_one(Input).value = str(kept)
        await pilot.press("enter")
        await until(pilot, lambda: form.chosen.get("rank") == "4")
        assert form.value("dataset") == "mara"
        assert form.adapter_name == "first"
        await until(pilot, lambda: bool(form.chosen.get("flip")))
        assert form.chosen.items() >= {"rank": "4", "alpha": "2.0", "steps": "30", "flip": "yes"}.items()
        assert "warmup" not in form.chosen, "what is as it would be stays grey"
        await until(pilot, lambda: "alpha / rank" in " ".join(said(app, "#words").split()))
        assert not queue.jobs(db)


async def test_settings_of_another_tool_are_listed(db: Database, home: Home, tmp_path: Path) -> None:
    theirs = tmp_path / "config.json"
    config = {"training_method": "LORA", "epochs": 10, "resolution": "64", "optimizer": {"optimizer": "LION"}}
    theirs.write_text(json.dumps(config))
    async with opened(db, home, (80, 24)) as (app, pilot, screen):
        form = screen.query_one(TrainForm)
        form.choose("dataset", "mara")
        form.choose("base", "tiny")
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, AskLine))
        app.screen.query_one(Input).value = str(theirs)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TookOver))
        words = " ".join(str(app.screen.query("Static").first().render()).split())
        assert "OneTrainer" in words
        assert "optimizer.optimizer = LION: Zen has adamw" in words
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        assert form.chosen.items() >= {"steps": "120", "alpha": "1.0", "aspect": "buckets"}.items()


async def test_a_file_that_cannot_be_is_said(db: Database, home: Home, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[settings]\nrnak = 4\n")
    async with opened(db, home) as (app, pilot, screen):
        field(screen, "rank").value = "7"
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, AskLine))
        app.screen.query_one(Input).value = str(bad)
        await pilot.press("enter")
        await until(pilot, lambda: any("no setting called rnak" in n.title for n in app._notifications))
        assert field(screen, "rank").value == "7"
