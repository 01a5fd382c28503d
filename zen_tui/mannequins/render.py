"""Draw mannequins: trace rays into the distance field, paint, light, lay over a place, apply the style."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional

from zen_tui.mannequins import paint
from zen_tui.mannequins.backdrops import backdrop
from zen_tui.mannequins.knobs import Knobs, pack, unpack
from zen_tui.mannequins.people import Person
from zen_tui.mannequins.scenes import Scene
from zen_tui.mannequins.shape import Grid, body_frame, distance, head_frame, parts
from zen_tui.mannequins.styles import Layers, stylise

CHUNK = 8
_NEAR, _FAR = 1.0, -1.1


def _grid(size: int) -> tuple[Grid, Grid]:
    axis = (torch.arange(size) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(-axis, axis, indexing="ij")
    return x, y


def _place(x: Grid, y: Grid, k: Knobs) -> tuple[Grid, Grid]:
    return (x - k["cx"]) / k["zoom"], (y - k["cy"]) / k["zoom"]


def _approach(z: Grid, x: Grid, y: Grid, table: torch.Tensor) -> Grid:
    """Two steps along the ray toward the surface."""
    k = unpack(table)
    px, py = _place(x, y, k)
    for _ in range(2):
        z = (z - 0.75 * distance(px, py, z, k)).clamp(min=_FAR - 0.2)
    return z


def _shade(z: Grid, x: Grid, y: Grid, table: torch.Tensor) -> tuple[Grid, Grid, Grid, Grid]:
    """Surface at depth z: lit colour, own colour, light (N, 3, 3 and 1, H, W) and coverage (N, H, W)."""
    k = unpack(table)
    px, py = _place(x, y, k)
    nx, ny, nz = _normal(px, py, z, k)
    albedo, gloss, skinny = _albedo(px, py, z, k)
    lean = k["light"] * 0.80
    norm = (lean * lean + 0.55**2 + 0.75**2).sqrt()
    lx, ly, lz = lean / norm, 0.55 / norm, 0.75 / norm
    facing = nx * lx + ny * ly + nz * lz
    shadow = torch.ones_like(z)
    for reach in (0.06, 0.13, 0.24, 0.40):
        clear = distance(
            px + lx * reach + nx * 0.012, py + ly * reach + ny * 0.012, z + lz * reach + nz * 0.012, k
        )
        shadow = torch.minimum(shadow, (clear / reach * 5.0).clamp(0, 1))
    hollow = (distance(px + nx * 0.09, py + ny * 0.09, z + nz * 0.09, k) / 0.09).clamp(0, 1)
    occlusion = 0.45 + 0.55 * hollow
    key = ((facing * 0.88 + 0.12).clamp(min=0)) * (0.25 + 0.75 * shadow) * k["key"]
    fill = (0.36 + 0.16 * ny + 0.10 * (-k["light"].sign() * nx)) * occlusion
    rim = (1 - nz.clamp(0, 1)) ** 3 * 0.32 * (ny * 0.5 + 0.5) * occlusion
    hz = lz + 1
    half = (nx * lx + ny * ly + nz * hz) / (lx * lx + ly * ly + hz * hz).sqrt()
    shine = half.clamp(0, 1) ** 26 * gloss * shadow
    shine = shine + 0.22 * k["metal"] * ((2 * nz * ny - 0.25) * 3).clamp(0, 1) * occlusion
    bleed = skinny * (1 - k["statue"]) * torch.exp(-((facing / 0.28) ** 2)) * 0.10
    warm = 0.05 * k["warm"]
    gains = (key * (1.16 + warm) + fill + bleed, key * 1.12 + fill, key * (1.06 - warm) + fill * 1.04)
    light = (key * 1.12 + fill + rim).unsqueeze(1)
    lit = [
        ((a * a) * g + rim * (0.3 * a + 0.15) + shine * 0.5).clamp(min=0)
        for a, g in zip(albedo, gains, strict=True)
    ]
    color = torch.stack([(c / (1 + 0.22 * c)).sqrt() * 1.06 for c in lit], 1)
    own = torch.stack([a + torch.zeros_like(z) for a in albedo], 1)
    near = distance(px, py, z, k)
    cover = (1.5 - near / 0.02).clamp(0, 1) * (z > _FAR + 0.05)
    return color.clamp(0, 1), own.clamp(0, 1), light, cover


def _normal(x: Grid, y: Grid, z: Grid, k: Knobs) -> tuple[Grid, Grid, Grid]:
    e = 0.006
    a = distance(x + e, y - e, z - e, k)
    b = distance(x - e, y - e, z + e, k)
    c = distance(x - e, y + e, z - e, k)
    d = distance(x + e, y + e, z + e, k)
    nx, ny, nz = a - b - c + d, -a - b + c + d, -a + b - c + d
    length = (nx * nx + ny * ny + nz * nz + 1e-12).sqrt()
    return nx / length, ny / length, nz / length


def _albedo(x: Grid, y: Grid, z: Grid, k: Knobs) -> tuple[paint.Rgb, Grid, Grid]:
    skull, locks, trunk, ring, cover = parts(x, y, z, k)
    hx, hy, hz = head_frame(x, y, z, k)
    bx, by, bz = body_frame(x, y, z, k)
    color, wet = paint.skin(hx, hy, hz, k)
    layers = (
        (trunk, paint.clothes(bx, by, bz, k), 0.05),
        (locks, paint.strands(hx, hy, hz, k), 0.30),
        (ring, paint.collar(k), 0.05),
        (cover, paint.felt(hy, hz, k), 0.04),
    )
    nearest, gloss, skinny = skull, 0.16 + 0.7 * wet, torch.ones_like(x)
    for other, tone, shine in layers:
        mask = ((nearest - other) / 0.008 + 0.5).clamp(0, 1)
        r, g, b = (u + (t - u) * mask for u, t in zip(color, tone, strict=True))
        color, gloss, skinny = (r, g, b), gloss + (shine - gloss) * mask, skinny * (1 - mask)
        nearest = torch.minimum(nearest, other)
    color, gloss = _glasses(color, gloss, hx, hy, hz, nearest, k)
    return (*_carve(color, gloss, hx, hy, hz, k), skinny)


def _glasses(
    color: paint.Rgb, gloss: Grid, x: Grid, y: Grid, z: Grid, near: Grid, k: Knobs
) -> tuple[paint.Rgb, Grid]:
    ahead = ((0.43 - z) / k["r22"].clamp(min=0.35)).clamp(min=0)
    gx, gy = x + k["r20"] * ahead, y + k["r21"] * ahead
    frame, lens = paint.spectacles(gx, gy, k)
    seen = (z > -0.05) & (z < 0.47)
    frame, lens = frame * seen, lens * seen
    r, g, b = (c + (v - c) * frame for c, v in zip(color, (0.07, 0.06, 0.07), strict=True))
    tint = lens * 0.07
    return (r + (0.85 - r) * tint, g + (0.92 - g) * tint, b + (1.0 - b) * tint), gloss + 0.3 * frame


def _carve(color: paint.Rgb, gloss: Grid, x: Grid, y: Grid, z: Grid, k: Knobs) -> tuple[paint.Rgb, Grid]:
    """A statue keeps only a hint of the paint, in veined stone."""
    grey = (color[0] + color[1] + color[2]) / 3
    vein = torch.sin(9 * x + 4 * torch.sin(5 * y + 3 * z) + k["phase"]) * torch.sin(7 * y + 4 * torch.sin(6 * x))
    hint = (0.46 + 0.68 * grey) * (1 - 0.12 * (1 - vein.abs() * 8).clamp(min=0))
    stone = (k["stone_r"] * hint, k["stone_g"] * hint, k["stone_b"] * hint)
    r, g, b = (c + (s - c) * k["statue"] for c, s in zip(color, stone, strict=True))
    return (r, g, b), gloss + (0.75 + 0.9 * k["metal"] - gloss) * k["statue"]


_inner: dict[str, Callable[..., Any]] = {"approach": _approach, "shade": _shade}


def compile_for_bulk() -> None:
    """Compile the inner functions for this process: about a minute, needs a C++ compiler.

    Pixels differ from uncompiled ones by rounding only.
    """
    _inner["approach"] = torch.compile(_approach, dynamic=False)
    _inner["shade"] = torch.compile(_shade, dynamic=False)


def _trace(size: int, table: torch.Tensor) -> tuple[Grid, Grid, Grid, Grid, Grid]:
    approach, shade = _inner["approach"], _inner["shade"]
    cx, cy = _grid(size // 3)
    z = torch.full((len(table), size // 3, size // 3), _NEAR)
    for _ in range(8):
        z = approach(z, cx, cy, table)
    z = functional.max_pool2d(z.unsqueeze(1), 3, 1, 1)
    z = functional.interpolate(z, size=(size, size), mode="nearest").squeeze(1) + 0.04
    x, y = _grid(size)
    for _ in range(5):
        z = approach(z, x, y, table)
    result: tuple[Grid, Grid, Grid, Grid] = shade(z, x, y, table)
    return *result, z


def _draw(people: Sequence[Person], scenes: Sequence[Scene], size: int) -> torch.Tensor:
    fine = size * 3 // 2
    count = len(people)
    table = pack(people, scenes)
    if count < CHUNK and _inner["shade"] is not _shade:  # compiled for one shape
        table = torch.cat([table, table[-1:].expand(CHUNK - count, -1)])
    color, own, light, cover, depth = _trace(fine, table)
    x, y = _grid(fine)
    images = []
    for i, scene in enumerate(scenes):
        place = backdrop(scene.background, x, y, scene.seed)
        layers = Layers(color[i], own[i], light[i], cover[i : i + 1], depth[i : i + 1], place)
        images.append(stylise(scene.style, layers, scene.seed))
    small = functional.interpolate(torch.stack(images), size=(size, size), mode="bilinear", antialias=True)
    return (small.clamp(0, 1) * 255 + 0.5).to(torch.uint8)


@torch.no_grad()
def render(people: Sequence[Person], scenes: Sequence[Scene], size: int = 128) -> torch.Tensor:
    """Pictures of people in scenes, (N, 3, size, size) uint8; size must be a multiple of 8. Deterministic."""
    if len(people) != len(scenes):
        raise ValueError(f"{len(people)} people do not go with {len(scenes)} scenes")
    if size < 32 or size % 8:
        raise ValueError(f"A picture of {size} pixels cannot be drawn: use a multiple of 8, at least 32.")
    chunks = [_draw(people[i : i + CHUNK], scenes[i : i + CHUNK], size) for i in range(0, len(people), CHUNK)]
    return torch.cat(chunks) if chunks else torch.zeros(0, 3, size, size, dtype=torch.uint8)
