"""What a photo looks like to a training: whole or square, mirrored, moved and recoloured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.helpers import colourful, save
from tests.training.conftest import Studio
from zen_tui.families import Family, load_family
from zen_tui.library import datasets
from zen_tui.library.records import Crop, Photo
from zen_tui.library.specs import TrainSettings
from zen_tui.training.beginning import Example
from zen_tui.training.material import Material, gather
from zen_tui.training.pixels import open_photo, pixels
from zen_tui.training.plan import plan
from zen_tui.training.presets import defaults_for
from zen_tui.training.views import View, all_views, plain_view

Looks = Callable[..., list[Tensor]]


@pytest.fixture
def photo(tmp_path: Path) -> Example:
    """A photo of 640x480 whose left and right differ, of which the middle three quarters are used."""
    path = save(tmp_path / "photo.png", colourful())
    return Example(
        path=str(path), hash="f" * 64, width=640, height=480, caption="", plain_caption="",
        crop=Crop(0.125, 0.125, 0.875, 0.875), repeats=1, held_out=False,
    )  # fmt: skip


def seen(photo: Example, size: tuple[int, int] = (64, 64), **settings: Any) -> tuple[list[View], list[Tensor]]:
    """The views of `photo`, and their pixels."""
    views = all_views(photo.hash, photo.width, photo.height, photo.crop, size, TrainSettings(**settings))
    picture = open_photo(photo, size)
    return views, [pixels(picture, view, size) for view in views]


def test_a_mirrored_view_is_the_mirror_image(photo: Example) -> None:
    _, (plain, mirrored) = seen(photo, flip=True)
    assert not torch.equal(plain, mirrored)
    assert torch.equal(plain.flip(2), mirrored)


def test_a_whole_photo_is_neither_stretched_nor_cut(photo: Example) -> None:
    views, (wide,) = seen(photo, (80, 60))
    assert wide.shape == (3, 60, 80)
    box = views[0].box
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((0.125, 0.125, 0.875, 0.875))
    _, (square,) = seen(photo, (60, 60))
    assert torch.allclose(wide[:, :, 10:70], square, atol=2 / 255)


@pytest.mark.parametrize("size", [(64, 64), (64, 128), (128, 64)])
def test_what_is_cut_is_taken_from_both_ends(photo: Example, size: tuple[int, int]) -> None:
    box = plain_view(photo.width, photo.height, photo.crop, size).box
    assert (box.left + box.right, box.top + box.bottom) == pytest.approx((1, 1))
    across, down = (box.right - box.left) * 640, (box.bottom - box.top) * 480
    assert across / down == pytest.approx(size[0] / size[1])
    assert across == pytest.approx(480) or down == pytest.approx(360)


def test_jitter_moves_enlarges_and_recolours_within_bounds(photo: Example) -> None:
    plain, moved = (
        seen(photo, crop_jitter=0.2, variants=40)[0][0],
        seen(photo, crop_jitter=0.2, variants=40)[0][1:],
    )
    assert len(moved) == 39
    width = plain.box.right - plain.box.left
    for view in moved:
        box = view.box
        assert 0.8 - 1e-9 <= (box.right - box.left) / width < 1
        assert (box.right - box.left) * 640 == pytest.approx((box.bottom - box.top) * 480)  # not stretched
        assert min(box.left, box.top) >= 0.125 - 1e-9
        assert max(box.right, box.bottom) <= 0.875 + 1e-9
        assert (view.brightness, view.contrast, view.saturation) == (1, 1, 1)
    assert len({view.box for view in moved}) == 39
    assert min(v.box.left for v in moved) < plain.box.left < max(v.box.left for v in moved)

    views, looks = seen(photo, colour_jitter=0.3, variants=40)
    assert {view.box for view in views} == {plain.box}
    factors = [f for view in views[1:] for f in (view.brightness, view.contrast, view.saturation)]
    assert 0.7 <= min(factors) < 0.8
    assert 1.2 < max(factors) <= 1.3
    brighter = max(views[1:], key=lambda view: view.brightness)
    assert looks[views.index(brighter)].mean() > looks[0].mean()
    assert len({look.numpy().tobytes() for look in looks}) == 40


def test_the_first_view_is_the_photo_itself_and_the_seed_draws_the_others(photo: Example) -> None:
    _, (plain,) = seen(photo)
    first, looks = seen(photo, crop_jitter=0.1, colour_jitter=0.1, flip=True)
    assert len(looks) == 8
    assert torch.equal(looks[0], plain)
    assert all(torch.equal(look.flip(2), twin) or view.contrast != 1
               for view, look, twin in zip(first[:4], looks[:4], looks[4:], strict=True))  # fmt: skip
    assert seen(photo, crop_jitter=0.1, colour_jitter=0.1, flip=True)[0] == first
    assert seen(photo, crop_jitter=0.1, colour_jitter=0.1, flip=True, seed=1)[0][1] != first[1]
    assert len(seen(photo, variants=7)[1]) == 1  # nothing varies


@pytest.fixture
def family(studio: Studio) -> Family:
    return load_family(studio.base, device="cpu", precision="fp32")


def gathered(family: Family, photo: Example, cache: Path, **settings: Any) -> Material:
    cache.mkdir(exist_ok=True)
    return gather(family, [photo], TrainSettings(resolution=64, **settings), cache, lambda *_: None)


def test_each_view_is_read_once_and_kept_under_a_key_of_its_own(
    family: Family, photo: Example, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    (plain,) = gathered(family, photo, cache).latents
    files = set(cache.glob("latents-*"))
    assert (len(files), len(plain)) == (1, 1)
    (both,) = gathered(family, photo, cache, flip=True).latents
    added = set(cache.glob("latents-*")) - files
    assert torch.equal(both[:1], plain)
    (mirrored,) = (load_file(file)["latents"] for file in added)
    wanted = family.latents(seen(photo)[1][0].flip(2)[None])[0]
    assert torch.equal(mirrored, wanted)
    assert torch.equal(both[1], wanted)
    gathered(family, photo, cache, flip=True, aspect="buckets")
    gathered(family, photo, cache, crop_jitter=0.1, variants=3)
    assert len(set(cache.glob("latents-*"))) == 2 + 2 + 2
    Path(photo.path).unlink()  # all of it is cached
    assert torch.equal(gathered(family, photo, cache, flip=True).latents[0], both)


def test_a_photo_that_is_held_out_is_scored_as_it_is(family: Family, photo: Example, tmp_path: Path) -> None:
    held = msgspec.structs.replace(photo, held_out=True)
    found = gathered(family, held, tmp_path / "cache", flip=True, crop_jitter=0.2, aspect="buckets")
    assert len(found.latents[0]) == 1
    assert found.sizes[0] != (64, 64)
    assert found.latents[0].shape[2:] == (found.sizes[0][1] // family.shrink, found.sizes[0][0] // family.shrink)


def test_repeats_count_whatever_the_shape(family: Family, photo: Example, tmp_path: Path) -> None:
    tall = msgspec.structs.replace(photo, crop=Crop(0.25, 0, 0.6, 1), repeats=2)
    photos = [photo, tall, msgspec.structs.replace(photo, repeats=3)]
    (tmp_path / "cache").mkdir()

    def listed(aspect: Literal["square", "buckets"]) -> list[list[int]]:
        settings = TrainSettings(resolution=64, aspect=aspect, flip=True, colour_jitter=0.1)
        return gather(family, photos, settings, tmp_path / "cache", lambda *_: None).train

    assert listed("square") == [[0, 1, 1, 2, 2, 2]]
    assert listed("buckets") == [[1, 1], [0, 2, 2, 2]]


# The plan


def promised(studio: Studio, **changed: Any) -> dict[str, str]:
    settings = TrainSettings(
        **{"resolution": 64, "batch_size": 1, "holdout": 0.2, "steps": 6, "warmup": 1, **changed}
    )
    found = plan(studio.db, studio.home, studio.base, studio.dataset, settings)
    return {**dict(found.lines()), "note": " ".join(found.warnings)}


def test_the_plan_says_what_views_cost(studio: Studio) -> None:
    plain = promised(studio)
    assert not {"flip", "variants", "shapes", "masks"} & plain.keys()
    flipped = promised(studio, flip=True)["flip"]
    assert flipped.startswith("each mirrored too; twice the photos to read once: 5 more, ")
    both = promised(studio, flip=True, crop_jitter=0.1)
    assert both["variants"].startswith("4 of each photo; 4 times the photos to read once: 15 more, ")
    assert "twice the photos to read once: 20 more, " in both["flip"]
    assert "No face is symmetric" in both["note"]
    assert "variants=3 does nothing" in promised(studio, variants=3)["note"]

    large: dict[str, Any] = {
        "resolution": 256,
        "flip": True,
        "steps": 1,
        "holdout": 0.2,
        "warmup": 0,
        "checkpoint_every": 1,
    }
    said = promised(studio, **large)["flip"]
    studio.train(**large)
    held = [photo for photo in usable(studio) if photo.split == "holdout"]
    views = [load_file(file)["latents"] for file in studio.home.cache("mara").glob("latents-*")]
    assert len(views) == 2 * 5 + len(held)
    assert said.endswith(f"{5 * views[0].numel() * views[0].element_size() / 1e6:.1f} MB of cache")


def test_the_plan_names_the_shapes(studio: Studio) -> None:
    found = promised(studio, aspect="buckets", resolution=256, batch_size=4)
    assert found["shapes"].startswith("photos whole, in ")
    assert "256x256 (" in found["shapes"]
    assert "fewer photos than a batch of 4" in found["note"]


def usable(studio: Studio) -> list[Photo]:
    return datasets.photos(studio.db, studio.dataset.id, usable=True)


def test_captions_with_sides_are_told_of(studio: Studio) -> None:
    for photo in usable(studio)[:2]:
        datasets.set_caption(studio.db, photo.id, "ohwx woman with a bag in her Left hand")
    assert "2 captions with left or right in it" in promised(studio, flip=True, holdout=0.0)["note"]
    assert "left or right" not in promised(studio, holdout=0.0)["note"]


def test_what_suits_a_kind_can_be_chosen_otherwise(studio: Studio) -> None:
    for kind, flipped in (
        ("person", False),
        ("pet", True),
        ("style", True),
        ("object", False),
        ("garment", False),
    ):
        of_kind = datasets.add_dataset(studio.db, f"some-{kind}", "ohwx", "thing", kind)
        assert bool(defaults_for(studio.base, of_kind).get("flip")) == flipped, kind
