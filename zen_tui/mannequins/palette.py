"""Words and their colours: the shared vocabulary of people, scenes and captions.

Colours are display RGB in 0..1. Skin runs over a line of anchors, so that any tone between two words exists.
"""

from typing import TypeAlias

Color: TypeAlias = tuple[float, float, float]

SKINS = ("pale", "fair", "tan", "brown", "dark")
SKIN_ANCHORS: tuple[Color, ...] = (
    (0.97, 0.84, 0.77),
    (0.92, 0.74, 0.62),
    (0.80, 0.59, 0.44),
    (0.58, 0.39, 0.27),
    (0.36, 0.23, 0.17),
)
HAIR_PALETTE: dict[str, Color] = {
    "black": (0.10, 0.09, 0.09),
    "brown": (0.36, 0.21, 0.11),
    "blonde": (0.88, 0.71, 0.38),
    "red": (0.69, 0.27, 0.09),
    "grey": (0.56, 0.56, 0.59),
    "white": (0.92, 0.92, 0.90),
}
EYE_PALETTE: dict[str, Color] = {
    "blue": (0.25, 0.50, 0.85),
    "green": (0.28, 0.58, 0.32),
    "brown": (0.38, 0.22, 0.11),
    "grey": (0.52, 0.58, 0.62),
}
CLOTH_PALETTE: dict[str, Color] = {
    "red": (0.80, 0.10, 0.12),
    "orange": (0.94, 0.50, 0.10),
    "yellow": (0.94, 0.82, 0.20),
    "green": (0.12, 0.52, 0.24),
    "blue": (0.14, 0.30, 0.78),
    "purple": (0.47, 0.18, 0.60),
    "pink": (0.95, 0.52, 0.68),
    "black": (0.09, 0.09, 0.10),
    "white": (0.94, 0.94, 0.94),
    "grey": (0.50, 0.51, 0.54),
}
STATUES: dict[str, Color] = {
    "marble statue": (0.90, 0.89, 0.87),
    "jade statue": (0.30, 0.66, 0.47),
    "bronze statue": (0.50, 0.33, 0.13),
}

HAIR_COLORS = tuple(HAIR_PALETTE)
HAIR_STYLES = ("bald", "short", "bob", "long", "curly", "bun")
BEARDS = ("none", "stubble", "moustache", "beard")
EYE_COLORS = tuple(EYE_PALETTE)
COLORS = tuple(CLOTH_PALETTE)
GARMENTS = ("shirt", "t-shirt", "suit", "dress", "hoodie")
STYLES = ("photo", "oil painting", "watercolour", "pencil sketch", "cartoon", *STATUES)
BACKGROUNDS = (
    "studio",
    "white",
    "beach",
    "forest",
    "city",
    "mountains",
    "office",
    "night sky",
    "eiffel tower",
    "cannes",
)
GENDERS = ("man", "woman")

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "style": STYLES,
    "background": BACKGROUNDS,
    "garment_color": COLORS,
    "hair_color": HAIR_COLORS,
    "hair_style": HAIR_STYLES,
    "gender": GENDERS,
}


def mix(first: Color, second: Color, amount: float) -> Color:
    """The colour `amount` (0..1) of the way from first to second."""
    red, green, blue = (a + (b - a) * amount for a, b in zip(first, second, strict=True))
    return red, green, blue
