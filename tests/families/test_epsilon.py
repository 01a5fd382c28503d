"""The noise process against its closed form."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.families.conftest import open_family
from tests.tiny import save_tiny_base
from zen_tui.families.base import Family
from zen_tui.families.epsilon import Epsilon

ALPHAS = torch.linspace(0.999, 0.01, 1000)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_noise_and_target_are_the_closed_form(kind: str) -> None:
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 3, 4, 5, 5, generator=generator)
    s = torch.tensor([0, 400, 999])
    noisy, target = Epsilon(ALPHAS, kind).corrupt(clean, noise, s)
    for row in range(3):
        signal, spread = ALPHAS[s[row]] ** 0.5, (1 - ALPHAS[s[row]]) ** 0.5
        assert torch.allclose(noisy[row], signal * clean[row] + spread * noise[row])
        wanted = noise[row] if kind == "epsilon" else signal * noise[row] - spread * clean[row]
        assert torch.allclose(target[row], wanted)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_weights_are_min_snr(kind: str) -> None:
    s = torch.tensor([0, 200, 800])
    snr = ALPHAS[s] / (1 - ALPHAS[s])
    capped = torch.minimum(snr, torch.tensor(5.0))
    wanted = capped / snr if kind == "epsilon" else capped / (snr + 1)
    assert torch.allclose(Epsilon(ALPHAS, kind, gamma=5.0).weight(s), wanted)
    assert torch.equal(Epsilon(ALPHAS, kind).weight(s), torch.ones(3))


def test_times_are_drawn_over_the_whole_process() -> None:
    objective = Epsilon(ALPHAS, "epsilon")
    drawn = objective.sample(20_000, torch.Generator().manual_seed(0))
    assert (int(drawn.min()), int(drawn.max())) == (0, 999)
    assert abs(float(drawn.float().mean()) - 499.5) < 10
    assert objective.grid(4).tolist() == [125, 375, 625, 875]


def test_a_base_says_which_target_it_was_trained_on(family: Family, tmp_path: Path) -> None:
    assert not family.objective().velocity  # type: ignore[attr-defined]
    other = open_family(save_tiny_base(tmp_path / "v", "v_prediction"))
    assert other.objective().velocity  # type: ignore[attr-defined]
