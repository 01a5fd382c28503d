"""A person is a set of identity numbers: everything that stays the same from picture to picture."""

import random

import msgspec

from zen_tui.mannequins import palette
from zen_tui.mannequins.palette import Color

SHAPES = (
    "head_width", "head_height", "jaw_width", "chin", "cheekbones", "nose_width", "nose_length", "nose_bridge",
    "eye_distance", "eye_size", "eye_height", "eye_tilt", "brow_thickness", "brow_angle", "mouth_width",
    "lip_fullness", "mouth_height", "ear_size", "hairline", "hair_volume",
)  # fmt: skip
TINTS = 8  # skin: depth, warmth; hair: lightness, warmth, grey; eyes: lightness, hue, depth


class Person(msgspec.Struct, frozen=True):
    """`age` in 0..1 (about 18 to 85 years); `shape` follows SHAPES and `tint` has TINTS numbers, all in -1..1."""

    gender: str
    age: float
    skin: str
    hair_color: str
    hair_style: str
    beard: str
    glasses: bool
    eye_color: str
    freckles: bool
    shape: tuple[float, ...]
    tint: tuple[float, ...]

    def trait(self, name: str) -> float:
        """One named shape number, -1..1."""
        return self.shape[SHAPES.index(name)]


def draw_person(rng: random.Random) -> Person:
    """A new person, balanced over gender, age, skin and hair."""
    gender = rng.choice(palette.GENDERS)
    styles = palette.HAIR_STYLES
    weights = (3, 6, 1, 2, 3, 1) if gender == "man" else (1, 2, 4, 5, 4, 4)
    beards = (8, 2, 2, 5) if gender == "man" else (1, 0, 0, 0)
    return Person(
        gender=gender,
        age=rng.random(),
        skin=rng.choice(palette.SKINS),
        hair_color=rng.choice(palette.HAIR_COLORS),
        hair_style=rng.choices(styles, weights)[0],
        beard=rng.choices(palette.BEARDS, beards)[0],
        glasses=rng.random() < 0.25,
        eye_color=rng.choice(palette.EYE_COLORS),
        freckles=rng.random() < 0.2,
        shape=tuple(round(rng.uniform(-1, 1), 4) for _ in SHAPES),
        tint=tuple(round(rng.uniform(-1, 1), 4) for _ in range(TINTS)),
    )


def _shift(color: Color, lightness: float, warmth: float) -> Color:
    red, green, blue = color
    scale = 1 + lightness
    return tuple(
        min(max(c, 0.03), 0.98) for c in (red * scale * (1 + warmth), green * scale, blue * scale * (1 - warmth))
    )  # type: ignore[return-value]


def skin_color(person: Person) -> Color:
    """Display RGB of the skin: a point on the line of anchors, moved by the person's tint."""
    last = len(palette.SKINS) - 1
    level = min(max(palette.SKINS.index(person.skin) + 0.5 * person.tint[0], 0.0), float(last))
    low = min(int(level), last - 1)
    base = palette.mix(palette.SKIN_ANCHORS[low], palette.SKIN_ANCHORS[low + 1], level - low)
    return _shift(base, 0.0, 0.06 * person.tint[1])


def hair_color(person: Person) -> Color:
    """Display RGB of hair and beard."""
    base = palette.mix(palette.HAIR_PALETTE[person.hair_color], (0.6, 0.6, 0.6), 0.06 + 0.06 * person.tint[4])
    return _shift(base, 0.16 * person.tint[2], 0.08 * person.tint[3])


def eye_color(person: Person) -> Color:
    """Display RGB of the iris."""
    base = palette.mix(palette.EYE_PALETTE[person.eye_color], (0.4, 0.4, 0.35), 0.1 + 0.1 * person.tint[7])
    return _shift(base, 0.2 * person.tint[5], 0.1 * person.tint[6])


def identity_numbers(person: Person) -> list[float]:
    """What an identity reader regresses: fixed length, each number in about -1..1."""
    signs = [person.gender == "man", person.glasses, person.freckles]
    kinds = [person.hair_style == s for s in palette.HAIR_STYLES] + [person.beard == b for b in palette.BEARDS]
    colors = [*skin_color(person), *hair_color(person), *eye_color(person)]
    return [
        *(1.0 if s else -1.0 for s in signs),
        2 * person.age - 1,
        *(1.0 if k else -1.0 for k in kinds),
        *(2 * c - 1 for c in colors),
        *person.shape,
    ]
