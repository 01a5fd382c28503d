"""The photos of one dataset as they are kept in memory while they are sorted out.

What is asked at every key (those alike, an order, those that match) is worked out once and kept, so that it costs
no walk through thousands of photos; `changed` is told of which photos that must be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zen_tui.library.records import Photo
from zen_tui.photos.finding import EVERY, Test
from zen_tui.photos.orders import ORDERS, Rank


class Collection:
    """`photos` by id in the order they came, `numbers` counts them from 1. The records may change; say so."""

    def __init__(self, photos: Iterable[Photo] = ()) -> None:
        self.photos = {photo.id: photo for photo in photos}
        self.numbers = {id: number for number, id in enumerate(self.photos, 1)}
        self._groups: dict[int, list[int]] = {}  # of photos alike, by the id that they share
        self._group_of: dict[int, int] = {}
        self._ranks: dict[int, dict[int, Rank]] = {}  # of photos by id, by order
        self._sorted: dict[int, list[int]] = {}  # ids, by order
        for photo in self.photos.values():
            self._join(photo)

    def _join(self, photo: Photo) -> None:
        if photo.alike is not None:
            self._group_of[photo.id] = photo.alike
            self._groups.setdefault(photo.alike, []).append(photo.id)

    def changed(self, ids: Iterable[int]) -> None:
        """The records of these photos have been changed."""
        for id in ids:
            if photo := self.photos.get(id):
                group = self._group_of.get(id)
                if group != photo.alike:
                    if group is not None:
                        self._groups[group].remove(id)
                        del self._group_of[id]
                    self._join(photo)
                for order, ranks in self._ranks.items():
                    rank = ORDERS[order].key(photo)
                    if rank != ranks[id]:
                        ranks[id] = rank
                        self._sorted.pop(order, None)

    def twins(self, photo: Photo) -> list[Photo]:
        """The near-duplicates of a photo, in the order they came."""
        group = self._groups.get(photo.alike, ()) if photo.alike is not None else ()
        return [self.photos[id] for id in sorted(group) if id != photo.id]

    def found(self, test: Test, order: int) -> Sequence[int]:
        """The ids of the photos that pass `test`, in one of `ORDERS`."""
        every = self.sorted(order)
        return every if test is EVERY else [id for id in every if test(self.photos[id])]

    def sorted(self, order: int) -> list[int]:
        """The ids of all photos in one of `ORDERS`; may be asked for early, so that later it is there at once."""
        if order not in self._ranks:
            self._ranks[order] = {id: ORDERS[order].key(photo) for id, photo in self.photos.items()}
        if order not in self._sorted:
            self._sorted[order] = sorted(self.photos, key=self._ranks[order].__getitem__)
        return self._sorted[order]
