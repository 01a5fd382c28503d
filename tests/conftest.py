"""Every test gets its own empty home; nothing of the person's own is read or written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import make_photos
from tests.tiny import tiny_base, tiny_folder  # noqa: F401  (fixtures)
from zen_tui.library.database import Database
from zen_tui.library.paths import Home

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: rounding follows the number of threads
UNWANTED = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TEXTUAL", "COLUMNS", "LINES")


@pytest.fixture(autouse=True)
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point `ZEN_HOME` at a folder of this test, for this process and those it starts."""
    for name in list(os.environ):
        if name.startswith(UNWANTED):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("ZEN_HOME", str(folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


@pytest.fixture
def home(private_home: Path) -> Home:
    """The home of this test, with its folders made."""
    return Home(private_home).create()


@pytest.fixture
def db(home: Home) -> Iterator[Database]:
    """The open database of this test's home."""
    with Database.open(home) as database:
        yield database


@pytest.fixture(scope="session")
def made_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photos, made once; tests must not write into this folder."""
    return make_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture
def photo_folder(made_photos: Path, tmp_path: Path) -> Path:
    """A copy of the six photos that a test may change."""
    return Path(shutil.copytree(made_photos, tmp_path / "photos"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs strace where it is not installed; the header says so."""
    if shutil.which("strace") is None:
        left_out = [item for item in items if item.get_closest_marker("needs_strace")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_report_header() -> str:
    """Say whether system calls are watched in this run."""
    return "" if shutil.which("strace") else "strace is not installed: the network trace is left out of this run"
