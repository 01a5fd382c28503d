"""What a person did to photos by hand: seen in the same keystroke, written behind it, undone in order.

The records that the screens hold are changed at once and the database after them, so that a key waits for no
disk and nothing is read again. Every screen that changes photos of a dataset does it through here: then one key
undoes all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zen_tui.library.datasets import change_photos
from zen_tui.library.errors import ZenError
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
    """Changes photos and takes changes back.

    Args:
        lost: called with the ids of photos whose change could not be written, after the person was told: what
            the database has of them holds.
    """

    def __init__(self, app: ZenApp, lost: Callable[[Collection[int]], None]) -> None:
        self.app = app
        self.lost = lost
        self.done: list[Change] = []

    def change(
        self, slug: str, what: str, photos: Mapping[int, Photo], values: Values, at: int | None = None
    ) -> None:
        """Give photos of the dataset `slug` these values, in `photos` now and in the database soon.

        `what` names it when it is undone; the cursor then goes to the photo `at`, else to the first of them.
        """
        before = {
            id: {name: getattr(photos[id], name) for name in new}
            for id, new in values.items()
            if any(getattr(photos[id], name) != value for name, value in new.items())
        }
        if before:
            change = Change(slug, what, next(iter(before)) if at is None else at, before)
            self.done.append(change)
            self._write(photos, {id: values[id] for id in before}, lambda: self._forget(change))

    def _forget(self, change: Change) -> None:
        if change in self.done:  # it may have been taken back meanwhile
            self.done.remove(change)

    @property
    def last(self) -> Change | None:
        """The change that `undo` would take back."""
        return self.done[-1] if self.done else None

    def undo(self, photos: Mapping[int, Photo]) -> None:
        """Take the last change back."""
        if self.done:
            change = self.done.pop()
            self._write(photos, change.before, lambda: self.done.append(change))

    def _write(self, photos: Mapping[int, Photo], values: Values, forget: Callable[[], object]) -> None:
        """Set values here and have them written; `forget` what was done if that fails."""
        for id, new in values.items():
            if id in photos:
                for name, value in new.items():
                    setattr(photos[id], name, value)

        def tell(error: BaseException) -> None:
            self.app.untold.remove(error)
            if not isinstance(error, ZenError):
                raise error
            forget()
            self.app.fail(error)
            self.lost(values.keys())

        def written(future: Future[None]) -> None:
            if error := future.exception():
                self.app.untold.append(error)
                self.app.call_later(tell, error)

        self.app.writer.do(lambda db: change_photos(db, values)).add_done_callback(written)
