"""Pictures in the making: small, quick and rough, from latents without the VAE.

A linear map from latent channels to colour is good enough to see what a picture becomes. It is fitted by
least squares to the picture that was decoded last; the very first preview decodes one picture for it.
"""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from zen_tui.families.base import Family

LARGEST = 64  # pixels of a preview's longer side


class Projection:
    """The map from latents to colour of one base."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._map: Tensor | None = None  # (C + 1, 3)

    def learn(self, latents: Tensor, pixels: Tensor) -> None:
        """Fit the map to finished latents (N, C, h, w) and their pixels (N, 3, H, W) in 0..1."""
        latents = latents[:4].float().cpu()
        rows, columns = latents.shape[-2:]
        colors = adaptive_avg_pool2d(pixels[:4].float().cpu(), (rows, columns))
        self._map = torch.linalg.lstsq(_rows(latents), colors.permute(0, 2, 3, 1).reshape(-1, 3)).solution

    def images(self, latents: Tensor) -> list[Image.Image]:
        """A small image of each of the latents."""
        if self._map is None:
            self.learn(latents[:1], self._family.decode(latents[:1]))
        assert self._map is not None
        count, _, rows, columns = latents.shape
        colors = (_rows(latents.float().cpu()) @ self._map).reshape(count, rows, columns, 3)
        levels = (colors.clamp(0, 1) * 255).round().to(torch.uint8)
        factor = LARGEST / max(rows, columns)
        size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
        return [Image.fromarray(one.numpy()).resize(size, Image.Resampling.BICUBIC) for one in levels]


def _rows(latents: Tensor) -> Tensor:
    """One row a latent pixel: its channels and a one for the offset."""
    flat = latents.permute(0, 2, 3, 1).flatten(0, 2)
    return torch.cat([flat, torch.ones(len(flat), 1)], dim=1)
