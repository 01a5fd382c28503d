"""Person and scene as one row of numbers that the renderer reads.

Lengths are in frame units: the frame is 2 high, a head is about 1.1 high, x is right, y up, z to the camera.
"""

import math
import random
from collections.abc import Sequence
from typing import TypeAlias

import torch

from zen_tui.mannequins import palette
from zen_tui.mannequins.people import SHAPES, Person, draw_person, eye_color, hair_color, skin_color
from zen_tui.mannequins.scenes import Scene, draw_scene

Knobs: TypeAlias = dict[str, torch.Tensor]

# thickness over the skull; lowest point (y), width, depth and forwardness of the fall; bun radius; curl depth
_HAIR = {
    "bald": (-0.30, 0.90, 0.10, 0.10, 0.0, 0.001, 0.0),
    "short": (0.050, -0.06, 0.40, 0.36, 0.0, 0.001, 0.004),
    "bob": (0.080, -0.47, 0.47, 0.40, 0.0, 0.001, 0.003),
    "long": (0.075, -1.02, 0.53, 0.40, 0.10, 0.001, 0.004),
    "curly": (0.135, -0.33, 0.55, 0.46, 0.0, 0.001, 0.045),
    "bun": (0.035, -0.02, 0.38, 0.36, 0.0, 0.180, 0.002),
}
# a statue keeps the depth of the paint, not its colours
_CARVED: dict[str, palette.Color] = {
    "skin": (0.80, 0.80, 0.80), "hair": (0.60, 0.60, 0.60), "eye": (0.50, 0.50, 0.50),
    "cloth": (0.70, 0.70, 0.70), "hat_color": (0.65, 0.65, 0.65), "tie": (0.5, 0.5, 0.5),
}  # fmt: skip
# collar ring: radius around the neck, tube thickness, how far the cloth opens at the throat (y)
_COLLAR = {
    "shirt": (0.235, 0.032, -0.90),
    "t-shirt": (0.265, 0.016, -0.82),
    "suit": (0.230, 0.032, -0.80),
    "dress": (0.200, -0.200, -1.00),
    "hoodie": (0.300, 0.080, -0.80),
}


def _rotation(yaw: float, pitch: float, roll: float) -> list[list[float]]:
    """Head to camera: positive yaw looks right, positive pitch looks down, positive roll leans left."""
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (math.cos, math.sin))
    return [
        [cr * cy - sr * sp * sy, -sr * cp, cr * sy + sr * sp * cy],
        [sr * cy + cr * sp * sy, cr * cp, sr * sy - cr * sp * cy],
        [-cp * sy, sp, cp * cy],
    ]


def _row(person: Person, scene: Scene) -> dict[str, float]:
    t = dict(zip(SHAPES, person.shape, strict=True))
    man = 1.0 if person.gender == "man" else 0.0
    old = max(0.0, person.age - 0.35) / 0.65
    thick, fall, fall_w, fall_d, fall_z, bun, curl = _HAIR[person.hair_style]
    hatted = scene.hat is not None
    ring, tube, opening = _COLLAR[scene.garment]
    spot = random.Random(scene.seed)
    row = {
        "zoom": 1.08 * scene.zoom, "cx": scene.cx, "cy": 0.18 + scene.cy, "body_yaw": 0.45 * scene.yaw,
        "light": scene.light, "warm": spot.uniform(-1, 1), "key": spot.uniform(0.9, 1.1), "smile": scene.smile,
        "man": man, "old": old, "phase": spot.uniform(0, 6.28),
        "width": 0.385 + 0.035 * t["head_width"] + 0.008 * man, "height": 0.43 + 0.03 * t["head_height"],
        "jaw_w": 0.300 + 0.035 * t["jaw_width"] + 0.018 * man, "jaw_y": -0.185 - 0.02 * t["head_height"],
        "chin": 0.035 + 0.025 * t["chin"] + 0.012 * man, "cheek": 0.022 + 0.022 * t["cheekbones"],
        "nose_w": 1.0 + 0.38 * t["nose_width"] + 0.1 * man, "nose_l": 0.025 * t["nose_length"],
        "nose_out": 0.125 + 0.03 * t["nose_length"] + 0.01 * man, "bridge": 0.055 + 0.03 * t["nose_bridge"],
        "eye_x": 0.158 + 0.020 * t["eye_distance"], "eye_s": 0.090 + 0.014 * t["eye_size"] - 0.006 * man,
        "eye_y": 0.005 + 0.025 * t["eye_height"], "eye_tilt": 0.22 * t["eye_tilt"], "open": 0.52 - 0.08 * old,
        "brow_t": 0.018 + 0.009 * t["brow_thickness"] + 0.006 * man, "brow_a": 0.30 * t["brow_angle"],
        "brow_y": 0.128 - 0.012 * man, "mouth_w": 0.112 + 0.026 * t["mouth_width"] + 0.03 * scene.smile,
        "lip": 0.030 + 0.013 * t["lip_fullness"] - 0.005 * man - 0.005 * old,
        "mouth_y": -0.315 + 0.018 * t["mouth_height"],
        "ear": (1.0 + 0.28 * t["ear_size"]) * (0.4 if fall < -0.2 else 1.0),
        "lashes": 1.0 - 0.6 * man, "glasses": float(person.glasses), "freckles": float(person.freckles),
        "stubble": float(person.beard == "stubble"), "moustache": float(person.beard in ("moustache", "beard")),
        "beard": float(person.beard == "beard"), "hairy": float(person.hair_style != "bald"),
        "hair_t": thick * (1 + 0.30 * t["hair_volume"]) if thick > 0 else thick, "hair_fall": fall,
        "fall_w": fall_w * (1 + 0.07 * t["hair_volume"]), "fall_d": fall_d, "fall_z": fall_z,
        "bun": 0.001 if hatted else bun,
        "curl": curl, "hairline": 0.315 + 0.045 * t["hairline"] + 0.05 * old * man,
        "part": 0.12 * (1 if t["hair_volume"] > 0 else -1) * float(person.hair_style in ("short", "bob", "long")),
        "hat": 1.0 if hatted else 0.0, "ring": ring, "tube": tube, "opening": opening,
        "neck": 0.165 + 0.03 * man + 0.012 * t["jaw_width"],
        "shoulder": 0.47 + 0.07 * man + 0.03 * t["head_width"],
        "statue": float(scene.style in palette.STATUES),
        "metal": float(scene.style == "bronze statue"), "suit": float(scene.garment == "suit"),
        "dress": float(scene.garment == "dress"), "hoodie": float(scene.garment == "hoodie"),
        "shirt": float(scene.garment == "shirt"),
    }  # fmt: skip
    colors = {
        "skin": skin_color(person),
        "hair": hair_color(person),
        "eye": eye_color(person),
        "cloth": palette.CLOTH_PALETTE[scene.garment_color],
        "hat_color": palette.CLOTH_PALETTE[scene.hat or "grey"],
        "stone": palette.STATUES.get(scene.style, (0.8, 0.8, 0.8)),
        "tie": spot.choice(((0.55, 0.08, 0.12), (0.10, 0.12, 0.25), (0.12, 0.30, 0.22), (0.08, 0.08, 0.08))),
    }
    if scene.style in palette.STATUES:
        colors.update(_CARVED)
    for name, color in colors.items():
        row.update({f"{name}_{c}": v for c, v in zip("rgb", color, strict=True)})
    matrix = _rotation(scene.yaw, scene.pitch, scene.roll)
    row.update({f"r{i}{j}": matrix[i][j] for i in range(3) for j in range(3)})
    return row


def pack(people: Sequence[Person], scenes: Sequence[Scene]) -> torch.Tensor:
    """One row of knobs a picture, (N, K) float32."""
    rows = [_row(person, scene) for person, scene in zip(people, scenes, strict=True)]
    return torch.tensor([list(row.values()) for row in rows], dtype=torch.float32)


def unpack(table: torch.Tensor) -> Knobs:
    """The rows by name, each (N, 1, 1) to go with pixel grids."""
    return {name: table[:, i, None, None] for i, name in enumerate(NAMES)}


def _names() -> tuple[str, ...]:
    rng = random.Random(0)
    return tuple(_row(draw_person(rng), draw_scene(rng)))


NAMES = _names()
