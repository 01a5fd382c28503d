"""The orders in which photos of a dataset can be looked at, by what is known and was measured of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zen_tui.library.records import Photo

Rank = tuple[float | str, ...]
Key = Callable[[Photo], Rank]


@dataclass(frozen=True)
class Order:
    """`label` follows the word sorted; photos of which it is not known come last."""

    label: str
    key: Key


def short_side(photo: Photo) -> float:
    """Pixels of the shorter side."""
    return min(photo.width, photo.height)


def softness(photo: Photo) -> float | None:
    """0 (crisp) to 1, None where it was not measured."""
    return photo.measures.blur if photo.measures else None


def darkness(photo: Photo) -> float | None:
    """0 (white) to 1 (black), None where it was not measured."""
    return 1 - photo.measures.mean if photo.measures else None


def face_width(photo: Photo) -> float | None:
    """Pixels that the largest face is wide; 0 where none was found, None where none was looked for."""
    faces = photo.measures.faces if photo.measures else None
    if faces is None:
        return None
    return (faces[0].box.right - faces[0].box.left) * photo.width if faces else 0.0


def _least(measure: Callable[[Photo], float | None]) -> Key:
    def key(photo: Photo) -> tuple[float, ...]:
        value = measure(photo)
        return (1, 0, photo.id) if value is None else (0, value, photo.id)

    return key


def _most(measure: Callable[[Photo], float | None]) -> Key:
    return _least(lambda photo: None if (value := measure(photo)) is None else -value)


ORDERS = (
    Order("as imported", lambda photo: (photo.id,)),
    Order("flagged first", lambda photo: (-len(photo.verdicts), photo.id)),
    Order("alike together", lambda photo: (photo.alike is None, photo.alike or 0, photo.id)),
    Order("by name", lambda photo: (photo.name.lower(), photo.id)),
    Order("best rated first", lambda photo: (-photo.rating, photo.id)),
    Order("smallest first", _least(short_side)),
    Order("softest first", _most(softness)),
    Order("darkest first", _most(darkness)),
    Order("brightest first", _least(darkness)),
    Order("smallest face first", _least(face_width)),
    Order("newest first", lambda photo: (-photo.created, -photo.id)),
)
FLAGGED_FIRST = 1
