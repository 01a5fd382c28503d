"""Colours of the mannequin's surface: skin, eyes, lips, brows, beard, hair, clothes, as soft masks."""

from typing import TypeAlias

import torch

from zen_tui.mannequins.knobs import Knobs
from zen_tui.mannequins.shape import Grid, smile_line

Rgb: TypeAlias = tuple[Grid, Grid, Grid]


def _step(edge: Grid, soft: float = 0.008) -> Grid:
    """0 where edge is negative, 1 where positive, a soft border between."""
    return (edge / soft + 0.5).clamp(0, 1)


def _over(under: Rgb, color: Rgb, mask: Grid) -> Rgb:
    r, g, b = (u + (c - u) * mask for u, c in zip(under, color, strict=True))
    return r, g, b


def _color(k: Knobs, name: str, scale: float = 1.0) -> Rgb:
    return k[f"{name}_r"] * scale, k[f"{name}_g"] * scale, k[f"{name}_b"] * scale


def _flat(grid: Grid, r: float, g: float, b: float) -> Rgb:
    one = torch.ones_like(grid)
    return one * r, one * g, one * b


def skin(x: Grid, y: Grid, z: Grid, k: Knobs) -> tuple[Rgb, Grid]:
    """Colour of the face at head coordinates, and how wet (shiny) it is there."""
    ax, front = x.abs(), _step(z - 0.06, 0.1)
    color = _color(k, "skin")
    blush = torch.exp(-(((ax - 0.21) / 0.10) ** 2) - ((y + 0.13) / 0.09) ** 2)
    blush = (blush + 0.8 * torch.exp(-((x / 0.07) ** 2) - ((y + 0.16) / 0.06) ** 2)) * front
    color = (color[0] * (1 + 0.02 * blush), color[1] * (1 - 0.13 * blush), color[2] * (1 - 0.12 * blush))
    dots = torch.sin(104 * x + 3 * torch.sin(31 * y)) * torch.sin(99 * y + 3 * torch.sin(37 * x + 1))
    cheeks = torch.exp(-(((ax - 0.13) / 0.17) ** 2) - ((y + 0.10) / 0.10) ** 2)
    color = _over(color, _color(k, "skin", 0.55), k["freckles"] * front * cheeks * _step(dots - 0.55, 0.3) * 0.6)
    color = _over(color, _color(k, "skin", 0.62), k["old"] * front * _wrinkles(ax, y, k))
    color = _face_hair(color, x, y, z, k, front)
    color = _mouth(color, ax, y, k, front)
    color, wet = _eye(color, x, y, z, k)
    return _brows(color, ax, y, k, front), wet


def _wrinkles(ax: Grid, y: Grid, k: Knobs) -> Grid:
    brow = _step(torch.sin(85 * (y + 0.3 * ax * ax)) - 0.55, 0.5) * _step(y - 0.20) * _step(0.22 - ax, 0.1)
    fold_x = 0.085 + 0.45 * (-0.16 - y).clamp(min=0)
    fold = torch.exp(-(((ax - fold_x) / 0.013) ** 2)) * _step(-0.16 - y, 0.03) * _step(y + 0.36, 0.05)
    bag = torch.exp(-(((y - k["eye_y"] + 0.085 - 2.0 * (ax - k["eye_x"]) ** 2) / 0.011) ** 2))
    return (0.4 * brow + 0.75 * fold + 0.6 * bag * _step(0.08 - (ax - k["eye_x"]).abs(), 0.03)).clamp(0, 1)


def _face_hair(color: Rgb, x: Grid, y: Grid, z: Grid, k: Knobs, front: Grid) -> Rgb:
    ax = x.abs()
    lips = y - smile_line(ax, k)
    jaw = _step(-0.27 + 0.9 * (ax - 0.13).clamp(min=0) ** 1.0 * 0.75 - y + 0.04 * torch.sin(60 * x) * 0.15, 0.03)
    jaw = jaw * _step(z + 0.12, 0.05) * _step(ax - 0.085 - 0.6 * (-0.36 - y).clamp(min=0) * 4 * 0 - 0.0, 0.03)
    chin = _step(-0.385 - y + 0.3 * (k["mouth_y"] + 0.315), 0.02) * _step(z, 0.05)
    full = torch.maximum(jaw, chin)
    lip_hair = (
        _step(0.032 - (lips - 0.058).abs() + 0.012 * (1 - ax / 0.1), 0.014) * _step(0.135 - ax, 0.02) * front
    )
    grain = 0.86 + 0.14 * torch.sin(120 * x + 5 * torch.sin(40 * y)) * torch.sin(34 * y + 9 * ax)
    r, g, b = _color(k, "hair", 0.88)
    hairs = (r * grain, g * grain, b * grain)
    color = _over(color, _color(k, "hair", 0.8), k["stubble"] * 0.36 * torch.maximum(full, lip_hair))
    return _over(color, hairs, torch.maximum(k["beard"] * full, k["moustache"] * lip_hair) * 0.95)


def _mouth(color: Rgb, ax: Grid, y: Grid, k: Knobs, front: Grid) -> Rgb:
    along = ax / k["mouth_w"]
    line = y - smile_line(ax, k)
    taper = (1 - along * along).clamp(min=0)
    upper = _step(1.15 * k["lip"] * taper * (0.72 + 0.5 * along) + 0.002 - line, 0.009) * _step(line)
    lower = _step(1.35 * k["lip"] * taper + 0.002 + line, 0.009) * _step(-line)
    lips = (upper + lower) * _step(1 - along, 0.1) * front
    rosy = 0.35 + 0.45 * (1 - k["man"])
    r, g, b = _color(k, "skin")
    tone = (r * 0.80 + 0.10 * rosy, g * (0.72 - 0.22 * rosy), b * (0.76 - 0.18 * rosy))
    color = _over(color, tone, lips)
    gap = 0.004 + 0.022 * (k["smile"] - 0.45).clamp(min=0) * taper
    teeth = _step(gap - line.abs(), 0.008) * _step(0.97 - along, 0.05) * front
    color = _over(color, _flat(ax, 0.20, 0.07, 0.07), teeth * 0.85)
    grin = (
        _step(k["smile"] - 0.62, 0.1) * _step(gap - 0.004 - (line - 0.001).abs(), 0.006) * _step(0.8 - along, 0.1)
    )
    return _over(color, _flat(ax, 0.93, 0.91, 0.88), grin * front)


def _eye(color: Rgb, x: Grid, y: Grid, z: Grid, k: Knobs) -> tuple[Rgb, Grid]:
    ax, side = x.abs(), torch.sign(x)
    front = _step(z - 0.15, 0.05)
    u, v = (ax - k["eye_x"]) / k["eye_s"], (y - k["eye_y"]) / k["eye_s"]
    v = v - k["eye_tilt"] * u
    bow = (1 - u * u).clamp(min=0)
    top, bottom = k["open"] * 1.08 * bow**0.8, -k["open"] * 0.78 * bow
    opening = _step(torch.minimum(top - v, v - bottom), 0.12) * _step(1 - u.abs(), 0.1) * front
    # the gaze meets the camera, as far as an eye can turn
    turn, nod = k["r20"].clamp(-0.55, 0.55), k["r21"].clamp(-0.3, 0.3)
    iu, iv = u - 0.95 * turn * side, v - 0.9 * nod - 0.04
    away = (iu * iu + iv * iv).sqrt()
    white = _flat(x, 0.95, 0.94, 0.92)
    shade = 1 - 0.30 * _step(v - top + 0.30, 0.4)
    eye = (white[0] * shade, white[1] * shade, white[2] * shade)
    ring = 0.80 + 0.55 * (away / 0.44) * _step(0.36 - away, 0.14)
    r, g, b = _color(k, "eye")
    eye = _over(eye, (r * ring, g * ring, b * ring), _step(0.46 - away, 0.10))
    eye = _over(eye, _flat(x, 0.03, 0.03, 0.03), _step(0.21 - away, 0.10))
    glint = _step(0.13 - ((iu - 0.16 * side * k["light"].sign()) ** 2 + (iv - 0.20) ** 2).sqrt(), 0.08)
    eye = _over(eye, _flat(x, 1.0, 1.0, 1.0), glint)
    color = _over(color, _color(k, "skin", 0.80), torch.exp(-(((v - top - 0.22) / 0.10) ** 2)) * bow * front * 0.7)
    color = _over(color, eye, opening)
    width = 0.075 + 0.075 * k["lashes"] * (0.6 + 0.4 * u)
    lash = _step(width - (v - top - 0.02).abs(), 0.10) * _step(1.10 - u.abs(), 0.15) * front
    color = _over(color, _flat(x, 0.07, 0.05, 0.05), lash * (0.55 + 0.4 * k["lashes"]))
    return color, opening * front


def _brows(color: Rgb, ax: Grid, y: Grid, k: Knobs, front: Grid) -> Rgb:
    u = (ax - k["eye_x"] - 0.005) / 0.105
    line = k["eye_y"] + k["brow_y"] + 0.105 * k["brow_a"] * u * 0.6 - 0.022 * u * u
    thick = k["brow_t"] * (1.05 - 0.35 * u) * _step(1 - u.abs(), 0.25)
    mask = _step(thick - (y - line).abs(), 0.012) * front * _step(1 - u.abs(), 0.2)
    return _over(color, _color(k, "hair", 0.68), mask * 0.92)


def strands(x: Grid, y: Grid, z: Grid, k: Knobs) -> Rgb:
    """Colour of the hair at head coordinates: strands that fall from the parting."""
    curly = (k["curl"] > 0.02) * 1.0
    around = torch.atan2(x - k["part"] * 0.8, (z + 0.1).abs() + 0.10)
    flow = torch.sin(34 * around + 4 * y) + 0.6 * torch.sin(71 * around - 5 * y + 1)
    rings = 1.6 * torch.sin(38 * x + 3 * torch.sin(24 * y)) * torch.sin(36 * y + 3 * torch.sin(20 * x + 12 * z))
    grain = 1 + 0.13 * (flow + (rings - flow) * curly)
    r, g, b = _color(k, "hair")
    return r * grain, g * grain, b * grain


def clothes(x: Grid, y: Grid, z: Grid, k: Knobs) -> Rgb:
    """Colour of neck and garment at body coordinates."""
    ax, front = x.abs(), _step(z + 0.05, 0.05)
    throat = k["opening"] + (-0.75 - k["opening"]) * (ax / 0.22).clamp(max=1.3) ** 1.6
    edge = torch.where(z > -0.05, throat, torch.full_like(throat, -0.73))
    scoop = -1.02 + 0.25 * ((ax - 0.05) / 0.28).clamp(0, 1) ** 3 + 0.6 * (ax - 0.34).clamp(min=0)
    edge = edge + k["dress"] * (torch.minimum(scoop, edge * 0 - 0.80) - edge)
    cloth = _color(k, "cloth")
    weave = 1 + 0.025 * torch.sin(150 * y) * torch.sin(150 * x)
    cloth = (cloth[0] * weave, cloth[1] * weave, cloth[2] * weave)
    dark = _color(k, "cloth", 0.62)
    seam = _step(0.008 - (ax - 0.0).abs(), 0.008) * k["shirt"] * front
    button = _step(0.013 - (x * x + ((y + 1.0) % 0.14 - 0.07) ** 2).sqrt(), 0.008) * k["shirt"] * front
    cloth = _over(_over(cloth, dark, seam), _flat(x, 0.95, 0.93, 0.88), button)
    cord = _step(0.010 - (ax - 0.095).abs(), 0.008) * _step(y + 1.06) * front * k["hoodie"]
    cloth = _over(cloth, _flat(x, 0.92, 0.92, 0.90), cord)
    inside = 0.02 + 0.52 * (y + 1.16)
    chest = _step(inside - ax, 0.010) * front * k["suit"]
    lapel = _step(0.115 - (ax - inside - 0.115).abs() - 0.10 * (y + 1.0).clamp(min=0), 0.01) * front * k["suit"]
    cloth = _over(cloth, _color(k, "cloth", 0.80), lapel * _step(y + 1.16))
    cloth = _over(cloth, _flat(x, 0.93, 0.93, 0.95), chest)
    tie = _step(0.036 + 0.10 * (-0.86 - y).clamp(min=0) * 0.5 - ax, 0.008) * _step(-0.80 - y) * front * k["suit"]
    cloth = _over(cloth, _color(k, "tie"), tie)
    worn = _step(edge - y, 0.012)
    trim = _step(0.012 - (edge - 0.012 - y).abs(), 0.01)
    return _over(_over(_color(k, "skin", 0.96), cloth, worn), dark, trim * 0.7)


def collar(k: Knobs) -> Rgb:
    """The collar ring: the garment's colour, white under a suit."""
    white = torch.full_like(k["suit"], 0.93)
    return _over(_color(k, "cloth", 0.92), (white, white, white), k["suit"])


def felt(y: Grid, z: Grid, k: Knobs) -> Rgb:
    """The hat with a darker band."""
    tilt = y - 0.12 * z
    band = _step(0.045 - (tilt - 0.335).abs(), 0.01)
    return _over(_color(k, "hat_color"), _color(k, "hat_color", 0.45), band)


def spectacles(x: Grid, y: Grid, k: Knobs) -> tuple[Grid, Grid]:
    """Masks of (frame, lens) on the plane before the eyes, in head coordinates."""
    ax = x.abs()
    u, v = (ax - k["eye_x"] - 0.004) / 0.125, (y - k["eye_y"] + 0.012) / 0.100
    away = (u**4 + v**4 + 1e-9) ** 0.25
    rim = _step(0.10 - (away - 1.0).abs(), 0.07)
    bridge = _step(0.011 - (y - k["eye_y"] - 0.02).abs(), 0.008) * _step(k["eye_x"] - 0.10 - ax)
    return torch.maximum(rim, bridge) * k["glasses"], _step(1.0 - away, 0.08) * k["glasses"]
