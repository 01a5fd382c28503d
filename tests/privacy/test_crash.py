"""A crash says where, and nothing of what was being worked on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import python
from zen_tui.library.errors import BadFile
from zen_tui.library.paths import Home
from zen_tui.privacy.crash import LIMIT, redacted, report, sentence

CANARY = "correct-horse-battery"
FAIL = (
    "import sys, threading\n"
    "def work(passphrase):\n"
    "    try:\n"
    "        raise KeyError(passphrase)\n"
    "    except KeyError as error:\n"
    "        raise ValueError('prompt: ' + passphrase) from error\n"
)
SCREEN = (
    "from textual.app import App\n"
    "from zen_tui.privacy.crash import QuietCrash\n"
    "class Quiet(QuietCrash, App[None]):\n"
    "    def on_mount(self): work(sys.argv[1])\n"
    "class Loud(App[None]):\n"
    "    def on_mount(self): work(sys.argv[1])\n"
)


def crash(code: str, home: Path) -> tuple[str, str]:
    """Run `code` that fails; return all it printed and what the log then holds."""
    done = python(FAIL + code, CANARY)
    log = home / "crash.log"
    return done.stdout + done.stderr, log.read_text() if log.exists() else ""


@pytest.mark.parametrize(
    "code",
    [
        "from zen_tui.privacy.crash import install; install(); work(sys.argv[1])",
        "from zen_tui.privacy.crash import install; install()\n"
        "t = threading.Thread(target=work, args=(sys.argv[1],)); t.start(); t.join()",
        SCREEN + "Quiet().run(headless=True)",
    ],
    ids=["process", "thread", "app"],
)
def test_nothing_of_the_work_is_shown_or_kept(code: str, home: Home) -> None:
    printed, log = crash(code, home.root)
    assert CANARY not in printed + log
    assert "Zen ran into a fault of its own (ValueError)." in printed.replace("\n", " ")
    assert "Traceback" not in printed
    assert "builtins.ValueError" in log
    assert "builtins.KeyError" in log
    assert "in work" in log


def test_the_apps_own_crash_screen_would_have_shown_it(home: Home) -> None:
    printed, _ = crash(SCREEN + "Loud().run(headless=True)", home.root)
    assert CANARY in printed


def test_the_log_is_private_and_does_not_grow_for_ever(home: Home) -> None:
    log = home.root / "crash.log"
    log.write_bytes(b"x" * (LIMIT + 1))
    assert str(log) in report(ValueError("x"), home)
    assert log.stat().st_size < 1000
    assert log.stat().st_mode & 0o077 == 0


def test_a_known_error_speaks_for_itself(home: Home) -> None:
    assert report(BadFile("photo.jpg is damaged.", "Leave it out."), home) == "photo.jpg is damaged. Leave it out."
    assert not (home.root / "crash.log").exists()
    assert "memory" in sentence(MemoryError())


def test_a_report_never_fails(tmp_path: Path) -> None:
    assert report(ValueError("x"), Home(tmp_path / "absent")) == sentence(ValueError())


def test_circular_causes_end() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert redacted(first).count("KeyError") == 1
