"""Datasets: the list of them, the photos of one as a grid to sort out, and one photo in detail."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static
from textual.widgets.option_list import Option

from zen_tui.library import datasets as library
from zen_tui.library.errors import ZenError
from zen_tui.library.records import Crop, Dataset, Job, Photo, Split
from zen_tui.library.text import plural
from zen_tui.photos.verdicts import ENOUGH, set_verdicts
from zen_tui.tui import editor
from zen_tui.tui.keys import bindings
from zen_tui.tui.messages import JobsChanged, TrainOn
from zen_tui.tui.screens.place import Place
from zen_tui.tui.screens.welcome import Welcome
from zen_tui.tui.widgets.choices import Choices
from zen_tui.tui.widgets.photo_detail import CaptionEditor, PhotoDetail
from zen_tui.tui.widgets.photo_grid import PhotoGrid, Tile

ORDERS = ("as imported", "by name", "smallest first", "flagged first")
NEEDS_PHOTOS = {
    "mark", "caption", "caption_editor", "captions", "filter", "sort", "select_all", "train", "copy_path", "crop",
    "mask", "look",
}  # fmt: skip


class DatasetsScreen(Place):
    """`slug` is the chosen dataset; its photos are read anew each time the screen comes into view."""

    place = "datasets"
    scope = "datasets"
    home_focus = "PhotoGrid"
    BINDINGS = bindings("datasets")
    CSS_PATH = "datasets.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.datasets: list[Dataset] = []
        self.photos: dict[int, Photo] = {}
        self.slug = ""
        self.order = 0

    def body(self) -> ComposeResult:
        yield Welcome()
        with Horizontal(id="panes"):
            with Vertical(id="left", classes="panel") as left:
                left.border_title = "datasets"
                yield Choices(id="list")
                yield Static(id="advice")
            with Horizontal(id="rest"):
                with Vertical(id="middle", classes="panel") as middle:
                    middle.styles.padding = 0
                    hint = "words of a name, caption or verdict"
                    yield Input(placeholder=hint, id="filter", select_on_focus=False)
                    yield PhotoGrid(least=16, empty="No photo here. Press i to import some.")
                yield PhotoDetail(classes="panel")

    # Reading ----------------------------------------------------------------------------------------------

    def load(self) -> None:
        self.datasets = library.all_datasets(self.zen.db)
        self.set_class(not self.datasets, "-empty")
        slugs = [dataset.slug for dataset in self.datasets]
        if self.slug not in slugs:
            self.slug = slugs[-1] if slugs else ""
        choices = self.query_one(Choices)
        with self.prevent(Choices.OptionHighlighted):
            choices.clear_options()
            choices.add_options([Option(_entry(dataset, self.slug), id=dataset.slug) for dataset in self.datasets])
            choices.highlighted = slugs.index(self.slug) if self.slug else None
        self.show_photos()
        self.refresh_bindings()

    @property
    def dataset(self) -> Dataset | None:
        return next((dataset for dataset in self.datasets if dataset.slug == self.slug), None)

    def show_photos(self) -> None:
        """Fill the grid with the photos of the chosen dataset that pass the filter, in the chosen order."""
        dataset = self.dataset
        every = library.photos(self.zen.db, dataset.id) if dataset else []
        self.photos = {photo.id: photo for photo in every}
        words = self.query_one("#filter", Input).value.lower().split()
        shown = [photo for photo in every if all(word in _searched(photo) for word in words)]
        shown.sort(key=(_as_imported, _by_name, _by_size, _by_flags)[self.order])
        grid = self.query_one(PhotoGrid)
        grid.show([self._tile(photo) for photo in shown])
        self._title()
        self._detail()
        advice = [verdict.text for verdict in set_verdicts(dataset, every)] if dataset else []
        self.query_one("#advice", Static).update(Content("\n".join(advice)))

    def _tile(self, photo: Photo) -> Tile:
        label, tone = {"holdout": ("held out", "best"), "out": ("out", "lost")}.get(photo.split, ("use", ""))
        if photo.split == "train" and photo.verdicts:
            label, tone = photo.verdicts[0].kind, "attention"
        thumbnail = self.zen.home.thumbnail(self.slug, photo.hash)
        return Tile(photo.id, thumbnail, label, tone, faded=photo.split == "out")

    def _title(self) -> None:
        grid, middle = self.query_one(PhotoGrid), self.query_one("#middle")
        dataset = self.dataset
        name = f"{dataset.slug} · {dataset.token} {dataset.class_word}".rstrip() if dataset else ""
        middle.border_title = Content(name)
        count = f"{grid.cursor + 1} of {len(grid.tiles)}" if grid.tiles else "0"
        picked = f" · {len(grid.selected)} selected" if grid.selected else ""
        middle.border_subtitle = Content(f"{count}{picked} · {ORDERS[self.order]}")

    def _detail(self) -> None:
        photo = self.photo
        path = self.zen.home.photo(self.slug, photo.hash, photo.suffix) if photo else None
        detail = self.query_one(PhotoDetail)
        detail.border_title = Content(f"photo {self.query_one(PhotoGrid).cursor + 1}" if photo else "photo")
        if photo is None:
            detail.show(None, None)
        else:
            from zen_tui.photos.masks import origin_of  # loads Pillow, as the first picture does

            detail.show(photo, path, origin_of(self.zen.home.mask(self.slug, photo.hash)))

    @property
    def photo(self) -> Photo | None:
        """The photo under the cursor."""
        current = self.query_one(PhotoGrid).current
        return self.photos.get(current.id) if current else None

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

    @on(PhotoGrid.Opened)
    def open_photo(self) -> None:
        from zen_tui.tui.screens.full_size import FullSizeScreen, Shown

        shown = [self.photos[tile.id] for tile in self.query_one(PhotoGrid).tiles]
        entries = [
            Shown(self.zen.home.photo(self.slug, p.hash, p.suffix), f"{p.name} · {p.width}×{p.height}", p.caption)
            for p in shown
        ]
        self.app.push_screen(FullSizeScreen(entries, self.query_one(PhotoGrid).cursor))

    @on(Input.Changed, "#filter")
    def filter_changed(self) -> None:
        self.show_photos()

    @on(Input.Submitted, "#filter")
    def filter_kept(self) -> None:
        self.query_one(PhotoGrid).focus()

    @on(CaptionEditor.Ended)
    def caption_edited(self, event: CaptionEditor.Ended) -> None:
        if event.text is not None:
            self._keep_caption(event.text)
        self.query_one(PhotoDetail).stop_editing()
        self.query_one(PhotoGrid).focus()

    def on_jobs_changed(self, message: JobsChanged) -> None:
        if message.ended:
            self.load()

    # Doing ------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.datasets) if action in NEEDS_PHOTOS else True

    def step_out(self) -> bool:
        field, grid = self.query_one("#filter", Input), self.query_one(PhotoGrid)
        if field.has_class("-open"):
            field.remove_class("-open")
            field.value = ""
            grid.focus()
            return True
        if grid.selected:
            grid.clear_selection()
            return True
        return False

    def action_import_photos(self) -> None:
        from zen_tui.tui.screens.import_wizard import WizardScreen

        self.app.push_screen(WizardScreen(self.dataset))

    def open_dataset(self, slug: str) -> None:
        """Show the photos of this dataset, from wherever the screen stood."""
        self.slug = slug
        self.load()
        self.focus_home()

    def action_mark(self, split: Split) -> None:
        ids = [tile.id for tile in self.query_one(PhotoGrid).chosen]
        try:
            library.set_split(self.zen.db, ids, split)
        except ZenError as error:
            self.zen.fail(error)
        self.load()

    def action_caption(self) -> None:
        if self.photo:
            self.query_one(PhotoDetail).edit(self.photo.caption)

    def action_captions(self) -> None:
        from zen_tui.tui.screens.captions import CaptionsScreen

        grid = self.query_one(PhotoGrid)
        self.app.push_screen(CaptionsScreen(self.slug, grid.selected, self.photo.id if self.photo else None))

    def action_caption_editor(self) -> None:
        if self.photo and (text := editor.edit(self.zen, self.photo.caption)) is not None:
            self._keep_caption(" ".join(text.split()))

    def _keep_caption(self, text: str) -> None:
        if self.photo and text != self.photo.caption:
            try:
                library.set_caption(self.zen.db, self.photo.id, text)
            except ZenError as error:
                self.zen.fail(error)
            self.show_photos()

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.add_class("-open")
        field.focus()

    def action_sort(self) -> None:
        self.order = (self.order + 1) % len(ORDERS)
        self.show_photos()

    def action_select_all(self) -> None:
        grid = self.query_one(PhotoGrid)
        every = {tile.id for tile in grid.tiles}
        grid.select(set() if grid.selected == every else every)

    def action_crop(self) -> None:
        from zen_tui.tui.screens.crop_editor import CropEditorScreen

        if self.dataset and self.photo:
            grid = self.query_one(PhotoGrid)
            photos = [self.photos[tile.id] for tile in grid.tiles]
            self.app.push_screen(CropEditorScreen(self.dataset, photos, grid.cursor, self.keep_crop))

    def keep_crop(self, photo_id: int, crop: Crop | None) -> None:
        """Give a photo this crop, as the crop editor asks. Raises `ZenError`."""
        library.set_crop(self.zen.db, photo_id, crop)

    def action_mask(self) -> None:
        from zen_tui.tui.screens.mask_editor import MaskEditorScreen

        if self.dataset and self.photo:
            grid = self.query_one(PhotoGrid)
            photos = [self.photos[tile.id] for tile in grid.tiles]
            self.app.push_screen(MaskEditorScreen(self.dataset, photos, grid.cursor))

    def action_look(self) -> None:
        """Describe or mask the selected photos; all in use when none is selected."""
        from zen_tui.tui.screens.look_dialog import LookDialog

        def queued(job: Job | None) -> None:
            if job:
                self.notify(f"{job.title}: Jobs shows how far it is.", timeout=8, markup=False)

        selected = sorted(self.query_one(PhotoGrid).selected)
        used = [photo for photo in self.photos.values() if photo.split != "out"]
        if self.dataset:
            self.app.push_screen(LookDialog(self.dataset, selected, len(selected or used)), queued)

    def action_train(self) -> None:
        self.post_message(TrainOn(self.slug))

    def action_copy_path(self) -> None:
        if self.photo:
            self.zen.copy_path(self.zen.home.photo(self.slug, self.photo.hash, self.photo.suffix))


def _entry(dataset: Dataset, chosen: str) -> Content:
    """Name, count, and whether that is enough to learn from; a bar beside the one whose photos are shown."""
    enough = dataset.usable_count >= ENOUGH.get(dataset.kind, 15)
    state = ("ready", "$primary") if enough else ("few", "$attention")
    count = plural(dataset.photo_count, "photo")
    bar = ("▌", "$primary") if dataset.slug == chosen else " "
    return Content.assemble(bar, (dataset.slug, "$bright"), "\n", bar, (f"{count} · ", "$muted"), state)


def _searched(photo: Photo) -> str:
    split = {"train": "use", "holdout": "held out", "out": "out"}[photo.split]
    verdicts = " ".join(f"{verdict.kind} {verdict.text}" for verdict in photo.verdicts)
    return f"{photo.name} {photo.caption} {split} {verdicts}".lower()


def _as_imported(photo: Photo) -> tuple[float, str]:
    return photo.id, ""


def _by_name(photo: Photo) -> tuple[float, str]:
    return 0, photo.name.lower()


def _by_size(photo: Photo) -> tuple[float, str]:
    return min(photo.width, photo.height), photo.name.lower()


def _by_flags(photo: Photo) -> tuple[float, str]:
    return -len(photo.verdicts), f"{photo.id:09}"
