"""Who is drawn for what. Every part has its own stream of seeds, so that nobody is in two of them.

The base and the readers learn from `train`; `evaluate` measures on `evaluate`; the fifty of the gallery that
identity is asked against come from `gallery`; `demo` is who `zen demo` and the examples personalise.
"""

import random

from zen_tui.mannequins.people import Person, draw_person
from zen_tui.mannequins.scenes import Scene, draw_scene

PARTS = ("train", "evaluate", "gallery", "demo")


def stream(part: str, *key: object) -> random.Random:
    """Random numbers that follow from the part and the key alone, on any machine."""
    if part not in PARTS:
        raise ValueError(f"There is no part {part!r} of the cast; the parts are {', '.join(PARTS)}.")
    return random.Random("/".join(("zen-mini", part, *map(str, key))))


def person(part: str, index: int, seed: int = 0) -> Person:
    """Person number `index` of a part."""
    return draw_person(stream(part, seed, "person", index))


def scene(
    part: str, index: int, shot: int = 0, seed: int = 0, *, style: str | None = None, background: str | None = None
) -> Scene:
    """Scene number `shot` of that person; `style` or `background` fixes that word."""
    return draw_scene(stream(part, seed, "scene", index, shot), style=style, background=background)
