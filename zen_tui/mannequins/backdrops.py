"""Places behind the mannequin, painted from a few random numbers on any size of grid."""

import random
from collections.abc import Callable
from typing import TypeAlias

import torch

from zen_tui.mannequins.palette import Color

Grid: TypeAlias = torch.Tensor  # (H, W); x and y in -1..1, y up


def _tone(color: Color, light: Grid | float = 1.0) -> torch.Tensor:
    return torch.tensor(color).view(3, 1, 1) * light


def _fade(low: Color, high: Color, amount: Grid) -> torch.Tensor:
    return _tone(low) + (_tone(high) - _tone(low)) * amount.clamp(0, 1)


def _put(image: torch.Tensor, paint: torch.Tensor, edge: Grid, soft: float = 0.015) -> torch.Tensor:
    mask = (edge / soft + 0.5).clamp(0, 1)
    return image + (paint - image) * mask


def _box(x: Grid, y: Grid, cx: float, cy: float, w: float, h: float) -> Grid:
    return torch.minimum(w - (x - cx).abs(), h - (y - cy).abs())


def _sky(y: Grid) -> torch.Tensor:
    return _fade((0.80, 0.90, 0.98), (0.36, 0.62, 0.93), (y + 0.2) * 0.9)


def _clouds(image: torch.Tensor, x: Grid, y: Grid, r: random.Random) -> torch.Tensor:
    for _ in range(3):
        cx, cy, w = r.uniform(-1, 1), r.uniform(0.35, 0.95), r.uniform(0.2, 0.4)
        puff = 1 - ((x - cx) / w) ** 2 - ((y - cy) / (w * 0.28)) ** 2 + 0.3 * torch.sin(9 * x / w + cy * 9)
        image = _put(image, _tone((0.97, 0.97, 0.98)), puff * 0.5, 0.5)
    return image


def studio(x: Grid, y: Grid, r: random.Random) -> torch.Tensor:
    tint = (r.uniform(0.25, 0.62), r.uniform(0.25, 0.62), r.uniform(0.28, 0.65))
    glow = 1.30 - 0.75 * ((x - r.uniform(-0.4, 0.4)) ** 2 + (y - 0.15) ** 2).sqrt()
    return _tone(tint, glow.clamp(0.35, 1.35))


def white(x: Grid, y: Grid, r: random.Random) -> torch.Tensor:
    base = r.uniform(0.93, 0.98)
    return _tone((base, base, base + 0.01), 1 - 0.02 * (x * x + y * y))


def beach(x: Grid, y: Grid, r: random.Random) -> torch.Tensor:
    sea, sand = r.uniform(-0.05, 0.2), r.uniform(-0.5, -0.3)
    image = _clouds(_sky(y), x, y, r)
    water = _fade((0.16, 0.62, 0.70), (0.07, 0.36, 0.62), (y - sand) / (sea - sand))
    image = _put(image, water + 0.05 * torch.sin(70 * y + 5 * torch.sin(7 * x)), sea - y)
    shore = sand + 0.05 * torch.sin(5 * x + r.uniform(0, 6))
    image = _put(image, _tone((0.95, 0.97, 0.97)), shore + 0.035 - y, 0.03)
    return _put(image, _fade((0.80, 0.68, 0.46), (0.93, 0.84, 0.62), y + 1.1), shore - y, 0.02)


def forest(x: Grid, y: Grid, r: random.Random) -> torch.Tensor:
    image = _fade((0.10, 0.26, 0.09), (0.55, 0.72, 0.38), y * 0.55 + 0.45)
    for layer in range(10):
        cx, w = r.uniform(-1.1, 1.1), r.uniform(0.02, 0.07) * (0.6 + layer * 0.08)
        shade = 1.25 - layer * 0.07
        trunk = w * (1.1 - 0.25 * y) - (x - cx + 0.03 * torch.sin(3 * y + cx * 7)).abs()
        bark = _tone((0.30, 0.20, 0.12), (shade + 0.15 * torch.sin(60 * x + 6 * y)).clamp(0.3))
        image = _put(image, bark, trunk)
    leaves = torch.sin(13 * x + 3 * torch.sin(7 * y + r.uniform(0, 6))) * torch.sin(11 * y + 3 * torch.sin(9 * x))
    crown = leaves * 0.5 + (y - 0.35) * 1.2
    image = _put(image, _fade((0.07, 0.30, 0.07), (0.35, 0.60, 0.18), leaves * 0.5 + 0.5), crown, 0.35)
    return _put(
        image,
        _fade((0.16, 0.33, 0.10), (0.28, 0.48, 0.15), leaves * 0.5 + 0.5),
        -0.62 + 0.05 * leaves - y,
        0.08,
    )


def city(x: Grid, y: Grid, r: random.Random) -> torch.Tensor:
    image = _fade((0.86, 0.88, 0.90), (0.55, 0.70, 0.88), y * 0.6 + 0.4)
    for layer in range(9):
        cx, w, top = r.uniform(-1.1, 1.1), r.uniform(0.12, 0.24), r.uniform(-0.1, 0.95) - layer * 0.04
        tone = r.choice(((0.46, 0.50, 0.58), (0.58, 0.48, 0.42), (0.40, 0.43, 0.48), (0.66, 0.62, 0.56)))
        image = _put(image, _tone(tone, 1.0), _box(x, y, cx, top - 2, w, 2))
        panes = torch.minimum(torch.sin(52 * (x - cx)), torch.sin(44 * (y - top))) - 0.05
        lit = _tone((0.95, 0.88, 0.60)) if r.random() < 0.4 else _tone((0.24, 0.30, 0.40))
        image = _put(image, lit, torch.minimum(panes * 0.1, _box(x, y, cx, top - 2.04, w - 0.02, 2)), 0.04)
    return _put(image, _tone((0.30, 0.30, 0.32)), -0.78 - y)


def mountains(x: Grid, y: Grid, r: random.Random) -> torch.Tensor:
    image = _clouds(_sky(y), x, y, r)
    for layer in range(3):
        cx, top = r.uniform(-1, 1), r.uniform(0.45, 0.85) - 0.28 * layer
        other, lower = r.uniform(-1, 1), top - r.uniform(0.1, 0.3)
        ridge = torch.maximum(top - 1.1 * (x - cx).abs(), lower - 0.8 * (x - other).abs())
        ridge = ridge + 0.035 * torch.sin(17 * x + cx * 9) + 0.02 * torch.sin(41 * x + layer)
        slope = 0.85 + 0.25 * torch.sin(11 * x + 8 * y)
        rock = _tone(((0.42, 0.46, 0.58), (0.36, 0.40, 0.46), (0.26, 0.38, 0.28))[layer], slope)
        snow = _tone((0.95, 0.96, 0.99))
        image = _put(image, rock, ridge - y)
        snowline = top - 0.22 + 0.05 * torch.sin(29 * x)
        image = _put(image, snow, torch.minimum(ridge - y, y - snowline)) if layer < 2 else image
    return image


def office(x: Grid, y: Grid, r: random.Random) -> torch.Tensor:
    wall = (r.uniform(0.72, 0.86), r.uniform(0.72, 0.84), r.uniform(0.70, 0.84))
    image = _tone(wall, 1.02 + 0.08 * y)
    side = r.choice((-1, 1))
    image = _put(image, _tone((0.97, 0.97, 0.97)), _box(x, y, side * 0.66, 0.32, 0.34, 0.48))
    pane = _fade((0.72, 0.86, 0.97), (0.52, 0.75, 0.95), y)
    for dx in (-0.155, 0.155):
        image = _put(image, pane, _box(x, y, side * 0.66 + dx, 0.32, 0.135, 0.43))
    image = _put(image, _tone((0.42, 0.28, 0.17)), _box(x, y, -side * 0.72, -0.05, 0.26, 0.85))
    for shelf in range(4):
        cy = 0.55 - 0.36 * shelf
        image = _put(image, _tone((0.22, 0.14, 0.09)), _box(x, y, -side * 0.72, cy, 0.23, 0.15))
        hue = torch.sin(43 * x + shelf * 2) * 0.5 + 0.5
        book = _fade(
            r.choice(((0.7, 0.2, 0.2), (0.2, 0.4, 0.6))),
            r.choice(((0.85, 0.75, 0.5), (0.25, 0.5, 0.35))),
            hue,
        )
        image = _put(image, book, _box(x, y, -side * 0.72, cy - 0.03, 0.22, 0.11))
    return _put(image, _tone((0.50, 0.36, 0.24)), -0.72 - y)


def night_sky(x: Grid, y: Grid, r: random.Random) -> torch.Tensor:
    image = _fade((0.16, 0.12, 0.32), (0.02, 0.03, 0.13), y * 0.5 + 0.5)
    for _ in range(46):
        cx, cy, size = r.uniform(-1, 1), r.uniform(-0.75, 1), r.uniform(0.008, 0.018)
        image = _put(image, _tone((0.97, 0.96, 0.88)), size - ((x - cx) ** 2 + (y - cy) ** 2).sqrt(), 0.012)
    mx, my = r.choice((-1, 1)) * r.uniform(0.6, 0.8), r.uniform(0.55, 0.8)
    moon = 0.15 - ((x - mx) ** 2 + (y - my) ** 2).sqrt()
    image = image + _tone((0.25, 0.25, 0.32), torch.exp(-((moon - 0.15) ** 2) * 9))
    image = _put(image, _tone((0.97, 0.95, 0.82)), moon)
    hills = -0.72 + 0.06 * torch.sin(4 * x + r.uniform(0, 6))
    return _put(image, _tone((0.02, 0.03, 0.06)), hills - y)


def eiffel_tower(x: Grid, y: Grid, r: random.Random) -> torch.Tensor:
    image = _clouds(_sky(y), x, y, r)
    image = _put(image, _tone((0.45, 0.62, 0.35)), -0.62 - y + 0.03 * torch.sin(9 * x), 0.05)
    cx = r.choice((-1, 1)) * r.uniform(0.58, 0.74)
    down = ((0.96 - y) / 1.7).clamp(0, 1)
    half = 0.018 + 0.36 * down**2.1
    edge = torch.minimum(half - (x - cx).abs(), torch.minimum(0.96 - y, y + 0.74))
    arch = torch.minimum(half * 0.60 - (x - cx).abs(), -0.30 - 1.6 * (x - cx) ** 2 - y)
    gap = torch.minimum(half * 0.42 - (x - cx).abs(), torch.minimum(0.06 - y, y + 0.20))
    edge = torch.minimum(edge, -torch.maximum(arch, gap))
    cross = torch.sin(48 * (x - cx + y)) * torch.sin(48 * (x - cx - y))
    iron = _fade((0.34, 0.25, 0.17), (0.60, 0.47, 0.33), cross * 0.5 + 0.5)
    image = _put(image, iron, edge)
    for cy, w in ((0.16, 0.17), (-0.25, 0.27)):
        image = _put(image, _tone((0.30, 0.22, 0.15)), _box(x, y, cx, cy, w * 0.62, 0.035))
    return _put(image, _tone((0.33, 0.55, 0.25)), -0.74 - y)


def cannes(x: Grid, y: Grid, r: random.Random) -> torch.Tensor:
    image = _clouds(_fade((0.75, 0.90, 0.97), (0.30, 0.62, 0.92), y * 0.8 + 0.2), x, y, r)
    image = _put(image, _tone((0.10, 0.42, 0.66), 1.0 + 0.06 * torch.sin(60 * y)), 0.02 - y)
    for cx in (-0.86 + r.uniform(-0.1, 0.08), 0.86 + r.uniform(-0.08, 0.1)):
        top = r.uniform(0.48, 0.70)
        lean = (x - cx - 0.05 * torch.sin(2 * y + cx)).abs()
        trunk = torch.minimum(0.045 - lean, top - y)
        image = _put(image, _tone((0.48, 0.36, 0.22), 0.85 + 0.25 * torch.sin(55 * y)), trunk)
        for leaf in range(7):
            dx, rise = (leaf - 3) * 0.115, 0.20 - 0.035 * abs(leaf - 3)
            u = (x - cx) / dx if leaf != 3 else (x - cx) / 0.05
            curve = top + rise * (1 - (u - 0.75) ** 2 * 1.7) * (1 if leaf != 3 else 0.9)
            frond = torch.minimum(0.032 - (y - curve).abs() * 0.8, torch.minimum(u, 1.55 - u) * 0.2)
            image = _put(image, _tone((0.10, 0.42 + 0.03 * leaf, 0.16)), frond, 0.02)
    image = _put(image, _tone((0.93, 0.90, 0.84)), -0.30 - y)
    return _put(
        image,
        _tone((0.78, 0.06, 0.11), 1.05 + 0.25 * y),
        -0.36 - y + 0.25 * (0.9 - x.abs()).clamp(max=0),
        0.02,
    )


_PLACES: dict[str, Callable[[Grid, Grid, random.Random], torch.Tensor]] = {
    "studio": studio, "white": white, "beach": beach, "forest": forest, "city": city, "mountains": mountains,
    "office": office, "night sky": night_sky, "eiffel tower": eiffel_tower, "cannes": cannes,
}  # fmt: skip


def backdrop(name: str, x: Grid, y: Grid, seed: int) -> torch.Tensor:
    """The place called name on grids x, y (H, W) in -1..1 with y up: (3, H, W) display RGB in 0..1."""
    return _PLACES[name](x, y, random.Random(seed)).clamp(0, 1)
