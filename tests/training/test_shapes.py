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
from zen_tui.library.events import Note
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


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_it_learns_wide_and_tall_photos(
    studio: Studio,
    tiny_folder: TinyFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    variant: str,
) -> None:
    for number in range(2):
        save(tmp_path / "shapes" / f"wide-{number}.png", colourful(400, 200, seed=number))
        save(tmp_path / "shapes" / f"tall-{number}.png", colourful(200, 400, seed=number + 2))
    studio.dataset = datasets.add_dataset(studio.db, "shapes", "ohwx", "woman", "person")
    import_photos(studio.db, studio.home, studio.dataset, [tmp_path / "shapes"])
    studio.base = add_base(studio.db, studio.home, tiny_folder(name, variant), "other")
    seen: list[tuple[tuple[int, int], tuple[int, ...], int]] = []

    def watched(*arguments: Any, **options: Any) -> Family:
        family = load_family(*arguments, **options)
        predict = family.predict

        def told(noisy: Tensor, s: Tensor, cond: Cond, size: tuple[int, int]) -> Tensor:
            seen.append((size, tuple(noisy.shape[2:]), family.shrink))
            return predict(noisy, s, cond, size)

        monkeypatch.setattr(family, "predict", told)
        return family

    monkeypatch.setattr(run, "load_family", watched)
    tape = studio.train(**SETTINGS)
    assert sorted(size for size, _, _ in seen) == [(64, 128)] * 2 + [(128, 64)] * 2
    assert all(shape == (size[1] // shrink, size[0] // shrink) for size, shape, shrink in seen)
    assert all(math.isfinite(loss) for loss in tape.losses().values())
    assert "photos whole, in 2 shapes" in tape.of(Note)[0].text
