"""What a person did to photos by hand: written in the same keystroke, remembered, and undone in order.

The records that the screens hold are changed together with the database, so that nothing is read again.
Every screen that changes photos of a dataset does it through here: then one key undoes all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zen_tui.library.datasets import change_photos
from zen_tui.library.records import Photo

if TYPE_CHECKING:
    from zen_tui.tui.app import ZenApp

Values = Mapping[int, Mapping[str, Any]]  # of photos by id: split, rating, weight, caption or crop


@dataclass(frozen=True)
class Change:
    """What one keystroke did to photos of the dataset `slug`, at the photo `at`; `before` is what they were."""

    slug: str
    what: str
    at: int
    before: Values


class Marks:
    """Changes photos and takes changes back. `stamp` tells which state of the database the screens know."""

    def __init__(self, app: ZenApp) -> None:
        self.app = app
        self.done: list[Change] = []
        self.stamp: tuple[int, int] | None = None

    def change(
        self, slug: str, what: str, photos: Mapping[int, Photo], values: Values, at: int | None = None
    ) -> None:
        """Give photos of the dataset `slug` these values, in the database and in `photos`.

        `what` names it when it is undone; the cursor then goes to the photo `at`, else to the first of them.

        Raises:
            ZenError: it cannot be written; nothing is changed.
        """
        before = {
            id: {name: getattr(photos[id], name) for name in new}
            for id, new in values.items()
            if any(getattr(photos[id], name) != value for name, value in new.items())
        }
        if not before:
            return
        self._write(photos, {id: values[id] for id in before})
        self.done.append(Change(slug, what, next(iter(before)) if at is None else at, before))

    @property
    def last(self) -> Change | None:
        """The change that `undo` would take back."""
        return self.done[-1] if self.done else None

    def undo(self, photos: Mapping[int, Photo]) -> None:
        """Take the last change back. Raises as `change` does."""
        if self.done:
            self._write(photos, self.done[-1].before)
            self.done.pop()

    def _write(self, photos: Mapping[int, Photo], values: Values) -> None:
        known = self.stamp == self.app.db.stamp
        change_photos(self.app.db, values)
        if known:
            self.stamp = self.app.db.stamp
        for id, new in values.items():
            if id in photos:
                for name, value in new.items():
                    setattr(photos[id], name, value)
