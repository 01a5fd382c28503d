"""Masks: where the subject is in a photo, and so what an error counts there.

A mask is a grey PNG of its photo's shape, white where the subject is.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from zen_tui.library.errors import BadFile
from zen_tui.library.text import shown
from zen_tui.photos.open import MAX_PIXELS, read
from zen_tui.training.beginning import Example
from zen_tui.training.pixels import pixel_box
from zen_tui.training.views import View


def open_mask(example: Example) -> Image.Image:
    """The mask of a photo that has one.

    Raises:
        BadFile: it is gone, damaged, not grey, of another shape than its photo, or not what the run began with.
    """
    path = Path(example.mask_path)
    try:
        data = read(path)
        if hashlib.sha256(data).hexdigest() != example.mask:
            raise BadFile("it has changed since the run began")
        return _decoded(data, example)
    except BadFile as error:
        raise BadFile(
            f"The mask of a photo cannot be used: {shown(path.name)}, {error.message}.",
            "Make the mask again, take it away, or set masked_loss to off.",
        ) from None


def _decoded(data: bytes, example: Example) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as mask:
            size = mask.size
            if size[0] * size[1] > MAX_PIXELS:
                raise BadFile("too large")
            mask.load()
            mode, found = mask.mode, mask.copy()
    except BadFile:
        raise
    except Exception:  # decoders raise whatever they like on damaged files
        raise BadFile("damaged: it cannot be decoded") from None
    if mode != "L":
        raise BadFile("not a grey picture of 8 bits")
    wanted = size[1] * example.width / example.height
    if abs(size[0] - wanted) > 1 + 0.01 * wanted:
        raise BadFile(
            f"of another shape than its photo: {size[0]}x{size[1]} beside {example.width}x{example.height}"
        )
    return found


def coverage(mask: Image.Image, view: View, rows: int, columns: int) -> Tensor:
    """How much of each latent is subject, 0..1, (1, rows, columns), in the geometry of `view`."""
    seen = mask.resize((columns, rows), Image.Resampling.BOX, box=pixel_box(mask, view))
    if view.mirrored:
        seen = ImageOps.mirror(seen)
    return torch.from_numpy(np.array(seen))[None].float() / 255


def weights(covered: Tensor, outside: float) -> Tensor:
    """What the squared error counts at each latent, (V, 1, h, w): 1 on the subject to `outside` off it, scaled.

    It is scaled so that the mean over each picture is 1: the loss is then the weighted mean of the squared
    errors, as large as without a mask where errors are alike everywhere, and all white is exactly no mask. So
    do OneTrainer (`masked_losses` with `normalize_masked_area_loss`) and ai-toolkit ("make avg 1.0"). Where
    nothing would count, all counts alike.
    """
    found = 1 - (1 - outside) * (1 - covered)
    mean = found.mean((1, 2, 3), keepdim=True)
    return torch.where(mean > 0, found / mean.clamp(min=1e-12), torch.ones_like(found))
