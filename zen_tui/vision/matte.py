"""From a photo to a soft mask of its subject, with U²-Net or one of its kin."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zen_tui.exchange.mattes import Matte
from zen_tui.vision.device import best_device, too_large
from zen_tui.vision.onnx_graph import OnnxGraph

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CENTRED = ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0))  # IS-Net's


class Cutter(Protocol):
    """Finds the subject of photos."""

    def mask(self, photo: Image.Image) -> Image.Image:
        """Where the subject of `photo` (RGB) is: grey, as large as the photo, white is the subject."""


class OnnxCutter:
    """U²-Net and IS-Net from an ONNX file. Raises `BadFile` or `Refused` as `OnnxGraph` does."""

    def __init__(self, found: Matte, device: torch.device) -> None:
        self.found = found
        self.graph = OnnxGraph(found.file, device)

    def mask(self, photo: Image.Image) -> Image.Image:
        seen = pixels(photo, self.found.side, *(CENTRED if self.found.kind == "isnet" else IMAGENET))
        return as_mask(stretched(self.graph(seen)), photo.size)


def pixels(
    photo: Image.Image, side: int, mean: tuple[float, ...], spread: tuple[float, ...], *, brightest: bool = True
) -> Tensor:
    """(1, 3, side, side), normalised; with `brightest` the lightest value of the photo counts as 1."""
    small = photo.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
    values = torch.from_numpy(np.array(small)).permute(2, 0, 1).float()[None]
    values /= values.max().clamp(min=1e-6) if brightest else 255
    return (values - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(spread).view(3, 1, 1)


def stretched(scores: Tensor) -> Tensor:
    """`scores` from 0 to 1, as these networks' own code shows them; a flat picture stays as it is."""
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high - low > 1e-4 else scores


def as_mask(scores: Tensor, size: tuple[int, int]) -> Image.Image:
    """Scores of 0..1 (1, 1, h, w) as a grey picture of `size`."""
    values = (scores[0, 0].clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    small = Image.fromarray(values.contiguous().numpy())
    return small.resize(size, Image.Resampling.LANCZOS)


def load_cutter(found: Matte, device: torch.device | None = None) -> Cutter:
    """The matte that was `found`, on the best device there is unless one is given.

    Raises:
        BadFile: it is damaged, or not whole.
        Refused: it does what Zen does not run.
    """
    place = device or best_device()
    try:
        if found.kind == "birefnet":
            from zen_tui.vision.birefnet import BiRefNetCutter

            return BiRefNetCutter(found, place)
        return OnnxCutter(found, place)
    except torch.OutOfMemoryError:
        raise too_large(found.title) from None
