"""What a person or a model has drawn on a photo, in a word or two each."""

from __future__ import annotations

from zen_tui.library.records import Photo
from zen_tui.tui.widgets.crop_geometry import extent

MASKS = {"drawn": "drawn by hand", "imported": "imported", "model": "by a model"}


def marks(photo: Photo, mask: str | None) -> list[tuple[str, str]]:
    """Names and values to show: the pixels that its crop leaves, and how its mask came to be.

    Args:
        mask: the mask's origin (`photos.masks.origin_of`), None where there is none.
    """
    found = []
    if photo.crop:
        wide, high = extent(photo.crop, (photo.width, photo.height))
        found.append(("crop", f"{wide}×{high}"))
    if mask:
        found.append(("mask", MASKS.get(mask, mask)))
    return found
