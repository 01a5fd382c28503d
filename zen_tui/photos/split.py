"""Which photos are held out: chosen by seed and content, so that the choice survives a new import."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from zen_tui.library.records import Photo

FEWEST = 4  # with fewer photos every one is needed for learning


def hold_out(photos: Sequence[Photo], fraction: float, seed: int) -> set[int]:
    """Ids of `fraction` of the usable photos, at least one of four or more, and never all.

    The same photos and seed give the same answer in whatever order they come.
    """
    usable = [photo for photo in photos if photo.split != "out"]
    if fraction <= 0 or len(usable) < FEWEST:
        return set()
    count = min(max(1, round(fraction * len(usable))), len(usable) - 1)
    drawn = sorted(usable, key=lambda photo: hashlib.sha256(f"{seed}:{photo.hash}".encode()).digest())
    return {photo.id for photo in drawn[:count]}
