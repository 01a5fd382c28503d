"""Machines that share a run: what each must have, and two of them on one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli.conftest import Zen, zen  # noqa: F401  (a fixture)
from tests.helpers import python
from tests.tiny import save_tiny
from zen_tui.jobs import nodes
from zen_tui.library import datasets, models
from zen_tui.library.database import Database
from zen_tui.library.paths import Home

SETTINGS = ("resolution=64", "steps=4", "rank=2", "sample_every=0", "batch_size=2", "precision=fp32", "seed=3")
CHOSEN = [word for setting in SETTINGS for word in ("--set", setting)]
ADDRESS = ("--nodes", 2, "--address")


def furnish(call: Any, base: Path, photos: Path) -> None:
    call("bases", "add", base, "--name", "tiny")
    call("datasets", "import", photos, "--name", "mara", "--class", "woman")


@pytest.fixture
def other(tmp_path: Path) -> Home:
    """The home of another machine, with nothing in it."""
    return Home(tmp_path / "other").create()


def free_port() -> str:
    code = "import socket; print(socket.create_server(('127.0.0.1', 0)).getsockname()[1])"
    return python(code).stdout.strip()


def offer(home: Home, db: Database) -> nodes.Offer:
    run = models.run(db, "mara")
    _, spec = nodes.job_of(db, home, run)
    return nodes.offer_of(db, home, run, spec)


def test_what_another_machine_lacks_is_said(
    zen: Zen,  # noqa: F811
    home: Home,
    db: Database,
    other: Home,
    tiny_base: Path,
    photo_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZEN_DEVICE", "cpu")
    furnish(zen, tiny_base, photo_folder)
    made = zen("train", "mara", "--base", "tiny", *CHOSEN, *ADDRESS, "127.0.0.1:29500", "--json")
    assert made.code == 0, made.err
    lead, come = made.json()["commands"]
    assert lead == "zen train-node --lead mara"
    assert re.fullmatch(r"ZEN_NODE_KEY=[0-9a-f]{32} zen train-node 127\.0\.0\.1:29500", come)
    assert zen("jobs", "list", "--json").json()[0]["status"] == "paused", "no worker takes it up alone"
    told = offer(home, db)
    assert (told.first, told.processes) == (1, 2)
    assert nodes.missing(db, home, told) == []

    with Database.open(other) as there:
        assert nodes.missing(there, other, told) == [
            "It has no dataset called mara.",
            "It has no base called tiny that can be read.",
        ]
        monkeypatch.setenv("ZEN_HOME", str(other.root))
        furnish(zen, save_tiny("sd15", tmp_path / "another", "2"), photo_folder)
        photo = datasets.photos(there, datasets.dataset(there, "mara").id)[0]
        Image.new("RGB", (64, 64)).save(other.photo("mara", photo.hash, photo.suffix), "PNG")
        assert nodes.missing(there, other, told) == [
            "Its dataset mara lacks 1 photo of 6.",
            "Its base tiny is another one: text_encoder, unet differ.",
        ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nodes", 2], "Zen opens no address by itself."),
        (["--address", "127.0.0.1:29500"], "--address is where several machines meet."),
        ([*ADDRESS, "0.0.0.0:29500"], "would open every address"),
        ([*ADDRESS, "127.0.0.1:29500", "--wait"], "--wait is for a run of this machine alone."),
    ],
)
def test_nothing_is_opened_that_was_not_named(zen: Zen, words: list[Any], said: str) -> None:  # noqa: F811
    answer = zen("train", "mara", *words)
    assert answer.code == 2
    assert said in answer.err


def test_the_command_needs_the_key(zen: Zen) -> None:  # noqa: F811
    assert zen("train-node", "127.0.0.1:29500").code == 2
    assert zen("train-node").code == 2


@pytest.mark.slow
def test_two_machines_learn_what_one_learns(
    zen: Zen,  # noqa: F811
    home: Home,
    other: Home,
    tiny_base: Path,
    photo_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZEN_DEVICE", "cpu")
    monkeypatch.setenv("ZEN_WORKER_IDLE", "0")
    furnish(zen, tiny_base, photo_folder)
    alone = zen("train", "mara", "--base", "tiny", *CHOSEN, "--name", "alone", "--wait", "--json")
    assert alone.code == 0, alone.err
    place = f"127.0.0.1:{free_port()}"
    made = zen("train", "mara", "--base", "tiny", *CHOSEN, *ADDRESS, place, "--name", "pair", "--json").json()
    key = made["commands"][1].split()[0].removeprefix("ZEN_NODE_KEY=")
    with monkeypatch.context() as there:
        there.setenv("ZEN_HOME", str(other.root))
        furnish(zen, tiny_base, photo_folder)
    entry = [sys.executable, "-m", "zen_tui", "train-node"]
    second = subprocess.Popen(
        [*entry, place], env={**os.environ, "ZEN_HOME": str(other.root), nodes.KEY: key}, stderr=subprocess.PIPE
    )
    first = subprocess.run([*entry, "--lead", "pair"], capture_output=True, timeout=500, check=False)
    _, said = second.communicate(timeout=60)
    assert first.returncode == second.returncode == 0, (first.stderr, said)
    assert b"The kernel refuses every other connection." in said or sys.platform != "linux"
    told = home.events(made["job"]).read_text()
    assert "Joined with Machine 2 (127.0.0.1), as a person asked." in told
    runs = {name: zen("runs", "show", name, "--json").json() for name in ("alone", "pair")}
    for figure in ("loss_first", "loss_last", "holdout_last"):
        one, both = (runs[name]["metrics"][figure] for name in ("alone", "pair"))
        assert both == pytest.approx(one, rel=1e-6), figure
    assert not list(other.runs.iterdir()), "the other machine keeps nothing of the run"
    assert list(other.cache("mara").iterdir()), "but for what it made of its own photos"
