"""Styles: how the layers of a rendered mannequin become a photo, a painting, a drawing."""

import math
from typing import NamedTuple

import torch
from torch.nn import functional


class Layers(NamedTuple):
    """All (C, H, W) in 0..1 but depth: lit colour, own colour, light, coverage, depth, and the place behind."""

    color: torch.Tensor
    own: torch.Tensor
    light: torch.Tensor
    cover: torch.Tensor
    depth: torch.Tensor
    place: torch.Tensor


def _blur(image: torch.Tensor, radius: float) -> torch.Tensor:
    """Box blur by a radius given in pixels of a 128 picture."""
    r = max(1, round(radius * image.shape[-1] / 128))
    padded = functional.pad(image[None], (r, r, r, r), mode="reflect")
    return functional.avg_pool2d(padded, 2 * r + 1, 1)[0]


def _waves(image: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    axis = torch.linspace(-1, 1, image.shape[-1])
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    turn = (seed % 628) / 100
    x, y = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
    fine = torch.sin(61 * x + 5 * torch.sin(23 * y)) * torch.sin(57 * y + 5 * torch.sin(19 * x))
    broad = torch.sin(7 * x + 2 * torch.sin(5 * y)) * torch.sin(6 * y + 2 * torch.sin(4 * x))
    return fine, broad


def _edges(image: torch.Tensor) -> torch.Tensor:
    """Strength of the borders, (1, H, W), independent of the size of the picture."""
    d = max(1, image.shape[-1] // 128)
    wide = functional.pad(image[None], (d, d, d, d), mode="replicate")[0]
    across = (wide[:, d:-d, 2 * d :] - wide[:, d:-d, : -2 * d]).abs()
    down = (wide[:, 2 * d :, d:-d] - wide[:, : -2 * d, d:-d]).abs()
    return torch.maximum(across, down).amax(0, keepdim=True)


def _lay(front: torch.Tensor, layers: Layers) -> torch.Tensor:
    return layers.place + (front - layers.place) * layers.cover


def _photo(layers: Layers) -> torch.Tensor:
    return _blur(layers.place, 0.8) * (1 - layers.cover) + layers.color * layers.cover


def _oil(image: torch.Tensor, seed: int) -> torch.Tensor:
    """Each point takes the calmest of four neighbourhoods: strokes with clean borders."""
    r = max(1, round(2 * image.shape[-1] / 128))
    padded = functional.pad(image[None], (2 * r, 2 * r, 2 * r, 2 * r), mode="reflect")
    mean = functional.avg_pool2d(padded, 2 * r + 1, 1)
    rough = (functional.avg_pool2d((padded * padded).sum(1, keepdim=True), 2 * r + 1, 1)) - (mean * mean).sum(
        1, keepdim=True
    )
    h, w = image.shape[-2:]
    corners = [(a, b) for a in (0, 2 * r) for b in (0, 2 * r)]
    best, calm = mean[0, :, :h, :w], rough[0, :, :h, :w]
    for a, b in corners[1:]:
        there = rough[0, :, a : a + h, b : b + w]
        best = torch.where(there < calm, mean[0, :, a : a + h, b : b + w], best)
        calm = torch.minimum(calm, there)
    fine, broad = _waves(image, seed)
    grey = best.mean(0, keepdim=True)
    rich = grey + (best - grey) * 1.35
    return rich * (1.02 + 0.07 * fine + 0.05 * broad) + torch.tensor((0.025, 0.005, -0.03)).view(3, 1, 1)


def _watercolour(layers: Layers, seed: int) -> torch.Tensor:
    soft = _blur(_lay(layers.color * 0.55 + layers.own * 0.45, layers), 1.2)
    fine, broad = _waves(soft, seed)
    steps = (soft + 0.04 * broad) * 6
    wash = (steps.floor() + ((steps - steps.floor() - 0.4) * 5).clamp(0, 1)) / 6 * 0.5 + soft * 0.5
    axis = torch.linspace(-1, 1, soft.shape[-1])
    reach = torch.maximum(axis[:, None].abs(), axis[None, :].abs()) + 0.10 * broad
    paper = ((reach - 0.84) / 0.10).clamp(0, 1) * (1 - 0.7 * layers.cover)
    pale = 0.30 + 0.70 * wash - 0.5 * (_edges(soft) - 0.05).clamp(0, 0.25) + 0.015 * fine
    return pale + (0.98 - pale) * paper


def _pencil(layers: Layers, seed: int) -> torch.Tensor:
    whole = _lay(layers.color, layers)
    grey = whole.mean(0, keepdim=True)
    outline = _edges(layers.depth.clamp(-1, 1) * 1.2 * layers.cover) * 1.2 + _edges(whole) * 1.6
    axis = torch.linspace(-1, 1, grey.shape[-1])
    lean = 110 * (axis[None, :] + axis[:, None]) + 3 * torch.sin(9 * axis[:, None])
    hatch = (torch.sin(lean) * 0.5 + 0.5) * (0.62 - grey).clamp(0, 0.5)
    cross = (torch.sin(110 * (axis[None, :] - axis[:, None])) * 0.5 + 0.5) * (0.32 - grey).clamp(0, 0.3)
    fine, _ = _waves(grey, seed)
    shade = 0.97 - 0.85 * hatch - 0.9 * cross - 0.22 * (1 - grey) * layers.cover + 0.02 * fine
    shade = shade + (0.93 - shade) * 0.45 * (1 - layers.cover)
    return (shade - outline.clamp(0, 0.8)).clamp(0.08, 1) * torch.tensor((1.0, 0.99, 0.965)).view(3, 1, 1)


def _cartoon(layers: Layers) -> torch.Tensor:
    tone = 0.78 + 0.34 * ((layers.light - 0.62) / 0.06).clamp(0, 1)
    flat = layers.own * tone
    grey = flat.mean(0, keepdim=True)
    flat = grey + (flat - grey) * 1.25 + 0.03
    place = (_blur(layers.place, 1.0) * 6).round() / 6
    image = place + (flat - place) * (layers.cover > 0.5)
    ink = (_edges(layers.depth.clamp(-0.6, 1)) - 0.10) / 0.10 + (
        _edges(layers.own) * layers.cover - 0.32
    ) / 0.2 * 0.8
    return image * (1 - ink.clamp(0, 1))


def stylise(style: str, layers: Layers, seed: int) -> torch.Tensor:
    """The finished picture (3, H, W) in 0..1."""
    match style:
        case "oil painting":
            image = _oil(_lay(layers.color, layers), seed)
        case "watercolour":
            image = _watercolour(layers, seed)
        case "pencil sketch":
            image = _pencil(layers, seed).expand(3, -1, -1)
        case "cartoon":
            image = _cartoon(layers)
        case _:
            image = _photo(layers)
    return image.clamp(0, 1)
