"""Photos keep their shape, and come equally often whatever it is."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
import torch

from zen_tui.families.flow import Flow
from zen_tui.library.records import Crop
from zen_tui.library.specs import TrainSettings
from zen_tui.training import chance
from zen_tui.training.buckets import WIDEST, buckets, lost, nearest_bucket, trained_size

CASES = [(256, 8), (256, 16), (512, 8), (512, 16), (512, 32), (520, 8), (768, 16), (1000, 8), (1024, 16)]


@pytest.mark.parametrize(("resolution", "multiple"), CASES)
def test_no_photo_up_to_two_to_one_loses_more_than_a_twentieth(resolution: int, multiple: int) -> None:
    for number in range(-300, 301):
        width, height = 1000 * 2 ** (number / 600), 1000 / 2 ** (number / 600)  # 1:2 to 2:1
        assert lost(width, height, nearest_bucket(width, height, resolution, multiple)) < 0.05, width / height


@pytest.mark.parametrize(("resolution", "multiple"), [*CASES, (64, 8), (96, 16), (64, 16)])
def test_shapes_suit_the_base_and_its_memory(resolution: int, multiple: int) -> None:
    shapes = buckets(resolution, multiple)
    assert (resolution, resolution) in shapes
    assert {(height, width) for width, height in shapes} == set(shapes)
    for width, height in shapes:
        assert width % multiple == height % multiple == 0
        assert 0.85 * resolution**2 <= width * height <= resolution**2
        assert 1 / WIDEST <= width / height <= WIDEST


def test_the_crop_has_the_shape_that_counts_and_similar_photos_share_one() -> None:
    whole = TrainSettings(aspect="buckets", resolution=512)
    assert trained_size(4000, 4000, None, whole, 8) == (512, 512)
    assert trained_size(4032, 3024, None, whole, 8) == trained_size(4000, 3000, None, whole, 8)
    wide, tall = trained_size(4032, 3024, None, whole, 8), trained_size(3024, 4032, None, whole, 8)
    assert wide[0] > wide[1]
    assert wide == tall[::-1]
    assert trained_size(4032, 3024, Crop(0.25, 0, 0.625, 1), whole, 8) == trained_size(1512, 3024, None, whole, 8)
    assert trained_size(9000, 1000, None, whole, 8) == trained_size(2000, 1000, None, whole, 8)
    assert trained_size(4032, 3024, None, TrainSettings(resolution=512), 8) == (512, 512)


@pytest.mark.parametrize("size", [1, 3])
def test_every_photo_comes_as_often_as_it_is_listed_whatever_its_shape(size: int) -> None:
    groups = [[0, 3, 3], [1], [2, 4, 5, 5, 5]]
    drawn: Counter[int] = Counter()
    batches: dict[int, list[int]] = defaultdict(list)
    for number in range(2 * 9):  # two cycles
        group, before = chance.turn_of([len(rows) for rows in groups], seed=3, batch=number)
        batches[group].append(before)
        batch = chance.draw(
            groups[group], Flow(), (1, 2, 2), seed=3, batch=number, size=size, caption_dropout=0.0,
            turn=(group, before),
        )  # fmt: skip
        assert set(batch.rows) <= set(groups[group])
        drawn.update(batch.rows)
        if number % 9 == 8:
            passes = size * (number + 1) // 9
            assert drawn == {0: passes, 1: passes, 2: passes, 3: 2 * passes, 4: passes, 5: 3 * passes}
    assert batches == {0: list(range(6)), 1: [0, 1], 2: list(range(10))}


def test_shapes_are_mixed_by_the_seed() -> None:
    orders = {
        seed: [chance.turn_of([4, 4], seed=seed, batch=number)[0] for number in range(16)] for seed in (0, 1)
    }
    assert orders[0] != orders[1]
    assert orders[0][:8] != orders[0][8:]
    assert [chance.turn_of([5], seed=0, batch=number) for number in range(3)] == [(0, 0), (0, 1), (0, 2)]


def test_the_view_follows_from_seed_and_step() -> None:
    def seen(seed: int, number: int) -> list[int]:
        batch = chance.draw(
            [0, 1], Flow(), (1, 2, 2), seed=seed, batch=number, size=4, caption_dropout=0.0, views=[4, 1]
        )
        assert all(view == 0 for row, view in zip(batch.rows, batch.views, strict=True) if row == 1)
        return [view for row, view in zip(batch.rows, batch.views, strict=True) if row == 0]

    torch.manual_seed(1)
    first = [seen(0, number) for number in range(100)]
    torch.manual_seed(2)
    assert [seen(0, number) for number in range(100)] == first
    assert [seen(1, number) for number in range(100)] != first
    counts = Counter(view for views in first for view in views)
    assert set(counts) == {0, 1, 2, 3}
    assert min(counts.values()) > 30  # of 200
