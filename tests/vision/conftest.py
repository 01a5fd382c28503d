"""Datasets of a few photos, and captioners and mattes with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import zen  # noqa: F401  (a fixture)
from tests.helpers import colourful, save
from tests.jobs.conftest import workshop  # noqa: F401  (a fixture)
from tests.vision.onnx_maker import save_tiny_matte
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset
from zen_tui.photos.intake import import_photos

Captioner = Callable[[str], Path]


@pytest.fixture(scope="session")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> Captioner:
    """The folder of a tiny captioner by kind, written once; tests must not write into it."""
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        from tests.tiny.captioners import save_captioner

        if kind not in made:
            made[kind] = save_captioner(kind, tmp_path_factory.mktemp("captioners") / kind)
        return made[kind]

    return folder


@pytest.fixture
def matte(tmp_path: Path) -> Path:
    """A tiny U²-Net that takes what is bright for the subject."""
    return save_tiny_matte(tmp_path / "tiny-u2net.onnx")


@pytest.fixture
def mara(db: Database, home: Home, tmp_path: Path) -> Dataset:
    """Three photos, of which the second has a caption of its own."""
    folder = tmp_path / "mara"
    for number in (1, 2, 3):
        save(folder / f"{number}.png", colourful(160, 120, seed=number))
    (folder / "2.txt").write_text("ohwx woman by the sea\n")
    dataset = datasets.add_dataset(db, "mara", "ohwx", "woman", "person")
    assert not import_photos(db, home, dataset, [folder], resolution=64).skipped
    return datasets.dataset(db, "mara")
