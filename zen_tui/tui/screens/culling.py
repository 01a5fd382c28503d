"""Sorting photos out by single keys: what the grid of Datasets and its full-size view have in common."""

from __future__ import annotations

from collections.abc import Iterable

from zen_tui.library.errors import ZenError
from zen_tui.library.records import Photo, Split
from zen_tui.library.settings import change as change_setting
from zen_tui.library.text import plural
from zen_tui.photos.collection import Collection
from zen_tui.tui.screens.datasets_marks import Change, Marks, Values
from zen_tui.tui.screens.place import Place

LIGHTEST, HEAVIEST = 0.125, 8.0  # what the keys give; the command takes any weight
MARKED = {"train": "in use", "holdout": "held out", "out": "left out"}
NO_TWIN = "Nothing alike is known of this photo. Select those it stands for, then press d on it."


class Culling(Place):
    """A place whose photos can be marked. Subclasses say which photo is meant, and draw what changed.

    `collection` holds all photos of the dataset `slug`; it and `marks` are shared by the screens.
    """

    marks: Marks
    slug: str
    collection: Collection

    @property
    def photos(self) -> dict[int, Photo]:
        """All photos of the dataset by id, in the order they came."""
        return self.collection.photos

    @property
    def photo(self) -> Photo | None:
        """The photo that the person looks at."""
        raise NotImplementedError

    @property
    def chosen(self) -> list[Photo]:
        """The photos that a mark is meant for."""
        return [self.photo] if self.photo else []

    def redraw(self, ids: Iterable[int], said: str = "") -> None:
        """Draw these photos anew; `said` is what was done to them."""
        raise NotImplementedError

    def go_on(self, skip: set[int]) -> None:
        """Look at the next photo that is not one of `skip`."""
        raise NotImplementedError

    def go_to(self, change: Change) -> None:
        """Look at the photo of a change that is about to be undone."""
        raise NotImplementedError

    # Doing ------------------------------------------------------------------------------------------------

    def do(self, what: str, values: Values, at: int | None = None) -> bool:
        """Change photos, remember it, and draw them. Undoing goes to the photo `at`, else to this or the first."""
        if at is None and self.photo and self.photo.id in values:
            at = self.photo.id
        self.marks.change(self.slug, what, self.photos, values, at)
        self.redraw(values, what)
        return bool(values)

    def action_mark(self, split: Split) -> None:
        chosen = self.chosen
        what = _of(chosen, MARKED[split])
        if self.do(what, {photo.id: {"split": split} for photo in chosen}) and len(chosen) == 1:
            self._advance(set())

    def action_rate(self, rating: int) -> None:
        chosen = self.chosen
        what = _of(chosen, "★" * rating or "no rating")
        if self.do(what, {photo.id: {"rating": rating} for photo in chosen}) and len(chosen) == 1:
            self._advance(set())

    def action_weigh(self, times: float) -> None:
        """Let the photos count more or less beside the others; a photo that has reached an end stays there."""
        values: dict[int, dict[str, object]] = {}
        for photo in self.chosen:
            values[photo.id] = {"weight": min(max(photo.weight * times, LIGHTEST), HEAVIEST)}
        if values:
            weights = sorted({f"{each['weight']:g}" for each in values.values()})
            self.do(_of(self.chosen, f"weight {' or '.join(weights)}"), values)

    def action_this_one(self) -> None:
        """Keep this photo, and leave those out that are alike: of the selection if there is one."""
        if self.photo is None:
            return
        others = {twin.id for twin in self.twins()}
        if not others:
            self.app.notify(NO_TWIN)
            return
        values: dict[int, dict[str, object]] = {id: {"split": "out"} for id in others}
        if self.photo.split == "out":
            values[self.photo.id] = {"split": "train"}
        if self.do(f"this one in use, {len(others)} left out", values, self.photo.id):
            self._advance(others)

    def twins(self) -> list[Photo]:
        """The photos that this one stands for."""
        here = self.photo
        selected = [photo for photo in self.chosen if here and photo.id != here.id]
        return selected if selected or here is None else self.collection.twins(here)

    def action_undo(self) -> None:
        change = self.marks.last
        if change is None:
            self.app.notify("Nothing is left to undo.")
            return
        self.go_to(change)
        self.marks.undo(self.photos)
        self.redraw(change.before, f"undone: {change.what}")

    def action_advance(self) -> None:
        """After a mark go on to the next photo, or stay: kept in the settings."""
        try:
            self.zen.settings = change_setting(self.zen.home, "advance", not self.zen.settings.advance)
        except ZenError as error:
            self.zen.fail(error)
        self.redraw((), "a mark goes on to the next photo" if self.zen.settings.advance else "a mark stays here")

    def _advance(self, skip: set[int]) -> None:
        if self.zen.settings.advance:
            self.go_on(skip)


def _of(photos: list[Photo], what: str) -> str:
    """What was done, and to how many if to several."""
    return what if len(photos) == 1 else f"{plural(len(photos), 'photo')} {what}"
