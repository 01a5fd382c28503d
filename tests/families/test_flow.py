"""The straight line from picture to noise, and how its times are moved."""

from __future__ import annotations

import math

import diffusers
import pytest
import torch

from tests.families.conftest import open_family
from tests.tiny import TinyFolder
from zen_tui.families.flow import Flow, linear_mu, shift
from zen_tui.families.flux2 import empirical_mu


def test_noise_and_target_are_the_closed_form() -> None:
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 3, 4, 5, 5, generator=generator)
    s = torch.tensor([0.0, 0.25, 1.0])
    noisy, target = Flow().corrupt(clean, noise, s)
    assert torch.equal(noisy[0], clean[0])
    assert torch.allclose(noisy[1], 0.75 * clean[1] + 0.25 * noise[1])
    assert torch.equal(noisy[2], noise[2])
    assert torch.equal(target, noise - clean)
    assert torch.equal(Flow().weight(s), torch.ones(3))


def test_times_are_drawn_around_the_middle_and_moved_towards_noise() -> None:
    drawn = Flow().sample(20_000, torch.Generator().manual_seed(0))
    moved = Flow(3.0).sample(20_000, torch.Generator().manual_seed(0))
    assert 0 < float(drawn.min()) < float(drawn.max()) < 1
    assert abs(float(drawn.median()) - 0.5) < 0.01
    assert torch.allclose(moved, 3 * drawn / (1 + 2 * drawn))
    assert torch.equal(moved, Flow(3.0).sample(20_000, torch.Generator().manual_seed(0)))
    assert Flow().grid(4).tolist() == [0.125, 0.375, 0.625, 0.875]


@pytest.mark.parametrize(
    "config",
    [
        {"shift": 3.0},
        {"use_dynamic_shifting": True},
        {"use_dynamic_shifting": True, "time_shift_type": "linear"},
    ],
)
def test_times_are_moved_as_the_scheduler_moves_them(config: dict[str, object]) -> None:
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(**config)
    mu = linear_mu(scheduler.config, 1024)
    scheduler.set_timesteps(sigmas=[0.9, 0.5, 0.1], mu=mu)
    ours = Flow(shift(scheduler.config, mu)).time_at(torch.tensor([0.9, 0.5, 0.1]))
    assert torch.allclose(ours, scheduler.sigmas[:3], atol=1e-6)


def test_larger_pictures_are_trained_nearer_to_noise(tiny_folder: TinyFolder) -> None:
    family = open_family(tiny_folder("flux2-klein", "base"), "flux2-klein", "base")
    small, large = (family.objective(size=(side, side)).grid(1) for side in (64, 512))
    assert float(small) < float(large)
    still = open_family(tiny_folder("z-image", ""), "z-image")
    assert torch.equal(still.objective(size=(64, 64)).grid(3), still.objective(size=(512, 512)).grid(3))


def test_the_shift_of_flux2_meets_its_two_measured_lines() -> None:
    assert empirical_mu(1024, 10) == pytest.approx(8.73809524e-05 * 1024 + 1.89833333)
    assert empirical_mu(1024, 200) == pytest.approx(0.00016927 * 1024 + 0.45666666)
    assert empirical_mu(5000, 10) == empirical_mu(5000, 200)
    assert math.isclose(linear_mu({}, 256), 0.5)
    assert math.isclose(linear_mu({}, 4096), 1.15)
