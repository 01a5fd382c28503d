"""Bases: a file or a whole folder of models is named, looked at, chosen from, and read through or stopped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from threading import Event

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, ProgressBar

from tests.exchange.test_single_files import DENOISERS, WHOLE
from tests.originals import vae, write_header
from tests.tui.shell import SIZES, zen
from tests.tui.work import said, until
from zen_tui.exchange import file_facts
from zen_tui.exchange.safetensors_header import TensorInfo
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.tui.app import ZenApp
from zen_tui.tui.screens.add_bases import AddBasesScreen
from zen_tui.tui.screens.bases import BasesScreen
from zen_tui.tui.widgets.choices import Choices


async def look_at(app: ZenApp, pilot: Pilot[None], path: Path) -> AddBasesScreen:
    """Open the page from Bases and look at `path`."""
    await pilot.press("i")
    await until(pilot, lambda: isinstance(app.screen, AddBasesScreen) and app.focused is not None)
    screen = app.screen
    assert isinstance(screen, AddBasesScreen)
    screen.query_one("#path", Input).value = str(path)
    await pilot.press("enter")
    return screen


def listed(screen: AddBasesScreen) -> str:
    choices = screen.query_one(Choices)
    return "\n".join(str(choices.get_option_at_index(n).prompt) for n in range(choices.option_count))


def slugs(db: Database) -> list[str]:
    return [base.slug for base in models.bases(db) if not base.path.startswith("builtin:")]


@pytest.fixture
def comfy(tmp_path: Path, tiny_base: Path) -> Path:
    """A folder with two bases that work, one that is spoilt, and what is no base."""
    root = tmp_path / "models"
    shutil.copytree(tiny_base, root / "tiny")
    shutil.copytree(tiny_base, root / "spoilt")
    weights = root / "spoilt" / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\x00\x00\xc0\x7f")  # NaN in fp32
    write_header(root / "checkpoints" / "v1-5-pruned.safetensors", WHOLE["sd15"], "F8_E4M3")
    write_header(root / "vae" / "sd3_vae.safetensors", vae(16, quant=False))
    write_header(root / "unet" / "flux1-dev.safetensors", DENOISERS["flux1-dev"])
    write_header(root / "loras" / "a.safetensors", {"lora_unet_down.lora_up.weight": (4, 4)})
    return root


@pytest.mark.parametrize("size", SIZES)
async def test_a_folder_of_models_is_chosen_from(
    db: Database, home: Home, comfy: Path, size: tuple[int, int]
) -> None:
    async with zen(db, home, size, place="bases") as (app, pilot):
        screen = await look_at(app, pilot, comfy)
        await until(pilot, lambda: "3 bases" in said(app, "#summary"))
        assert "1 part of other models, 1 LoRA, 1 not usable" in said(app, "#summary")
        for widget in screen.query("#form, #found, #models"):
            assert screen.size.region.contains_region(widget.region)
        assert "the VAE of FLUX.1 is not with it" in " ".join(listed(screen).split())
        assert str(screen.query_one("#go", Button).label) == "add 3 bases"
        assert isinstance(app.focused, Choices)
        await pilot.press("space")  # the first of the list is the checkpoint
        assert str(screen.query_one("#go", Button).label) == "add 2 bases"
        await pilot.press("enter")
        await until(pilot, lambda: "1 base added, 1 not" in said(app, "#summary"))
        assert slugs(db) == ["tiny"]
        assert "holds what is not a number" in " ".join(listed(screen).split())
        assert "here already" in listed(screen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, BasesScreen))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Event, Event]]:
    """An event that is set when the reading of a base has come to its fifth tensor, and one that lets it go on."""
    here, go_on = Event(), Event()
    finite, tensors = file_facts._finite, count()

    def slow(tensor: TensorInfo, data: bytes) -> bool:
        if next(tensors) == 5:
            here.set()
            go_on.wait(30)
        return finite(tensor, data)

    monkeypatch.setattr(file_facts, "_finite", slow)
    yield here, go_on
    go_on.set()


async def test_reading_tells_how_far_it_is_and_is_stopped(
    db: Database, home: Home, comfy: Path, held: tuple[Event, Event]
) -> None:
    here, go_on = held
    async with zen(db, home, place="bases") as (app, pilot):
        screen = await look_at(app, pilot, comfy / "tiny")
        await until(pilot, lambda: "1 base." in said(app, "#summary"))
        assert "Stable Diffusion 1 · " in listed(screen)
        await pilot.press("enter")
        await until(pilot, lambda: here.is_set() and "Reading: diffusion_pytorch_model" in said(app, "#summary"))
        assert " of 1.3 MB" in said(app, "#summary")
        progress = screen.query_one(ProgressBar)
        assert progress.total == weights_of(comfy / "tiny")
        assert 0 < progress.progress < progress.total
        await pilot.press("escape")
        go_on.set()
        await until(pilot, lambda: "Stopped; 0 bases" in said(app, "#summary"))
        assert slugs(db) == []
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, BasesScreen))
        assert slugs(db) == ["tiny"]
        await until(pilot, lambda: "tiny" in str(app.screen.query_one("#bases", Choices).options[-1].prompt))


async def test_reading_goes_on_while_another_screen_is_looked_at(
    db: Database, home: Home, comfy: Path, held: tuple[Event, Event]
) -> None:
    here, go_on = held
    async with zen(db, home, place="bases") as (app, pilot):
        screen = await look_at(app, pilot, comfy / "tiny")
        await until(pilot, lambda: screen.chosen)
        await pilot.press("enter")
        await until(pilot, here.is_set)
        await pilot.press("7")
        await until(pilot, lambda: app.current_mode == "privacy")
        go_on.set()
        await until(pilot, lambda: slugs(db) == ["tiny"] and screen.busy is None)
        assert app.current_mode == "privacy"
        await pilot.press("6")
        await until(pilot, lambda: app.screen is screen)
        assert "1 base added." in said(app, "#summary")
        assert "here already" in listed(screen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, BasesScreen))


def weights_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.safetensors"))


async def test_a_single_model_is_described_further(db: Database, home: Home, comfy: Path, tmp_path: Path) -> None:
    path = write_header(tmp_path / "v2.safetensors", WHOLE["sd2"], "F8_E4M3")
    async with zen(db, home, place="bases") as (app, pilot):
        screen = await look_at(app, pilot, path)
        await until(pilot, lambda: "--variant epsilon or --variant v" in said(app, "#fault"))
        assert screen.query_one("#go", Button).disabled
        screen.query_one("#variant", Input).focus()
        await pilot.press("v", "enter")
        await until(pilot, lambda: screen.found)
        facts = screen.found[0].facts
        assert facts is not None
        assert facts.prediction_type == "v_prediction"

        for name, text in (("variant", ""), ("path", str(comfy / "tiny")), ("name", "mine")):
            screen.query_one(f"#{name}", Input).value = text
        screen.query_one("#name", Input).focus()
        await pilot.press("enter")
        await until(pilot, lambda: screen.found)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: slugs(db) == ["mine"])

        await until(pilot, lambda: isinstance(app.screen, BasesScreen))
        screen = await look_at(app, pilot, comfy)
        await until(pilot, lambda: "3 bases" in said(app, "#summary"))
        screen.query_one("#name", Input).focus()
        await pilot.press("x", "enter")
        await until(pilot, lambda: "holds many models" in said(app, "#fault"))
        assert not screen.found
