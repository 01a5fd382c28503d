"""The mannequin as signed distances: face, hair, body and hat, smooth unions of round things."""

from typing import TypeAlias

import torch

from zen_tui.mannequins.knobs import Knobs

Grid: TypeAlias = torch.Tensor


def _join(a: Grid, b: Grid, k: float) -> Grid:
    """Smooth union: the smaller distance, blended over k."""
    h = (k - (a - b).abs()).clamp(min=0) / k
    return torch.minimum(a, b) - h * h * (k * 0.25)


def _ellipsoid(x: Grid, y: Grid, z: Grid, rx: Grid | float, ry: Grid | float, rz: Grid | float) -> Grid:
    u, v, w = x / rx, y / ry, z / rz
    near = (u * u + v * v + w * w).sqrt()
    u, v, w = u / rx, v / ry, w / rz
    return near * (near - 1) / (u * u + v * v + w * w + 1e-9).sqrt()


def _bump(dx: Grid, dy: Grid, dz: Grid, sx: Grid | float, sy: Grid | float, sz: Grid | float) -> Grid:
    return torch.exp(-((dx / sx) ** 2 + (dy / sy) ** 2 + (dz / sz) ** 2))


def head_frame(x: Grid, y: Grid, z: Grid, k: Knobs) -> tuple[Grid, Grid, Grid]:
    """Camera coordinates to the head's own."""
    return (
        k["r00"] * x + k["r10"] * y + k["r20"] * z,
        k["r01"] * x + k["r11"] * y + k["r21"] * z,
        k["r02"] * x + k["r12"] * y + k["r22"] * z,
    )


def body_frame(x: Grid, y: Grid, z: Grid, k: Knobs) -> tuple[Grid, Grid, Grid]:
    """Camera coordinates to the body's own: it follows half of the head's turn."""
    c, s = torch.cos(k["body_yaw"]), torch.sin(k["body_yaw"])
    return c * x - s * z, y, s * x + c * z


def smile_line(ax: Grid, k: Knobs) -> Grid:
    """Height of the line between the lips at |x|."""
    return k["mouth_y"] + (0.055 * k["smile"] - 0.012) * (ax / k["mouth_w"]) ** 2


def face(x: Grid, y: Grid, z: Grid, k: Knobs) -> Grid:
    """Distance to skull, jaw, nose, lips, eyes and ears in head coordinates."""
    ax = x.abs()
    skull = _ellipsoid(x, y - 0.13, z + 0.06, k["width"], k["height"], 0.45)
    jaw = _ellipsoid(x, y - k["jaw_y"], z - 0.07, k["jaw_w"], 0.35, 0.31)
    d = _join(skull, jaw, 0.14)
    ny = y + k["nose_l"]
    ex, ey = ax - k["eye_x"], y - k["eye_y"]
    d = d - 0.024 * (0.6 + 0.7 * k["man"]) * _bump(ax - 0.12, y - k["eye_y"] - 0.10, z - 0.36, 0.13, 0.05, 0.16)
    d = d + 0.050 * _bump(ex, ey + 0.005, z - 0.38, 0.105, 0.075, 0.16)
    d = d - k["bridge"] * _bump(x, y - 0.02, z - 0.40, 0.045, 0.11, 0.2)
    d = d - 0.6 * k["nose_out"] * _bump(x, y + 0.075, z - 0.42, 0.046 * k["nose_w"], 0.085, 0.2)
    d = d - k["nose_out"] * _bump(x, ny + 0.155, z - 0.46, 0.060 * k["nose_w"], 0.052, 0.2)
    d = d - 0.045 * _bump(ax - 0.062 * k["nose_w"], ny + 0.170, z - 0.40, 0.036, 0.034, 0.13)
    d = d - k["cheek"] * _bump(ax - 0.235, y + 0.11, z - 0.27, 0.10, 0.09, 0.15)
    d = d + (0.010 + 0.020 * k["old"]) * _bump(ax - 0.22, y + 0.27, z - 0.25, 0.08, 0.10, 0.14)
    d = d - 0.026 * k["smile"] * _bump(ax - 0.185, y + 0.19, z - 0.36, 0.08, 0.07, 0.14)
    lips = y - smile_line(ax, k)
    d = d - 0.9 * k["lip"] * _bump(x, lips - 0.022, z - 0.40, k["mouth_w"] * 0.8, 0.026, 0.14)
    d = d - 1.1 * k["lip"] * _bump(x, lips + 0.027, z - 0.39, k["mouth_w"] * 0.7, 0.028, 0.14)
    d = d + 0.022 * _bump(x, lips + 0.075, z - 0.38, 0.10, 0.028, 0.14)
    d = d - k["chin"] * _bump(x, y + 0.475, z - 0.32, 0.085, 0.075, 0.16)
    hairy = 0.030 * k["moustache"] * _bump(x, lips - 0.055, z - 0.40, 0.11, 0.030, 0.15)
    d = d - hairy - 0.050 * k["beard"] * _bump(x, y + 0.47, z - 0.18, 0.26, 0.13, 0.26)
    eyeball = ((ex * ex + ey * ey + (z - 0.318 + 0.15 * (k["eye_s"] - 0.083)) ** 2).sqrt()) - 1.12 * k["eye_s"]
    d = _join(d, eyeball, 0.02)
    lean = z + 0.02 + 0.25 * (y + 0.03)
    ear = _ellipsoid(ax - k["width"] - 0.005, (y + 0.03) / k["ear"], lean, 0.05, 0.115, 0.080)
    ear = ear + 0.022 * _bump(ax - k["width"] - 0.05, (y + 0.02) / k["ear"], lean - 0.04, 0.05, 0.07, 0.05)
    return _join(d, ear, 0.03)


def hair(x: Grid, y: Grid, z: Grid, k: Knobs) -> Grid:
    """Distance to the hair in head coordinates: a cap, a fall at sides and back, a bun, minus the face."""
    t = k["hair_t"]
    lift = 0.35 * t * (1 + (x - k["part"]) * k["part"] * 14)
    cap = _ellipsoid(x, y - 0.14, z + 0.075, k["width"] + t * 0.85, k["height"] + t + lift, 0.455 + t * 0.9)
    side = _ellipsoid(x, y - 0.06 + 2.0 * k["fall_z"], z + 0.13 - k["fall_z"], k["fall_w"], 0.95, k["fall_d"])
    mass = _join(cap, -_join(-side, 0.12 - y, 0.3), 0.14)
    mass = torch.maximum(mass, k["hair_fall"] - y - 0.35 * z.clamp(max=0.2) * (k["hair_fall"] > -0.2))
    forelock = 0.035 * torch.sin(9 * (x - k["part"]) * 1.4 + 1.0)
    above = (y + 0.33 - forelock * 0.5).clamp(min=0)
    below = (-0.40 - y).clamp(0, 0.6)
    gap = _ellipsoid(
        x / (1 + 1.1 * below),
        above,
        (z - 0.52) / (1 + 1.8 * below),
        0.365 + 0.25 * (k["width"] - 0.385),
        k["hairline"] + 0.33,
        0.47,
    )
    mass = -_join(-mass, gap, 0.035)
    curls = torch.sin(27 * x + 2 * torch.sin(9 * y)) * torch.sin(25 * y + 1.3) * torch.sin(26 * z + 0.7)
    strand = torch.sin(46 * torch.atan2(x - k["part"], (z + 0.1).abs() + 0.12))
    mass = mass - k["curl"] * (curls * (k["curl"] > 0.02) + strand * 0.6 * (k["curl"] <= 0.02))
    bun = (x * x + (y - 0.575) ** 2 + (z + 0.14) ** 2).sqrt() - k["bun"]
    mass = torch.maximum(
        _join(mass, bun + (k["bun"] < 0.01) * 3.0, 0.03),
        (y - 0.27 + 0.12 * z) * k["hat"] - 3 * (1 - k["hat"]),
    )
    return mass + 3.0 * (1 - k["hairy"])


def hat(x: Grid, y: Grid, z: Grid, k: Knobs) -> Grid:
    """Distance to a brimmed hat in head coordinates."""
    tilt = y - 0.12 * z
    dome = _ellipsoid(x, tilt - 0.25, z + 0.06, k["width"] + 0.075, 0.40, 0.53)
    dome = torch.maximum(dome, 0.25 - tilt)
    brim = _ellipsoid(x, tilt - 0.27 - 0.10 * x * x, z + 0.05, k["width"] + 0.17, 0.050, 0.60)
    return _join(dome, brim, 0.04) + 3.0 * (1 - k["hat"])


def body(x: Grid, y: Grid, z: Grid, k: Knobs) -> tuple[Grid, Grid]:
    """Distances to (neck and shoulders, the collar ring) in body coordinates."""
    nz = z + 0.10 + 0.12 * (y + 0.5)
    neck = torch.maximum((x * x + nz * nz).sqrt() - k["neck"], y + 0.25)
    along = x - torch.maximum(torch.minimum(x, k["shoulder"]), -k["shoulder"])
    slope = y + 1.03 + 0.16 * x.abs()
    shoulders = (along * along + slope * slope + (z + 0.10) ** 2).sqrt() - 0.215
    chest = _ellipsoid(x, y + 1.30, z + 0.06, k["shoulder"] + 0.10, 0.50, 0.36)
    trunk = _join(shoulders, chest, 0.12)
    around = (x * x + (z + 0.09) ** 2).sqrt() - k["ring"]
    drop = y + 0.745 + 0.22 * (z + 0.1) + 0.16 * x.abs() * k["shirt"]
    collar = (around * around + drop * drop).sqrt() - k["tube"]
    return _join(neck, trunk, 0.16), collar


def parts(x: Grid, y: Grid, z: Grid, k: Knobs) -> tuple[Grid, Grid, Grid, Grid, Grid]:
    """Distances to (face, hair, body, collar, hat) at camera coordinates, each (N, H, W)."""
    hx, hy, hz = head_frame(x, y, z, k)
    bx, by, bz = body_frame(x, y, z, k)
    trunk, collar = body(bx, by, bz, k)
    return face(hx, hy, hz, k), hair(hx, hy, hz, k), trunk, collar, hat(hx, hy, hz, k)


def distance(x: Grid, y: Grid, z: Grid, k: Knobs) -> Grid:
    """Distance to the whole mannequin; the head flows into the neck."""
    skull, locks, trunk, collar, cover = parts(x, y, z, k)
    solid = torch.minimum(_join(skull, trunk, 0.05), torch.minimum(locks, cover))
    return torch.minimum(solid, collar)
