"""Identity and adherence on cases that can be checked by hand."""

from __future__ import annotations

import pytest
import torch

from zen_tui.scoring.adherence import by_attribute, share
from zen_tui.scoring.identity import likeness, mean_identity, top1, variety


def test_top1_counts_pictures_nearest_to_the_person() -> None:
    person = torch.tensor([1.0, 0.0, 0.0])
    others = torch.eye(3)[1:] * 5  # length must not matter
    seen = torch.tensor([[0.9, 0.1, 0.0], [3.0, 2.9, 0.0], [0.4, 0.5, 0.0], [0.0, 0.0, 1.0]])
    assert top1(seen, person, others) == 0.5
    assert likeness(seen[-1:], person) == 0.0
    assert likeness(person[None], person) == pytest.approx(1.0)


def test_the_mean_of_a_person_is_the_shared_direction() -> None:
    mean = mean_identity(torch.tensor([[10.0, 1.0], [0.1, -0.01]]))
    assert mean.tolist() == pytest.approx([1.0, 0.0], abs=1e-6)


def test_variety_is_the_mean_distance_of_pairs() -> None:
    assert variety(torch.eye(3)) == pytest.approx(1.0)
    assert variety(torch.ones(4, 3)) == pytest.approx(0.0, abs=1e-6)
    assert variety(torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])) == pytest.approx(4 / 3)


def test_adherence_counts_only_what_was_asked() -> None:
    prompts = ["a photo of a woman in a red suit", "a cartoon of a man", "ohwx"]
    seen = [
        {"style": "photo", "gender": "woman", "garment_color": "blue", "background": "beach"},
        {"style": "cartoon", "gender": "woman", "garment_color": "blue", "background": "beach"},
        {"style": "cartoon", "gender": "woman", "garment_color": "blue", "background": "beach"},
    ]
    counts = by_attribute(prompts, seen)
    assert counts == {"style": (2, 2), "gender": (1, 2), "garment_color": (0, 1)}
    assert share(counts.values()) == pytest.approx(3 / 5)
    assert share([]) == 1.0
