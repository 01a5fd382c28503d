"""Every family against the library's own pipeline: the same words, latents and pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from tests.families.conftest import open_family
from tests.tiny import FAMILIES
from zen_tui.families.base import Family
from zen_tui.generation.engine import Engine
from zen_tui.library.specs import PictureRequest

QUICK = (("sd15", ""), ("flux2-klein", "base"), ("z-image", ""))
EVERY = [
    pytest.param(*which, marks=() if which in QUICK else pytest.mark.slow, id="-".join(filter(None, which)))
    for which in FAMILIES
]
GUIDANCE = {"flux1": 3.5, "qwen-image": 4.0, "z-image": 2.0}
TOLERANCE = 1  # levels of 255


def pipeline(folder: Path, family: Family) -> Any:
    """The library's own pipeline for the base in `folder`."""
    found = getattr(diffusers, family.profile.pipeline).from_pretrained(str(folder), local_files_only=True)
    found.set_progress_bar_config(disable=True)
    return found


def theirs(pipe: Any, family: Family, prompt: str, negative: str, size: tuple[int, int], steps: int) -> Any:
    """The picture that the library's own pipeline makes from seed 5."""
    name, guidance = family.name, GUIDANCE.get(family.name, 4.0)
    options: dict[str, Any] = {"guidance_scale": guidance}
    if name == "qwen-image":
        options = {"true_cfg_scale": guidance, "negative_prompt": negative}
    elif name not in ("flux1", "flux2-klein"):
        options["negative_prompt"] = negative or None
    if name == "flux2-klein" or (name == "z-image" and not family.variant.trains):
        options["guidance_scale"] = guidance if family.variant.trains else 0.0
    return pipe(
        prompt=prompt,
        width=size[0],
        height=size[1],
        num_inference_steps=steps,
        generator=torch.Generator().manual_seed(5),
        output_type="np",
        **options,
    ).images[0]


@pytest.mark.parametrize(("name", "variant"), EVERY)
def test_pictures_are_the_librarys(tiny_folder: Callable[[str, str], Path], name: str, variant: str) -> None:
    folder = tiny_folder(name, variant)
    family = open_family(folder, name, variant)
    pipe = pipeline(folder, family)
    other = "" if name in ("flux1", "flux2-klein") else "a dog"  # those pipelines take no negative prompt
    for size, negative in (((64, 64), ""), ((96, 64), other)):
        wish = PictureRequest(
            prompt="a photo of a cat",
            negative=negative,
            seed=5,
            width=size[0],
            height=size[1],
            steps=3,
            guidance=GUIDANCE.get(name, 4.0),
        )
        ours = np.asarray(dict(Engine(family).draw([wish]))[0], np.float32)
        expected = theirs(pipe, family, "a photo of a cat", negative, size, 3) * 255
        assert ours.shape == (size[1], size[0], 3)
        assert float(np.ptp(expected)) > 20, "an even picture would prove nothing"
        assert np.abs(ours - expected).max() <= TOLERANCE
