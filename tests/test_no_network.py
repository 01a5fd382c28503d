"""Adding, training and drawing send nothing: the system calls of the command and of its worker are watched."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.exchange.test_single_files import COMFY, WHOLE
from tests.families.test_single_files import CLIP, DIFFUSERS
from tests.originals import clip, under, vae, write_header, write_random
from tests.tiny import TRAINED, TinyFolder
from zen_tui.exchange.bases import inspect_base
from zen_tui.exchange.facts import PartFacts
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.paths import Home

NETWORK = re.compile(r"\b(connect|sendto|sendmsg)\(.*\bAF_(?!UNIX\b)\w+")  # a socket of this machine is no network

SMALL = under("first_stage_model.", vae(4, width=8)) | under("cond_stage_model.transformer.", clip(16, 2))

pytestmark = pytest.mark.needs_strace


def traced(trace: Path, *command: object, seconds: float = 300) -> subprocess.CompletedProcess[str]:
    """Run a command and everything it starts under strace, which writes its network calls to `trace`."""
    watcher = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", trace]
    return subprocess.run(
        [str(word) for word in (*watcher, sys.executable, *command)],
        env={**os.environ, "ZEN_WORKER_IDLE": "0"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def network_calls(trace: Path) -> list[str]:
    return [line for line in trace.read_text(errors="replace").splitlines() if NETWORK.search(line)]


def test_the_watcher_sees_a_connection(tmp_path: Path) -> None:
    """The control: were anything sent, the other test would know."""
    reach_out = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"

    traced(tmp_path / "trace", "-c", reach_out)

    assert network_calls(tmp_path / "trace")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "variant"),
    TRAINED,
)
def test_add_train_and_generate_reach_for_no_network(
    home: Home, tiny_folder: TinyFolder, photo_folder: Path, tmp_path: Path, name: str, variant: str
) -> None:
    watched(tmp_path, "add", "bases", "add", tiny_folder(name, variant), "--name", "tiny")
    watched(tmp_path, "import", "datasets", "import", photo_folder, "--name", "mara", "--class", "woman")
    train_and_draw(home, tmp_path)


def test_a_checkpoint_in_one_file_reaches_for_no_network(
    db: Database, home: Home, photo_folder: Path, tmp_path: Path
) -> None:
    """A small one is recorded by hand, because only those of the real size are told by their tensors."""
    large = write_header(tmp_path / "v1-5-pruned.safetensors", WHOLE["sd15"], "F16")
    small = write_random(tmp_path / "small.safetensors", under(COMFY, DIFFUSERS["unet"][1]) | SMALL, "F32")
    parts = {}
    for sub, prefix, settings in (
        ("unet", COMFY, DIFFUSERS["unet"][2]),
        ("vae", "first_stage_model.", DIFFUSERS["vae"][2]),
        ("text_encoder", "cond_stage_model.transformer.", {**CLIP, "vocab_size": 49408, "eos_token_id": 49407}),
    ):
        (tmp_path / sub).mkdir()
        (tmp_path / sub / "config.json").write_text(json.dumps(settings))
        parts[sub] = PartFacts(config=str(tmp_path / sub), files=[str(small)], layout="original", prefix=prefix)
    facts = inspect_base(large)
    facts.parts, facts.resolution = parts, 64
    models.add_base(db, "tiny", "sd15", "", str(small), msgspec.to_builtins(facts))

    watched(tmp_path, "look", "bases", "add", large, "--dry-run")
    watched(tmp_path, "import", "datasets", "import", photo_folder, "--name", "mara", "--class", "woman")
    train_and_draw(home, tmp_path)


@pytest.mark.slow
def test_a_checkpoint_of_the_real_size_reaches_for_no_network(home: Home, tmp_path: Path) -> None:
    path = write_random(tmp_path / "v1-5-pruned.safetensors", WHOLE["sd15"], "F16")
    small = ("--size", "128x128", "--steps", 1)

    watched(tmp_path, "add", "bases", "add", path, "--name", "full", seconds=1800)
    watched(tmp_path, "draw", "generate", "a cat", "--base", "full", *small, "--wait", seconds=1800)

    assert (home.root / "worker.json").exists(), "the worker was not among the watched processes"


def watched(folder: Path, trace: str, *words: object, seconds: float = 300) -> None:
    """Run `zen` with these words; it does what was asked and reaches for nothing."""
    answer = traced(folder / trace, "-m", "zen_tui", *words, seconds=seconds)
    assert answer.returncode == 0, answer.stderr
    assert network_calls(folder / trace) == [], trace


def train_and_draw(home: Home, folder: Path) -> None:
    """Two steps on the base `tiny`, and a picture with what they learned, both watched."""
    with Database.open() as db:
        side = max(64, models.base(db, "tiny").facts["resolution"] // 4)  # as small as the base can be asked for
    settings = ("steps=2", f"resolution={side}", "sample_every=0", "rank=2", "checkpoint_every=2")
    chosen = [word for setting in settings for word in ("--set", setting)]
    picture = ("--adapter", "mara", "--size", f"{side}x{side}", "--steps", 2)
    watched(folder, "train", "train", "mara", "--base", "tiny", *chosen, "--wait")
    watched(folder, "draw", "generate", "a photo of {token}", *picture, "--wait")
    assert (home.root / "worker.json").exists(), "the worker was not among the watched processes"
