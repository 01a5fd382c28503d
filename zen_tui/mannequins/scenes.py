"""A scene is everything about a picture that is not the person: pose, light, clothes, place, style."""

import random

import msgspec

from zen_tui.mannequins import palette


class Scene(msgspec.Struct, frozen=True):
    """Angles in radians; `light` -1 (from the left) to 1; at `zoom` 1 a head is half the frame high."""

    style: str
    background: str
    garment: str
    garment_color: str
    hat: str | None
    yaw: float
    pitch: float
    roll: float
    light: float
    zoom: float
    cx: float
    cy: float
    smile: float
    seed: int


def draw_scene(rng: random.Random, *, style: str | None = None, background: str | None = None) -> Scene:
    """A new scene; a little over half are photos. `style` or `background` fixes that word."""
    others = [name for name in palette.STYLES if name != "photo"]
    drawn_style = "photo" if rng.random() < 0.55 else rng.choice(others)
    drawn_background = rng.choice(palette.BACKGROUNDS)
    yaw = rng.gauss(0, 0.4) if rng.random() < 0.88 else rng.choice((-1, 1)) * rng.uniform(0.6, 1.1)
    return Scene(
        style=style or drawn_style,
        background=background or drawn_background,
        garment=rng.choice(palette.GARMENTS),
        garment_color=rng.choice(palette.COLORS),
        hat=rng.choice(palette.COLORS) if rng.random() < 0.12 else None,
        yaw=max(-1.15, min(1.15, yaw)),
        pitch=max(-0.3, min(0.3, rng.gauss(0, 0.1))),
        roll=max(-0.2, min(0.2, rng.gauss(0, 0.06))),
        light=rng.uniform(-1, 1),
        zoom=rng.uniform(0.9, 1.12),
        cx=rng.uniform(-0.12, 0.12),
        cy=rng.uniform(-0.06, 0.06),
        smile=rng.random(),
        seed=rng.randrange(2**31),
    )
