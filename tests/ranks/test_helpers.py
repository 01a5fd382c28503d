"""The other processes of a job: locked, heard, and never left behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.jobs.conftest import until
from zen_tui.library.errors import BadFile, WrongUse, ZenError
from zen_tui.library.paths import Home
from zen_tui.privacy.lock import LockState
from zen_tui.ranks.helpers import team_of


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEN_DEVICE", "cpu")
    monkeypatch.setenv("ZEN_TEST_HANDLERS", "tests.ranks.stand_ins")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def helpers(parent: int | None = None) -> list[int]:
    """The living processes that help with a job of `parent`, which they were told as the last of their words."""
    found, last = [], str(parent or os.getpid()).encode()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = file.read_bytes().split(b"\0")
            if b"zen_tui.jobs.rank" in words and words[-2] == last:
                found.append(int(file.parent.name))
    return found


def test_messages_and_arrays_go_both_ways_in_order(home: Home) -> None:
    with team_of(3, home, "echo") as team:
        for size in (0, 5, 300_000, 7):
            team.hear(str(size).encode())
            if size:
                for link in team.down:
                    link.give(memoryview(bytes(n % 100 for n in range(size))))
                for link in team.down:
                    assert bytes(link.take(size)) == bytes(2 * (n % 100) for n in range(size))
            assert [link.receive() for link in team.down] == [b"1 of 3", b"2 of 3"]
        assert len(helpers()) == 2
    assert helpers() == []


def test_helpers_are_private_and_locked_before_they_import_the_work(home: Home) -> None:
    with team_of(2, home, "look") as team:
        told = team.down[0].receive()
    state, torch, parent, temporary = msgspec.json.decode(told, type=tuple[LockState, bool, int, str])
    assert state.level == ("kernel" if sys.platform == "linux" else "process")
    assert not torch
    assert parent == os.getpid()
    assert Path(temporary).is_relative_to(home.root)


def test_what_a_helper_cannot_do_is_said_here(home: Home) -> None:
    with (
        pytest.raises(BadFile, match=r"The base tiny is gone\. Add it again\."),
        team_of(2, home, "refuse") as team,
    ):
        team.down[0].receive()
    with pytest.raises(ZenError) as caught, team_of(2, home, "stumble") as team:
        team.down[0].receive()
    assert "another process of the job (RuntimeError)" in caught.value.message
    assert "canary" not in str(caught.value)


def test_a_helper_that_dies_is_named_and_the_others_end(home: Home) -> None:
    with pytest.raises(ZenError, match=r"Process 2 of 3 died \(SIGKILL\)"), team_of(3, home, "die") as team:
        team.down[0].receive()
    assert helpers() == []


def test_kill_9_of_the_first_process_leaves_no_other(home: Home) -> None:
    first = subprocess.Popen([sys.executable, "-m", "tests.ranks.stand_ins"])
    until((home.root / "at work").exists)
    assert len(helpers(first.pid)) == 1
    first.kill()
    first.wait()
    until(lambda: helpers(first.pid) == [])


def test_leaving_ends_helpers_that_are_deep_in_work(home: Home) -> None:
    with team_of(2, home, "compute"):
        until((home.root / "at work").exists)
    assert helpers() == []


def test_more_processes_than_cards_are_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZEN_DEVICE")
    for there, said in (
        ("", "has no GPU"),
        ("0", "has 1 GPU"),
        ("0,1", r"has 2 GPUs .* Ask for --gpus 2 at most"),
    ):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", there)
        with (
            pytest.raises(WrongUse, match=f"--gpus 3 needs 3 GPUs, and this machine {said}"),
            team_of(3, home, "echo"),
        ):
            pass
    assert helpers() == []
