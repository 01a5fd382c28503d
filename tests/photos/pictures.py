"""Photographs for tests: four that lie here (see NOTICE), and one that comes with textual-image."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent / "photographs"
NAMES = ("astronaut", "chelsea", "coffee", "rocket")


def photograph(name: str) -> Image.Image:
    """One of `NAMES`, or `hopper`, a portrait of Grace Hopper."""
    if name == "hopper":
        spec = importlib.util.find_spec("textual_image")
        assert spec is not None
        assert spec.submodule_search_locations
        return Image.open(Path(spec.submodule_search_locations[0]) / "gracehopper.jpg").convert("RGB")
    return Image.open(FOLDER / f"{name}.jpg").convert("RGB")


def cut(picture: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """A part of a picture, in fractions of it, at twice its size."""
    wide, high = picture.size
    part = picture.crop((round(left * wide), round(top * high), round(right * wide), round(bottom * high)))
    return part.resize((2 * part.width, 2 * part.height), Image.Resampling.LANCZOS)
