"""Datasets: the list of them, the photos of one as a grid to sort out, and one photo in detail.

Photos are read once and kept: a mark changes the record and the tile and is written behind the key, and nothing
is read or sorted anew until somebody else has written, so that ten photos and thousands cost a key the same.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Collection as Some
from collections.abc import Iterable
from functools import partial

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input
from textual.widgets.option_list import Option

from zen_tui.library import datasets as library
from zen_tui.library.errors import WrongUse
from zen_tui.library.records import Dataset, Photo
from zen_tui.library.text import plural
from zen_tui.photos.collection import Collection
from zen_tui.photos.finding import EVERY, HELP, Test, finder
from zen_tui.photos.orders import ORDERS
from zen_tui.photos.verdicts import ENOUGH
from zen_tui.tui.keys import bindings
from zen_tui.tui.messages import JobsChanged
from zen_tui.tui.screens.datasets_judging import DatasetsJudging
from zen_tui.tui.screens.datasets_marks import Change, Marks
from zen_tui.tui.screens.welcome import Welcome
from zen_tui.tui.widgets.choices import Choices
from zen_tui.tui.widgets.coverage_panel import CoveragePanel
from zen_tui.tui.widgets.panel import Panel
from zen_tui.tui.widgets.photo_detail import CaptionEditor, PhotoDetail
from zen_tui.tui.widgets.photo_facts import facts, facts_in_short, tile_label
from zen_tui.tui.widgets.photo_grid import PhotoGrid, Tile

SEEN = 0.1  # seconds after which what was drawn has reached the terminal


class DatasetsScreen(DatasetsJudging):
    """`slug` is the chosen dataset, `collection` its photos, `order` is the index of one of `ORDERS`."""

    place = "datasets"
    scope = "datasets"
    home_focus = "PhotoGrid"
    BINDINGS = bindings("datasets")
    CSS_PATH = "datasets.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.datasets: list[Dataset] = []
        self.collection = Collection()
        self.slug = ""
        self.order = 0
        self.passes: Test = EVERY
        self.fault = ""  # what is wrong with the filter
        self.said = ("", -1)  # what was done last, and where the cursor stood
        self._tiles: dict[int, Tile] = {}  # by the photos' ids
        self._read = ""  # the dataset that `collection` is of
        self._version = -1  # of the database, when it was read

    def body(self) -> ComposeResult:
        yield Welcome()
        with Horizontal(id="panes"):
            with Vertical(id="left", classes="panel") as left:
                left.border_title = "datasets"
                yield Choices(id="list")
                yield CoveragePanel()
            with Horizontal(id="rest"):
                with Panel(id="middle"):
                    yield Input(placeholder=HELP, id="filter", select_on_focus=False)
                    yield PhotoGrid(least=16, empty="No photo here. Press i to import some.")
                yield PhotoDetail()

    def on_mount(self) -> None:
        self.marks = Marks(self.zen, self.lost)
        self.watch(self.query_one(PhotoGrid), "cursor", self.photo_chosen, init=False)

    # Reading ----------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read what another process, or another screen, has changed; nothing if nothing was."""
        version = self.zen.writer.version_of_others()
        if version != self._version or self._read != self.slug or not self.slug:
            self.datasets = library.all_datasets(self.zen.db)
            slugs = [dataset.slug for dataset in self.datasets]
            if self.slug not in slugs:
                self.slug = slugs[-1] if slugs else ""
            self._version, self._read = version, ""
            self._list(slugs)
            self.show_photos()
        else:
            self._detail()  # a mask is a file, of which the database knows nothing
        self.follow_full_size()
        self.refresh_bindings()

    def lost(self, ids: Some[int]) -> None:
        """What was done to these photos could not be written: show what the database has of them."""
        if not self.leaving:
            self._read = ""
            self.show_photos()
            if (above := self.full_size) is not None:
                above.collection = self.collection
                above.redraw(ids)

    def _list(self, slugs: list[str]) -> None:
        self.set_class(not self.datasets, "-empty")
        choices = self.query_one(Choices)
        with self.prevent(Choices.OptionHighlighted):
            choices.clear_options()
            choices.add_options([Option(_entry(dataset, self.slug), id=dataset.slug) for dataset in self.datasets])
            choices.highlighted = slugs.index(self.slug) if self.slug else None

    @property
    def dataset(self) -> Dataset | None:
        return next((dataset for dataset in self.datasets if dataset.slug == self.slug), None)

    def show_photos(self, cursor_id: int | None = None) -> None:
        """Fill the grid with the photos of the chosen dataset that pass the filter, in the chosen order."""
        if self._read != self.slug or not self.slug:
            self.zen.writer.settle()
            dataset = self.dataset
            self.collection = Collection(library.photos(self.zen.db, dataset.id) if dataset else ())
            self._tiles = {id: self._tile(photo) for id, photo in self.photos.items()}
            self._read = self.slug
            gc.freeze()  # a sweep through thousands of photos would hold up a key
            self.judge_set()
        shown = self.collection.found(self.passes, self.order)
        grid = self.query_one(PhotoGrid)
        filtered = bool(self.photos) and not shown
        grid.empty = "No photo matches." if filtered else "No photo here. Press i to import some."
        grid.show(map(self._tiles.__getitem__, shown), cursor_id=cursor_id)
        self._title()
        self._detail()
        self.set_timer(SEEN, self._foresee)

    def _foresee(self) -> None:
        """Sort as the next `s` will want it: of ten thousand photos that takes as long as drawing them."""
        self.collection.sorted((self.order + 1) % len(ORDERS))

    def _tile(self, photo: Photo) -> Tile:
        label, tone = tile_label(photo)
        thumbnail = self.zen.home.thumbnail(self.slug, photo.hash)
        return Tile(photo.id, thumbnail, label, tone, faded=photo.split == "out")

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self.show_coverage)

    def _title(self) -> None:
        grid, dataset = self.query_one(PhotoGrid), self.dataset
        name = f"{dataset.slug} · {dataset.token} {dataset.class_word}".rstrip() if dataset else ""
        parts = [self.said[0]] if self.said[0] and self.said[1] == grid.cursor else []
        parts.append(f"{grid.cursor + 1:,} of {len(grid.tiles):,}" if grid.tiles else "0")
        if len(grid.tiles) < len(self.photos):
            parts[-1] += f" shown, {len(self.photos):,} in all"
        parts += [f"{len(grid.selected):,} selected"] if grid.selected else []
        below = Content(self.fault or " · ".join([*parts, ORDERS[self.order].label]))
        self.query_one("#middle", Panel).entitle(Content(name), below)

    def _detail(self) -> None:
        photo, detail, home = self.photo, self.query_one(PhotoDetail), self.zen.home
        detail.entitle(Content(f"photo {self.collection.numbers[photo.id]:,}" if photo else "photo"))
        if photo is None:
            detail.clear()
        else:
            path = home.photo(self.slug, photo.hash, photo.suffix)
            detail.show(photo, path, home.thumbnail(self.slug, photo.hash), partial(self._facts, photo))

    def _facts(self, photo: Photo, width: int, brief: bool) -> Content:
        from zen_tui.photos.masks import origin_of  # loads Pillow, as the first picture does

        numbered = [(self.collection.numbers[twin.id], twin) for twin in self.collection.twins(photo)]
        mask = origin_of(self.zen.home.mask(self.slug, photo.hash))
        say = facts_in_short if brief else facts
        return say(photo, width, self.collection.numbers[photo.id], numbered, mask)

    # Culling ----------------------------------------------------------------------------------------------

    @property
    def photo(self) -> Photo | None:
        current = self.query_one(PhotoGrid).current
        return self.photos.get(current.id) if current else None

    @property
    def chosen(self) -> list[Photo]:
        return [self.photos[tile.id] for tile in self.query_one(PhotoGrid).chosen]

    def redraw(self, ids: Iterable[int], said: str = "") -> None:
        grid = self.query_one(PhotoGrid)
        changed = [id for id in ids if id in self.photos]
        self._renew(changed)
        self.said = (said, grid.cursor)
        self._title()
        if self.photo and self.photo.id in changed:
            self._detail()
        if changed:
            self.judge_soon(changed)

    def _renew(self, ids: Some[int]) -> None:
        """Draw the tiles of these photos, whose records have been changed."""
        self.collection.changed(ids)
        tiles = [self._tile(self.photos[id]) for id in ids]
        self._tiles.update((tile.id, tile) for tile in tiles)
        self.query_one(PhotoGrid).change(tiles)

    def judged(self, ids: Some[int]) -> None:
        self._renew(ids)
        self._detail()
        if self.full_size is not None:
            self.full_size.show_entry()

    def count_uses(self) -> None:
        dataset = self.dataset
        in_use = sum(photo.split != "out" for photo in self.photos.values())
        if dataset and in_use != dataset.usable_count:
            dataset.usable_count = in_use
            self.query_one(Choices).replace_option_prompt(dataset.slug, _entry(dataset, self.slug))

    def go_on(self, skip: set[int]) -> None:
        grid = self.query_one(PhotoGrid)
        later = range(grid.cursor + 1, len(grid.tiles))
        after = next((index for index in later if grid.tiles[index].id not in skip), grid.cursor)
        self.said = (self.said[0], after)
        grid.cursor = after

    def go_to(self, change: Change) -> None:
        if change.slug != self.slug:
            self.open_dataset(change.slug)
        grid = self.query_one(PhotoGrid)
        if not grid.go_to(change.at):
            self.close_filter(change.at)

    # Hearing ----------------------------------------------------------------------------------------------

    @on(Choices.OptionHighlighted)
    def dataset_chosen(self, event: Choices.OptionHighlighted) -> None:
        if event.option_id and event.option_id != self.slug:
            self.slug = event.option_id
            for dataset in self.datasets:
                event.option_list.replace_option_prompt(dataset.slug, _entry(dataset, self.slug))
            self.query_one(PhotoGrid).selected.clear()
            self.show_photos()

    @on(Choices.OptionSelected)
    def to_photos(self) -> None:
        self.query_one(PhotoGrid).focus()

    def photo_chosen(self) -> None:
        """The cursor stands on another photo."""
        self.wait()
        self._title()
        self._detail()

    @on(PhotoGrid.Selected)
    def selection_changed(self) -> None:
        self._title()

    @on(Input.Changed, "#filter")
    def filter_changed(self, event: Input.Changed) -> None:
        self.fault = ""
        try:
            self.passes = finder(event.value)
        except WrongUse as error:  # half of a condition, while it is being typed: the words before it count
            self.fault = f"{error.message} {error.hint}"
            with contextlib.suppress(WrongUse):
                self.passes = finder(event.value.strip().rpartition(" ")[0])
        self.show_photos()

    @on(Input.Submitted, "#filter")
    def filter_kept(self) -> None:
        self.query_one(PhotoGrid).focus()

    @on(CaptionEditor.Ended)
    def caption_edited(self, event: CaptionEditor.Ended) -> None:
        if event.text is not None:
            self.keep_caption(event.text)
        self.query_one(PhotoDetail).stop_editing()
        self.query_one(PhotoGrid).focus()

    def on_jobs_changed(self, message: JobsChanged) -> None:
        if message.ended:
            self.load()


def _entry(dataset: Dataset, chosen: str) -> Content:
    """Name, count, and whether that is enough to learn from; a bar beside the one whose photos are shown."""
    enough = dataset.usable_count >= ENOUGH.get(dataset.kind, 15)
    state = ("ready", "$primary") if enough else ("few", "$attention")
    count = plural(dataset.photo_count, "photo")
    if dataset.usable_count < dataset.photo_count:
        count = f"{dataset.usable_count:,} of {dataset.photo_count:,}"
    bar = ("▌", "$primary") if dataset.slug == chosen else " "
    return Content.assemble(bar, (dataset.slug, "$bright"), "\n", bar, (f"{count} · ", "$muted"), state)
