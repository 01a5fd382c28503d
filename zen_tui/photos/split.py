"""Which photos are held out: chosen by seed and content, so that the choice survives a new import."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from zen_tui.library.records import Photo

FEWEST = 4  # with fewer photos every one is needed for learning


def hold_out(photos: Sequence[Photo], fraction: float, seed: int) -> set[int]:
    """Ids of `fraction` of the usable photos, at least one of four or more, and never all.

    Near-duplicates stay together, so that no shot is both learned and measured with. The same photos and seed
    give the same answer in whatever order they come.
    """
    usable = [photo for photo in photos if photo.split != "out"]
    if fraction <= 0 or len(usable) < FEWEST:
        return set()
    count = min(max(1, round(fraction * len(usable))), len(usable) - 1)
    drawn = sorted(_same_shots(usable), key=lambda shot: _lot(shot, seed))
    held: set[int] = set()
    for shot in drawn:
        if len(held) + len(shot) <= count:
            held |= {photo.id for photo in shot}
    if not held and len(drawn) > 1:  # every shot was taken more often than that
        held = {photo.id for photo in min(drawn, key=len)}
    return held


def torn(photos: Sequence[Photo]) -> list[Photo]:
    """The held-out photos of which a near-duplicate is trained on: they measure nothing."""
    trained = {photo.alike for photo in photos if photo.split == "train" and photo.alike is not None}
    return [photo for photo in photos if photo.split == "holdout" and photo.alike in trained]


def _same_shots(photos: Sequence[Photo]) -> list[list[Photo]]:
    """The photos, near-duplicates together."""
    shots: dict[tuple[str, int], list[Photo]] = defaultdict(list)
    for photo in photos:
        shots[("one", photo.id) if photo.alike is None else ("alike", photo.alike)].append(photo)
    return list(shots.values())


def _lot(shot: list[Photo], seed: int) -> bytes:
    """A shot's place in the draw: that of the first of its photos, by seed and content alone."""
    return min(hashlib.sha256(f"{seed}:{photo.hash}".encode()).digest() for photo in shot)
