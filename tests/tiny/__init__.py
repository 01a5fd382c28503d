"""Pipelines of every family with random weights, small enough to train in seconds, as diffusers folders."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

FAMILIES = (
    ("sd15", ""),
    ("sd15", "2"),
    ("sdxl", ""),
    ("flux2-klein", "base"),
    ("flux2-klein", "distilled"),
    ("z-image", ""),
    ("z-image", "turbo"),
    ("flux1", "dev"),
    ("flux1", "schnell"),
    ("chroma", ""),
    ("sd35", ""),
    ("qwen-image", ""),
)
"""Every family and variant that `save_tiny` can write."""

TRAINED = tuple(which for which in FAMILIES if which[1] not in ("distilled", "turbo", "schnell"))
"""Those that may be trained."""

QUICK = (("sd15", ""), ("flux2-klein", "base"), ("z-image", ""))
"""Those that every test run goes through; the others are slow."""

TinyFolder = Callable[[str, str], Path]


def each_family(*, trains: bool = False) -> pytest.MarkDecorator:
    """Parametrise a test by `name` and `variant`; all but the quick ones are marked slow."""
    cases = [
        pytest.param(*which, id="-".join(filter(None, which)), marks=[pytest.mark.slow][: which not in QUICK])
        for which in (TRAINED if trains else FAMILIES)
    ]
    return pytest.mark.parametrize(("name", "variant"), cases)


def save_tiny(family: str, folder: Path, variant: str = "") -> Path:
    """Write a random base of `family` as a diffusers folder; the same weights every time, in fp32."""
    import torch

    from tests.tiny.pipelines import BUILDERS

    state = torch.get_rng_state()
    torch.manual_seed(0)
    BUILDERS[family](variant).save_pretrained(folder, safe_serialization=True)
    torch.set_rng_state(state)
    return folder


def save_tiny_base(folder: Path, prediction_type: str = "epsilon") -> Path:
    """Write a random 64x64 Stable Diffusion 1, which predicts noise, or velocity as version 2 does."""
    import torch

    from tests.tiny.pipelines import stable_diffusion

    state = torch.get_rng_state()
    torch.manual_seed(0)
    stable_diffusion(prediction_type=prediction_type).save_pretrained(folder, safe_serialization=True)
    torch.set_rng_state(state)
    return folder


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny Stable Diffusion 1; tests must not write into it."""
    return save_tiny_base(tmp_path_factory.mktemp("bases") / "tiny")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> TinyFolder:
    """The folder of a tiny base by family and variant, written once; tests must not write into it."""

    @cache
    def folder(name: str, variant: str) -> Path:
        return save_tiny(name, tmp_path_factory.mktemp("tiny") / f"{name}-{variant or 'plain'}", variant)

    return folder
