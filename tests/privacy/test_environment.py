"""What a Zen process leaves outside its own folder: nothing, and what others can read of it: nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import python
from zen_tui.library.paths import Home
from zen_tui.privacy.environment import clear_temporary

WORK = (
    "import json, os, sys, tempfile\n"
    "if sys.argv[1] == 'zen':\n"
    "    from zen_tui.library.paths import Home\n"
    "    from zen_tui.privacy.environment import prepare_worker\n"
    "    from zen_tui.privacy.lock import engage\n"
    "    prepare_worker(Home.find())\n"
    "    assert engage().level == 'kernel'\n"
    "import torch, torch._inductor.runtime.cache_dir_utils as cache\n"
    "cache.cache_dir()\n"
    "tempfile.mkstemp()\n"
    "open(os.path.join(os.environ.get('XDG_CACHE_HOME', os.environ['HOME']), 'cached'), 'w')\n"
    "layer = torch.nn.Linear(4, 4)\n"
    "layer(torch.ones(1, 4)).sum().backward()\n"
    "print(os.environ['TMPDIR'])\n"
)


def left_outside(folder: Path, mode: str) -> list[str]:
    """What a worker-like program leaves in the person's home folder and the system's temporary folder."""
    outside = {"HOME": folder / "person", "TMPDIR": folder / "system"}
    for path in outside.values():
        path.mkdir()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "TORCH", "HF_"))}
    env |= {name: str(path) for name, path in outside.items()}
    command = [sys.executable, "-c", WORK, mode]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(path.name for root in outside.values() for path in root.rglob("*"))


def test_a_locked_worker_learns_and_writes_nothing_outside_its_home(tmp_path: Path, private_home: Path) -> None:
    assert left_outside(tmp_path, "zen") == []
    assert any((private_home / "work" / "tmp").iterdir())
    assert {path.name for path in (private_home / "work").rglob("*")} >= {"cached", "inductor"}


@pytest.mark.slow
def test_without_it_the_same_work_leaves_traces(tmp_path: Path) -> None:
    assert len(left_outside(tmp_path, "plain")) >= 2


def test_files_are_private_and_memory_is_not_dumped(tmp_path: Path) -> None:
    done = python(
        "import ctypes, json, os, resource, sys\n"
        "from zen_tui.privacy.environment import prepare\n"
        "prepare()\n"
        "os.mkdir(sys.argv[1]); open(sys.argv[1] + '/file', 'w').close()\n"
        "modes = [oct(os.stat(p).st_mode & 0o777) for p in (sys.argv[1], sys.argv[1] + '/file')]\n"
        "dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)\n"
        "print(json.dumps([modes, resource.getrlimit(resource.RLIMIT_CORE), dumpable]))",
        str(tmp_path / "made"),
    )
    assert json.loads(done.stdout) == [["0o700", "0o600"], [0, 0], 0]


def test_libraries_are_told_to_stay_offline_whatever_was_set() -> None:
    done = python(
        "from zen_tui.privacy.environment import prepare; prepare()\n"
        "import os; from huggingface_hub import constants as hub\n"
        "print(hub.HF_HUB_OFFLINE, hub.HF_HUB_DISABLE_TELEMETRY, 'TEXTUAL' in os.environ)",
        env={"HF_HUB_OFFLINE": "0", "TEXTUAL": "devtools"},
    )
    assert done.stdout.split() == ["True", "True", "False"]


def test_the_worker_goes_first_when_memory_runs_out() -> None:
    done = python(
        "from zen_tui.library.paths import Home; from zen_tui.privacy.environment import prepare_worker\n"
        "prepare_worker(Home.find()); print(open('/proc/self/oom_score_adj').read())"
    )
    assert done.stdout.strip() == "500"


def test_temporary_files_can_be_cleared(home: Home) -> None:
    left = home.work / "tmp" / "library-x"
    left.mkdir(parents=True)
    (left / "file").touch()
    clear_temporary(home)
    assert list((home.work / "tmp").iterdir()) == []
