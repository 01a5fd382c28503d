"""A photo of a dataset in full size, sorted out with the same keys as in the grid."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual.content import Content

from zen_tui.library.records import Photo
from zen_tui.photos.collection import Collection
from zen_tui.tui.keys import bindings
from zen_tui.tui.screens.culling import MARKED, Culling
from zen_tui.tui.screens.datasets_marks import Change, Marks
from zen_tui.tui.screens.full_size import FullSizeScreen, Shown
from zen_tui.tui.widgets.photo_facts import SPLITS, TONES, sentence

PLAIN = {*MARKED.values(), *("★" * number for number in range(1, 6))}  # is seen without saying it


class CullScreen(FullSizeScreen, Culling):
    """Shows the photos with `ids` of the dataset `slug`, beginning at `index`.

    `drawn` is called with the ids of photos that changed, so that the grid below is up to date.
    """

    scope = "cull"
    BINDINGS = bindings("cull")

    def __init__(
        self,
        slug: str,
        collection: Collection,
        ids: list[int],
        index: int,
        marks: Marks,
        drawn: Callable[[Iterable[int]], None],
    ) -> None:
        super().__init__([], index)
        self.slug, self.collection, self.ids, self.marks, self.drawn = slug, collection, ids, marks, drawn
        self.index = max(0, min(index, len(ids) - 1))
        self.said = ""

    @property
    def count(self) -> int:
        return len(self.ids)

    @property
    def photo(self) -> Photo | None:
        return self.photos.get(self.ids[self.index]) if self.ids else None

    def entry(self) -> Shown:
        photo, home = self.photos[self.ids[self.index]], self.zen.home
        name = f"{photo.name} · {photo.width}×{photo.height}"
        path = home.photo(self.slug, photo.hash, photo.suffix)
        return Shown(path, name, photo.caption, home.thumbnail(self.slug, photo.hash))

    def line(self) -> Content:
        """Its use and stars, what was done last, its caption, and its flags."""
        photo = self.photos[self.ids[self.index]]
        stars = f"  {'★' * photo.rating}" if photo.rating else ""
        said = "" if self.said in PLAIN else f"  {self.said}"
        first = [(SPLITS[photo.split], TONES[photo.split]), (stars, "$best"), (said, "$muted")]
        lines = [Content.assemble(*first), Content.styled(photo.caption, "$foreground")]
        lines += [Content.styled(f"! {sentence(verdict)}", "$attention") for verdict in photo.verdicts]
        return Content("\n").join(lines)

    def action_step(self, by: int) -> None:
        self.said = ""
        super().action_step(by)

    def redraw(self, ids: Iterable[int], said: str = "") -> None:
        self.said = said
        self.drawn(ids)
        self.show_entry()

    def go_on(self, skip: set[int]) -> None:
        said = self.said
        later = range(self.index + 1, len(self.ids))
        self.index = next((index for index in later if self.ids[index] not in skip), self.index)
        self.said = said
        self.show_entry()

    def go_to(self, change: Change) -> None:
        if change.at in self.ids:
            self.index = self.ids.index(change.at)
