"""A photo as the model sees it: decoded once, then one tensor a view."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from zen_tui.library.errors import BadFile
from zen_tui.library.specs import TrainSettings
from zen_tui.photos.open import open_upright
from zen_tui.training.beginning import Example
from zen_tui.training.buckets import Size, trained_size
from zen_tui.training.views import View, plain_view


def open_photo(example: Example, size: Size) -> Image.Image:
    """The photo upright, with at least twice the pixels of `size` in its plain view if it has them.

    It is scaled alike whichever of its views are wanted, so that each looks the same in every training.

    Raises:
        BadFile: the stored photo is gone or damaged.
    """
    box = plain_view(example.width, example.height, example.crop, size).box
    scale = 2 * size[0] / ((box.right - box.left) * example.width)
    try:
        return open_upright(Path(example.path), largest=math.ceil(scale * max(example.width, example.height)))
    except BadFile as error:
        raise BadFile(
            f"A photo of the dataset cannot be read: {Path(example.path).name}, {error.message}.",
            "Take it out of the dataset, or import it again.",
        ) from None


def pixels(picture: Image.Image, view: View, size: Size) -> Tensor:
    """`view` of an upright photo at `size`, (3, H, W) in 0..1."""
    seen = picture.resize(size, Image.Resampling.LANCZOS, box=pixel_box(picture, view))
    if view.mirrored:
        seen = ImageOps.mirror(seen)
    if view.brightness != 1:
        seen = ImageEnhance.Brightness(seen).enhance(view.brightness)
    if view.contrast != 1:
        seen = ImageEnhance.Contrast(seen).enhance(view.contrast)
    if view.saturation != 1:
        seen = ImageEnhance.Color(seen).enhance(view.saturation)
    return torch.from_numpy(np.array(seen)).permute(2, 0, 1).float() / 255


def as_trained(photo: Example, settings: TrainSettings, multiple: int) -> Image.Image:
    """A photo as it is trained on, neither mirrored nor jittered. Raises `BadFile`."""
    size = trained_size(photo.width, photo.height, photo.crop, settings, multiple)
    view = plain_view(photo.width, photo.height, photo.crop, size)
    levels = (pixels(open_photo(photo, size), view, size) * 255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy())


def pixel_box(picture: Image.Image, view: View) -> tuple[float, float, float, float]:
    """The rectangle of `view` in pixels of `picture`; rounding never puts it outside."""
    width, height, box = picture.width, picture.height, view.box
    return (
        max(0.0, box.left * width),
        max(0.0, box.top * height),
        min(float(width), box.right * width),
        min(float(height), box.bottom * height),
    )
