"""Datasets: the list of them, the photos of one as a grid to sort out, and one photo in detail.

Photos are read once and kept: a mark changes the record, the row and the tile, and nothing is read or sorted
anew until another process has written, so that a key costs the same with ten photos and with thousands.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from functools import partial

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from zen_tui.library import datasets as library
from zen_tui.library.database import Database
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.library.records import Dataset, Photo
from zen_tui.library.text import plural
from zen_tui.photos.finding import HELP, Test, finder
from zen_tui.photos.orders import ORDERS
from zen_tui.photos.verdicts import ENOUGH, Row, coverage, set_verdicts
from zen_tui.tui.keys import bindings
from zen_tui.tui.messages import JobsChanged
from zen_tui.tui.screens.datasets_doing import DatasetsDoing
from zen_tui.tui.screens.datasets_marks import Change, Marks
from zen_tui.tui.screens.welcome import Welcome
from zen_tui.tui.widgets.choices import Choices
from zen_tui.tui.widgets.coverage_panel import CoveragePanel
from zen_tui.tui.widgets.panel import Panel
from zen_tui.tui.widgets.photo_detail import CaptionEditor, PhotoDetail
from zen_tui.tui.widgets.photo_facts import facts, facts_in_short, tile_label
from zen_tui.tui.widgets.photo_grid import PhotoGrid, Tile

PAUSE = 0.3  # seconds without a mark, before the whole set is judged anew


class DatasetsScreen(DatasetsDoing):
    """`slug` is the chosen dataset, `photos` are all of its photos, `order` is the index of one of `ORDERS`."""

    place = "datasets"
    scope = "datasets"
    home_focus = "PhotoGrid"
    BINDINGS = bindings("datasets")
    CSS_PATH = "datasets.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.datasets: list[Dataset] = []
        self.photos = {}
        self.numbers: dict[int, int] = {}  # of photos by id: 1 for the first that was imported
        self.slug = ""
        self.order = 0
        self.passes: Test = finder("")
        self.said = ("", -1)  # what was done last, and where the cursor stood
        self._read = ""  # the dataset that `photos` are of
        self._coverage: tuple[list[Row], list[str]] = ([], [])
        self._judging: Timer | None = None
        self._unjudged: set[int] = set()  # photos whose marks may tell on their verdicts, and on those alike

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
        self.marks = Marks(self.zen)

    # Reading ----------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read what another process, or another screen, has changed; nothing if nothing was."""
        stamp = self.zen.db.stamp
        if stamp != self.marks.stamp or self._read != self.slug or not self.slug:
            self.datasets = library.all_datasets(self.zen.db)
            slugs = [dataset.slug for dataset in self.datasets]
            if self.slug not in slugs:
                self.slug = slugs[-1] if slugs else ""
            self.marks.stamp, self._read = stamp, ""
            self._list(slugs)
            self.show_photos()
        else:
            self._detail()  # a mask is a file, of which the database knows nothing
        self.follow_full_size()
        self.refresh_bindings()

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
            dataset = self.dataset
            every = library.photos(self.zen.db, dataset.id) if dataset else []
            self.photos = {photo.id: photo for photo in every}
            self.numbers = {photo.id: number for number, photo in enumerate(every, 1)}
            self._read = self.slug
            self._judge_set()
        shown = sorted(filter(self.passes, self.photos.values()), key=ORDERS[self.order].key)
        grid = self.query_one(PhotoGrid)
        filtered = bool(self.photos) and not shown
        grid.empty = "No photo matches." if filtered else "No photo here. Press i to import some."
        grid.show([self._tile(photo) for photo in shown], cursor_id=cursor_id)
        self._title()
        self._detail()

    def _tile(self, photo: Photo) -> Tile:
        label, tone = tile_label(photo)
        thumbnail = self.zen.home.thumbnail(self.slug, photo.hash)
        return Tile(photo.id, thumbnail, label, tone, faded=photo.split == "out")

    def _judge_set(self) -> None:
        """Say what the whole set covers and lacks."""
        self._judging = None
        if dataset := self.dataset:
            self._look_over(dataset, list(self.photos.values()))

    @work(thread=True, exclusive=True, group="cover", exit_on_error=False)
    def _look_over(self, dataset: Dataset, photos: list[Photo]) -> None:
        rows = coverage(dataset, photos) if photos else []
        notes = [verdict.text for verdict in set_verdicts(dataset, photos)] if photos else []
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._covered, dataset.slug, rows, notes)

    def _covered(self, slug: str, rows: list[Row], notes: list[str]) -> None:
        if self.is_attached and slug == self.slug:
            self._coverage = rows, notes
            self._show_coverage()

    def _show_coverage(self) -> None:
        room, entries = self.query_one("#left").content_size, 2 * len(self.datasets) + 1
        height = max(room.height - entries, room.height // 3)
        self.query_one(CoveragePanel).show(*self._coverage, room.width, height)

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self._show_coverage)

    def _title(self) -> None:
        grid, dataset = self.query_one(PhotoGrid), self.dataset
        name = f"{dataset.slug} · {dataset.token} {dataset.class_word}".rstrip() if dataset else ""
        parts = [self.said[0]] if self.said[0] and self.said[1] == grid.cursor else []
        parts.append(f"{grid.cursor + 1:,} of {len(grid.tiles):,}" if grid.tiles else "0")
        if len(grid.tiles) < len(self.photos):
            parts[-1] += f" shown, {len(self.photos):,} in all"
        parts += [f"{len(grid.selected):,} selected"] if grid.selected else []
        below = Content(" · ".join([*parts, ORDERS[self.order].label]))
        self.query_one("#middle", Panel).entitle(Content(name), below)

    def _detail(self) -> None:
        photo, detail, home = self.photo, self.query_one(PhotoDetail), self.zen.home
        detail.entitle(Content(f"photo {self.numbers[photo.id]:,}" if photo else "photo"))
        if photo is None:
            detail.clear()
        else:
            path = home.photo(self.slug, photo.hash, photo.suffix)
            detail.show(photo, path, home.thumbnail(self.slug, photo.hash), partial(self._facts, photo))

    def _facts(self, photo: Photo, width: int, brief: bool) -> Content:
        from zen_tui.photos.masks import origin_of  # loads Pillow, as the first picture does

        numbered = [(self.numbers[twin.id], twin) for twin in self.alike(photo)]
        mask = origin_of(self.zen.home.mask(self.slug, photo.hash))
        say = facts_in_short if brief else facts
        return say(photo, width, self.numbers[photo.id], numbered, mask)

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
        changed = [self.photos[id] for id in ids if id in self.photos]
        grid.change([self._tile(photo) for photo in changed])
        self.said = (said, grid.cursor)
        self._title()
        if self.photo in changed:
            self._detail()
        if changed:
            self._count_uses()
            self._unjudged.update(photo.id for photo in changed)
            if self._judging is not None:
                self._judging.stop()
            self._judging = self.set_timer(PAUSE, self._judge)

    def _judge(self) -> None:
        """After a pause in the marking: what follows from the marks for verdicts, and for the whole set."""
        if self._unjudged and self.dataset:
            ids, self._unjudged = self._unjudged, set()
            self._rejudge(self.dataset, ids)
        self._judge_set()

    @work(thread=True, group="judge", exit_on_error=False)
    def _rejudge(self, dataset: Dataset, ids: set[int]) -> None:
        """Which of several alike is the best one depends on what was left out."""
        from zen_tui.photos.judge import rejudge

        try:
            with Database.open(self.zen.home) as db:
                changed = rejudge(db, self.zen.home, dataset, self.zen.settings.verdicts, ids)
        except (ZenError, sqlite3.Error):
            return  # they are judged again with the next mark
        if changed:
            self.app.call_from_thread(self._rejudged, changed)

    def _rejudged(self, changed: list[Photo]) -> None:
        for new in changed:
            if photo := self.photos.get(new.id):
                photo.verdicts, photo.alike = new.verdicts, new.alike
        self.query_one(PhotoGrid).change([self._tile(self.photos[p.id]) for p in changed if p.id in self.photos])
        self._detail()

    def _count_uses(self) -> None:
        """Say in the list how many photos of the dataset are in use now."""
        dataset = self.dataset
        if dataset:
            dataset.usable_count = sum(photo.split != "out" for photo in self.photos.values())
            self.query_one(Choices).replace_option_prompt(dataset.slug, _entry(dataset, self.slug))

    def go_on(self, skip: set[int]) -> None:
        grid = self.query_one(PhotoGrid)
        later = range(grid.cursor + 1, len(grid.tiles))
        grid.cursor = next((index for index in later if grid.tiles[index].id not in skip), grid.cursor)
        self.said = (self.said[0], grid.cursor)

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

    @on(PhotoGrid.Moved)
    def photo_chosen(self) -> None:
        self._title()
        self._detail()

    @on(PhotoGrid.Selected)
    def selection_changed(self) -> None:
        self._title()

    @on(Input.Changed, "#filter")
    def filter_changed(self, event: Input.Changed) -> None:
        try:
            self.passes = finder(event.value)
        except WrongUse as error:  # half of a condition, while it is being typed: the words before it count
            with contextlib.suppress(WrongUse):
                self.passes = finder(event.value.strip().rpartition(" ")[0])
            self.show_photos()
            self.query_one("#middle", Panel).say_below(Content(f"{error.message} {error.hint}"))
        else:
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
