"""Near-duplicates: photos whose hashes differ in a few bits, or whose mirror images do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from zen_tui.library.records import Photo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROWS = 64  # compared with all at a time, so that memory stays small


def distance(one: str, other: str) -> int:
    """In how many of 64 bits two hashes in hexadecimal differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def straight(one: Photo, other: Photo) -> int:
    """In how many bits two measured photos differ as they are."""
    assert one.measures is not None
    assert other.measures is not None
    return distance(one.measures.phash, other.measures.phash)


def apart(one: Photo, other: Photo) -> int:
    """In how many bits two measured photos differ, either of them mirrored if that brings them closer."""
    assert one.measures is not None
    assert other.measures is not None
    mirrored = distance(one.measures.phash, other.measures.mirror)
    return min(straight(one, other), mirrored, distance(one.measures.mirror, other.measures.phash))


def groups(photos: Sequence[Photo], bits: int) -> list[list[Photo]]:
    """The photos in groups of two or more that are the same shot: linked by pairs within `bits` bits.

    Groups, and the photos in each, come in the order of `photos`; those without measures are in none.
    """
    measured = [(photo, photo.measures) for photo in photos if photo.measures]
    found = linked([(m.phash, m.mirror) for _, m in measured], bits)
    return [[measured[at][0] for at in group] for group in found if len(group) > 1]


def linked(pairs: Sequence[tuple[str, str]], bits: int) -> Iterator[list[int]]:
    """The indices of photos in groups, each reached from the others by steps of at most `bits` bits.

    No pair of photos is kept, for of ten thousand frames of one film there are fifty million.

    Args:
        pairs: the hash of each photo and that of its mirror image, in hexadecimal.
    """
    import numpy as np

    hashes = np.array([int(hash, 16) for hash, _ in pairs], np.uint64)
    mirrors = np.array([int(mirror, 16) for _, mirror in pairs], np.uint64)
    alone = np.ones(len(hashes), bool)  # not in a group yet

    def near(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of those that are alone are within `bits` bits of any of `rows`."""
        left = np.flatnonzero(alone)
        found = np.zeros(len(left), bool)
        for start in range(0, len(rows), ROWS):
            some = rows[start : start + ROWS, None]
            for one, other in ((hashes, hashes), (hashes, mirrors), (mirrors, hashes)):
                found |= (np.bitwise_count(one[some] ^ other[left]) <= bits).any(axis=0)
        return left[found]

    for first in range(len(hashes)):
        if alone[first]:
            alone[first] = False
            group, reached = [first], np.array([first])
            while len(reached := near(reached)):
                alone[reached] = False
                group += reached.tolist()
            yield sorted(group)
