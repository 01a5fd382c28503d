"""Training and drawing send nothing: the system calls of the command and of its worker are watched."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import TRAINED, TinyFolder
from zen_tui.library.paths import Home

NETWORK = re.compile(r"\b(connect|sendto|sendmsg)\(.*\b(AF_INET6?|sin6?_addr)\b")

pytestmark = pytest.mark.needs_strace


def traced(trace: Path, *command: object) -> subprocess.CompletedProcess[str]:
    """Run a command and everything it starts under strace, which writes its network calls to `trace`."""
    watcher = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg", "-o", trace]
    return subprocess.run(
        [str(word) for word in (*watcher, sys.executable, *command)],
        env={**os.environ, "ZEN_WORKER_IDLE": "0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def network_calls(trace: Path) -> list[str]:
    return [line for line in trace.read_text(errors="replace").splitlines() if NETWORK.search(line)]


def test_the_watcher_sees_a_connection(tmp_path: Path) -> None:
    """The control: were anything sent, the other test would know."""
    reach_out = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"

    traced(tmp_path / "trace", "-c", reach_out)

    assert network_calls(tmp_path / "trace")


@pytest.mark.parametrize(
    ("name", "variant"),
    [("sd15", ""), *(pytest.param(*which, marks=pytest.mark.slow) for which in TRAINED if which != ("sd15", ""))],
)
def test_add_train_and_generate_reach_for_no_network(
    home: Home, tiny_folder: TinyFolder, photo_folder: Path, tmp_path: Path, name: str, variant: str
) -> None:
    def zen(trace: str, *words: object) -> None:
        answer = traced(tmp_path / trace, "-m", "zen_tui", *words)
        assert answer.returncode == 0, answer.stderr

    settings = ("steps=2", "resolution=64", "sample_every=0", "rank=2", "checkpoint_every=2")
    chosen = [word for setting in settings for word in ("--set", setting)]
    zen("setup", "bases", "add", tiny_folder(name, variant), "--name", "tiny")
    zen("import", "datasets", "import", photo_folder, "--name", "mara", "--class", "woman")
    zen("train", "train", "mara", "--base", "tiny", *chosen, "--wait")
    zen("draw", "generate", "a photo of {token}", "--adapter", "mara", "--size", "64x64", "--steps", 2, "--wait")

    for trace in ("setup", "import", "train", "draw"):
        assert network_calls(tmp_path / trace) == [], trace
    assert (home.root / "worker.json").exists(), "the worker was not among the watched processes"
