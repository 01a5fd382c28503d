"""What helpers do in these tests, without models; and a first process, to be killed:
`python -m tests.ranks.stand_ins`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import msgspec

from zen_tui.library.errors import BadFile
from zen_tui.library.paths import Home
from zen_tui.privacy.probe import probe
from zen_tui.ranks.helpers import team_of
from zen_tui.ranks.team import Team


def echo(team: Team, home: Home) -> None:
    """Send every message back, with the place in the team before it, and every array doubled."""
    assert team.up is not None
    while True:
        size = int(team.hear())
        if size:
            given = bytes(team.up.take(size))
            team.up.give(memoryview(bytes(2 * byte % 256 for byte in given)))
        team.up.send(f"{team.index} of {team.size}".encode())


def look(team: Team, home: Home) -> None:
    """Say what the lock is like here, and what was loaded before the work."""
    assert team.up is not None
    team.up.send(msgspec.json.encode((probe(), "torch" in sys.modules, os.getppid(), os.environ["TMPDIR"])))
    team.hear()


def refuse(team: Team, home: Home) -> None:
    raise BadFile("The base tiny is gone.", "Add it again.")


def stumble(team: Team, home: Home) -> None:
    raise RuntimeError("canary-7f3a")


def die(team: Team, home: Home) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def compute(team: Team, home: Home) -> None:
    """Be at work for ever, deaf to what the first process does."""
    Path(home.root / "at work").touch()
    signal.pause()
    signal.pause()


HELPERS = {"echo": echo, "look": look, "refuse": refuse, "stumble": stumble, "die": die, "compute": compute}

if __name__ == "__main__":
    with team_of(2, Home.find(), "compute"):
        signal.pause()
