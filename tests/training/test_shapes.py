"""Every family learns from photos that are twice as wide as high, and twice as high as wide."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from tests.helpers import colourful, save
from tests.tiny import TRAINED, TinyFolder
from tests.training.conftest import Studio
from zen_tui.exchange.bases import add_base
from zen_tui.families import Family, load_family
from zen_tui.families.cond import Cond
from zen_tui.library import datasets
from zen_tui.library.events import Holdout, Note
from zen_tui.photos.intake import import_photos
from zen_tui.training import run

QUICK = (("sd15", ""), ("flux2-klein", "base"))
CASES = [
    pytest.param(*which, id="-".join(filter(None, which)), marks=[pytest.mark.slow][: which not in QUICK])
    for which in TRAINED
]
SETTINGS: dict[str, Any] = {
    "steps": 4, "batch_size": 1, "resolution": 96, "aspect": "buckets", "holdout": 0.0, "checkpoint_every": 4,
    "allow_few_photos": True, "caption_dropout": 0.0,
}  # fmt: skip


Call = tuple[int, tuple[int, int], tuple[int, ...]]
"""(pictures, size in pixels, pixels of the latents) of one answer of the denoiser, widths first."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """What the denoiser is asked in a training, in order."""
    asked: list[Call] = []

    def watched(*arguments: Any, **options: Any) -> Family:
        family = load_family(*arguments, **options)
        predict = family.predict

        def told(noisy: Tensor, s: Tensor, cond: Cond, size: tuple[int, int]) -> Tensor:
            rows, columns = noisy.shape[2:]
            asked.append((len(noisy), size, (columns * family.shrink, rows * family.shrink)))
            return predict(noisy, s, cond, size)

        monkeypatch.setattr(family, "predict", told)
        return family

    monkeypatch.setattr(run, "load_family", watched)
    return asked


@pytest.fixture
def shapes(studio: Studio, tmp_path: Path) -> Studio:
    """A studio with two photos of 2:1 and two of 1:2."""
    for number in range(2):
        save(tmp_path / "shapes" / f"wide-{number}.png", colourful(400, 200, seed=number))
        save(tmp_path / "shapes" / f"tall-{number}.png", colourful(200, 400, seed=number + 2))
    studio.dataset = datasets.add_dataset(studio.db, "shapes", "ohwx", "woman", "person")
    import_photos(studio.db, studio.home, studio.dataset, [tmp_path / "shapes"])
    return studio


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_it_learns_wide_and_tall_photos(
    shapes: Studio, tiny_folder: TinyFolder, calls: list[Call], name: str, variant: str
) -> None:
    shapes.base = add_base(shapes.db, shapes.home, tiny_folder(name, variant), "other")
    tape = shapes.train(**SETTINGS)
    assert sorted(calls) == [(1, (64, 128), (64, 128))] * 2 + [(1, (128, 64), (128, 64))] * 2
    assert all(math.isfinite(loss) for loss in tape.losses().values())
    assert "photos whole, in 2 shapes" in tape.of(Note)[0].text


def test_photos_are_scored_in_their_own_shape(shapes: Studio, calls: list[Call]) -> None:
    tape = shapes.train(**{**SETTINGS, "steps": 2, "holdout": 0.5, "checkpoint_every": 2})
    scored = [call for call in calls if call[0] == 2]  # twice the batch, eight times a photo
    assert {size for _, size, _ in scored} <= {(64, 128), (128, 64)}
    assert all(size == latents for _, size, latents in scored)
    assert len(scored) == len(tape.of(Holdout)) * (2 + 2) * 4
