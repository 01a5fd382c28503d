"""Near-duplicates: photos whose hashes differ in a few bits, or whose mirror images do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from zen_tui.library.records import Photo

ROWS = 512  # compared with all at a time, so that memory stays small


def distance(one: str, other: str) -> int:
    """In how many of 64 bits two hashes in hexadecimal differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def apart(one: Photo, other: Photo) -> int:
    """In how many bits two measured photos differ, either of them mirrored if that brings them closer."""
    assert one.measures is not None
    assert other.measures is not None
    direct = distance(one.measures.phash, other.measures.phash)
    return min(
        direct,
        distance(one.measures.phash, other.measures.mirror),
        distance(one.measures.mirror, other.measures.phash),
    )


def groups(photos: Sequence[Photo], bits: int) -> list[list[Photo]]:
    """The photos in groups of two or more that are the same shot: linked by pairs within `bits` bits.

    Groups, and the photos in each, come in the order of `photos`; those without measures are in none.
    """
    measured = [photo for photo in photos if photo.measures]
    first = list(range(len(measured)))

    def root(at: int) -> int:
        while first[at] != at:
            first[at] = first[first[at]]
            at = first[at]
        return at

    for one, other in _pairs(measured, bits):
        low, high = sorted((root(one), root(other)))
        first[high] = low
    found: dict[int, list[Photo]] = defaultdict(list)
    for at, photo in enumerate(measured):
        found[root(at)].append(photo)
    return [group for group in found.values() if len(group) > 1]


def _pairs(photos: Sequence[Photo], bits: int) -> list[tuple[int, int]]:
    """Index pairs of photos within `bits` bits of each other."""
    import numpy as np

    hashes = np.array([int(p.measures.phash, 16) for p in photos if p.measures], np.uint64)
    mirrors = np.array([int(p.measures.mirror, 16) for p in photos if p.measures], np.uint64)
    found: list[tuple[int, int]] = []
    for start in range(0, len(hashes), ROWS):
        rows = hashes[start : start + ROWS, None]
        near = np.bitwise_count(rows ^ hashes[start:]) <= bits
        near |= np.bitwise_count(rows ^ mirrors[start:]) <= bits
        near |= np.bitwise_count(mirrors[start : start + ROWS, None] ^ hashes[start:]) <= bits
        ones, others = np.nonzero(near)
        later = others > ones
        found += zip((ones[later] + start).tolist(), (others[later] + start).tolist(), strict=True)
    return found
