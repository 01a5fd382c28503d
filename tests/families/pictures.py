"""One picture of a family, by Zen's engine and by the library's own pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray

from zen_tui.families.base import Family
from zen_tui.library.specs import PictureRequest

TOLERANCE = 1  # levels of 255, between Zen and the library
GUIDANCE = {"flux1": 3.5, "qwen-image": 4.0, "z-image": 2.0}
NO_NEGATIVE = ("flux1", "flux2-klein")  # pipelines that take no negative prompt


def wish(
    family: Family, negative: str = "", size: tuple[int, int] = (64, 64), scheduler: str = "default"
) -> PictureRequest:
    """A picture in three steps from seed 5."""
    return PictureRequest(
        prompt="a photo of a cat",
        negative="" if family.name in NO_NEGATIVE else negative,
        seed=5,
        width=size[0],
        height=size[1],
        steps=3,
        guidance=GUIDANCE.get(family.name, 4.0),
        scheduler=scheduler,
    )


def pipeline(folder: Path, family: Family) -> Any:
    """The library's own pipeline for the base in `folder`."""
    found = getattr(diffusers, family.profile.pipeline).from_pretrained(str(folder), local_files_only=True)
    found.set_progress_bar_config(disable=True)
    return found


def theirs(pipe: Any, family: Family, request: PictureRequest) -> NDArray[np.float32]:
    """What the library's own pipeline makes of `request`, (H, W, 3) in levels of 0..255."""
    guidance = request.guidance if family.variant.trains else 0.0
    options: dict[str, Any] = {"guidance_scale": guidance}
    if family.name == "qwen-image":
        options = {"true_cfg_scale": guidance, "negative_prompt": request.negative}
    elif request.negative:
        options["negative_prompt"] = request.negative
    made = pipe(
        prompt=request.prompt,
        width=request.width,
        height=request.height,
        num_inference_steps=request.steps,
        generator=torch.Generator().manual_seed(request.seed),
        output_type="np",
        **options,
    ).images[0]
    return np.asarray(made * 255, np.float32)
