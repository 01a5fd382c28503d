"""What a person did to photos by hand: written in the same keystroke, remembered, and undone in order.

The records that the screens hold are changed together with the database, so that nothing is read again.
Every screen that changes photos of a dataset does it through here: then one key undoes all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zen_tui.library.datasets import change_photos
from zen_tui.library.errors import ZenError
from zen_tui.library.records import Photo

if TYPE_CHECKING:
    from zen_tui.tui.app import ZenApp

Values = Mapping[int, Mapping[str, Any]]  # of photos by id: split, rating, caption or crop


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
    ) -> bool:
        """Give photos of the dataset `slug` these values, in the database and in `photos`; False if that failed.

        `what` names it when it is undone; the cursor then goes to the photo `at`, else to the first of them.
        """
        before = {
            id: {name: getattr(photos[id], name) for name in new}
            for id, new in values.items()
            if any(getattr(photos[id], name) != value for name, value in new.items())
        }
        if not before:
            return True
        if not self._write(photos, {id: values[id] for id in before}):
            return False
        self.done.append(Change(slug, what, next(iter(before)) if at is None else at, before))
        return True

    @property
    def last(self) -> Change | None:
        """The change that `undo` would take back."""
        return self.done[-1] if self.done else None

    def undo(self, photos: Mapping[int, Photo]) -> bool:
        """Take the last change back."""
        if self.done and self._write(photos, self.done[-1].before):
            self.done.pop()
            return True
        return False

    def _write(self, photos: Mapping[int, Photo], values: Values) -> bool:
        known = self.stamp == self.app.db.stamp
        try:
            change_photos(self.app.db, values)
        except ZenError as error:
            self.app.fail(error)
            return False
        if known:
            self.stamp = self.app.db.stamp
        for id, new in values.items():
            if id in photos:
                for name, value in new.items():
                    setattr(photos[id], name, value)
        return True
