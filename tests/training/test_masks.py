"""Errors are weighed by where the subject is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file

from tests.training.conftest import Studio, Tape, give_masks
from zen_tui.library import datasets, models
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.events import Interrupted, Note
from zen_tui.library.records import Crop, Photo
from zen_tui.library.specs import TrainSettings
from zen_tui.training.losses import mean_error
from zen_tui.training.masks import coverage, weights
from zen_tui.training.plan import plan
from zen_tui.training.views import View

QUICK: dict[str, Any] = {"steps": 2, "warmup": 1, "checkpoint_every": 2, "holdout": 0.2}


def photos(studio: Studio) -> list[Photo]:
    return datasets.photos(studio.db, studio.dataset.id)


def told(studio: Studio, **changed: Any) -> tuple[dict[int, float], dict[int, float], bytes]:
    """Losses, scores, and the adapter."""
    tape = studio.train(**{**QUICK, **changed})
    adapter = load_file(studio.home.resolve(models.adapter(studio.db, studio.result["adapter"]).path))
    return tape.losses(), tape.scores(), b"".join(adapter[key].numpy().tobytes() for key in sorted(adapter))


def test_a_mask_that_is_all_white_is_exactly_no_mask(studio: Studio) -> None:
    plain = told(studio)
    give_masks(studio)
    assert told(studio) == plain
    assert told(studio, masked_loss="on") == plain


def test_masks_weigh_the_loss_the_score_and_what_is_learned(studio: Studio) -> None:
    plain = told(studio)
    give_masks(studio, half=True)
    masked = told(studio)
    for one, other in zip(masked, plain, strict=True):
        assert one != other
    assert told(studio, masked_loss="on") == masked
    assert told(studio, masked_loss="off") == plain
    assert told(studio, mask_outside=1.0) == plain
    assert told(studio, mask_outside=0.0) not in (masked, plain)
    give_masks(studio, level=0)  # nothing is the subject: all counts alike
    assert told(studio, mask_outside=0.0)[0] == plain[0]


def test_the_loss_is_the_weighted_mean_of_the_squared_errors() -> None:
    covered = torch.tensor([[1.0, 0.0], [0.5, 0.0]])[None, None]
    error = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).expand(1, 3, 2, 2)
    counts = torch.tensor([1.0, 0.1, 0.55, 0.1])
    found = mean_error(torch.ones(1), error.square(), weights(covered, 0.1))
    assert float(found) == pytest.approx(float((counts * torch.tensor([1.0, 4, 9, 16])).sum() / counts.sum()))
    assert float(weights(torch.rand(5, 1, 8, 8), 0.1).mean()) == pytest.approx(1)


def test_a_mask_follows_the_geometry_of_the_view() -> None:
    mask = Image.new("L", (40, 20), 0)
    ImageDraw.Draw(mask).rectangle((0, 0, 9, 19), fill=255)  # the left quarter
    whole = View(box=Crop(0, 0, 1, 1))
    assert coverage(mask, whole, 2, 4)[0].tolist() == [[1, 0, 0, 0]] * 2
    assert coverage(mask, View(box=Crop(0, 0, 1, 1), mirrored=True), 2, 4)[0].tolist() == [[0, 0, 0, 1]] * 2
    assert coverage(mask, View(box=Crop(0, 0, 0.5, 1)), 2, 2)[0].tolist() == [[1, 0]] * 2
    assert coverage(mask, View(box=Crop(0.125, 0, 0.375, 1)), 1, 1)[0].item() == pytest.approx(0.5, abs=1 / 255)


def test_photos_without_a_mask_count_everywhere(studio: Studio) -> None:
    plain = told(studio)
    give_masks(studio, half=True, count=3)
    some = told(studio)
    assert some != plain
    settings = TrainSettings(resolution=64, mask_outside=0.2, steps=6, holdout=0.2)
    lines = dict(plan(studio.db, studio.home, studio.base, studio.dataset, settings).lines())
    assert lines["masks"] == "3 of 6 photos; an error outside the subject counts 0.2 of one inside"
    assert "weighed by the masks of 3 photos" in studio.train(**QUICK).of(Note)[0].text


def test_masks_that_are_wanted_and_missing_are_refused(studio: Studio) -> None:
    with pytest.raises(Refused, match="no photo of mara has a mask"):
        studio.train(masked_loss="on")
    settings = TrainSettings(resolution=64, masked_loss="on")
    with pytest.raises(Refused, match="no photo of mara has a mask"):
        plan(studio.db, studio.home, studio.base, studio.dataset, settings)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("torn", "damaged: it cannot be decoded"),
        ("text", "damaged: it cannot be decoded"),
        ("square", "of another shape than its photo: 50x50 beside"),
        ("colour", "not a grey picture of 8 bits"),
    ],
)
def test_a_mask_that_cannot_be_used_is_named(studio: Studio, fault: str, said: str) -> None:
    path = next(
        path for path, photo in zip(give_masks(studio), photos(studio), strict=True) if photo.width != photo.height
    )
    if fault == "torn":
        path.write_bytes(path.read_bytes()[:-30])
    elif fault == "text":
        path.write_text("not a picture")
    else:
        size = (50, 50) if fault == "square" else Image.open(path).size
        Image.new("RGB" if fault == "colour" else "L", size).save(path)
    with pytest.raises(BadFile, match=rf"The mask of a photo cannot be used: {path.name}, {said}") as caught:
        studio.train(**QUICK)
    assert "masked_loss" in (caught.value.hint or "")
    studio.train(**QUICK, masked_loss="off")


def test_a_run_keeps_the_masks_it_began_with(studio: Studio) -> None:
    longer = {**QUICK, "steps": 4}
    give_masks(studio, half=True)
    whole = studio.train(**longer).losses()
    spec, tape = studio.start(**longer), Tape(ask=lambda step: "pause" if step == 2 else "")
    with pytest.raises(Interrupted):
        studio.train(spec, tape)
    give_masks(studio, level=40)
    tape.ask, tape.step = (lambda step: "cancel" if step == 3 else ""), 0
    with pytest.raises(Interrupted):
        studio.train(spec, tape)
    tape.ask, tape.step = (lambda step: ""), 0
    for file in studio.home.cache("mara").glob("mask-*"):
        file.unlink()
    with pytest.raises(BadFile, match="has changed since the run began"):
        studio.train(spec, tape)
    give_masks(studio, half=True)
    studio.train(spec, tape)
    assert tape.losses() == whole
