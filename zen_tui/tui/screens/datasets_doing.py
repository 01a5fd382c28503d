"""What the keys of Datasets do besides marking photos: filter, order, captions, full size, going elsewhere."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from textual import on
from textual.widgets import Input

from zen_tui.library.records import Crop, Dataset, Job
from zen_tui.library.text import plural
from zen_tui.photos.finding import EVERY, Test
from zen_tui.photos.orders import FLAGGED_FIRST, ORDERS
from zen_tui.tui import editor
from zen_tui.tui.messages import TrainOn
from zen_tui.tui.screens.culling import Culling
from zen_tui.tui.widgets.dialogs import Ask, Pick
from zen_tui.tui.widgets.photo_detail import PhotoDetail
from zen_tui.tui.widgets.photo_grid import PhotoGrid

if TYPE_CHECKING:
    from zen_tui.tui.screens.cull_view import CullScreen

NEEDS_PHOTOS = {
    "mark", "rate", "weigh", "this_one", "advance", "filter", "sort", "order", "large", "caption",
    "caption_editor", "captions", "crop", "mask", "look", "train", "out_flagged", "select_all", "copy_path",
}  # fmt: skip
RESIZED = "#left, #rest, #middle, PhotoDetail, PicturePane"  # what `-large` in datasets.tcss is about


class DatasetsDoing(Culling):
    """The base of the screen; `show_photos` fills its grid."""

    datasets: list[Dataset]
    order: int
    passes: Test
    fault: str
    full_size: CullScreen | None = None  # the view that lies above, or lay there a moment ago

    @property
    def dataset(self) -> Dataset | None:
        """The chosen dataset."""
        raise NotImplementedError

    def show_photos(self, cursor_id: int | None = None) -> None:
        """Filter, sort and draw."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "undo":
            return self.marks.last is not None
        return bool(self.photos) if action in NEEDS_PHOTOS else True

    # Filter and order -------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.add_class("-open")
        field.focus()

    def close_filter(self, cursor_id: int | None = None) -> None:
        """Show every photo again, with the cursor where it is or on `cursor_id`."""
        field = self.query_one("#filter", Input)
        field.remove_class("-open")
        with self.prevent(Input.Changed):
            field.value = ""
        self.passes, self.fault = EVERY, ""
        self.show_photos(cursor_id)

    def step_out(self) -> bool:
        grid = self.query_one(PhotoGrid)
        if self.query_one("#filter").has_class("-open"):
            self.close_filter()
            grid.focus()
            return True
        if grid.selected:
            grid.clear_selection()
            return True
        return False

    def action_sort(self) -> None:
        self.sort((self.order + 1) % len(ORDERS))

    def sort(self, order: int) -> None:
        """Show the photos in this order, one of `ORDERS`."""
        grid = self.query_one(PhotoGrid)
        first = grid.cursor <= 0  # nobody has gone anywhere yet: the first stays the first
        self.order = order
        self.show_photos()
        if first:
            grid.action_first()

    def action_order(self) -> None:
        def taken(index: int | None) -> None:
            if index is not None:
                self.sort(index)

        self.app.push_screen(Pick("order of the photos", [order.label for order in ORDERS], self.order), taken)

    # Many at once -----------------------------------------------------------------------------------------

    def action_select_all(self) -> None:
        grid = self.query_one(PhotoGrid)
        every = {tile.id for tile in grid.tiles}
        grid.select(set() if grid.selected == every else every)

    def action_out_flagged(self) -> None:
        """Leave out every flagged photo that is shown, after saying how many and why."""
        shown = [self.photos[tile.id] for tile in self.query_one(PhotoGrid).tiles]
        flagged = [photo for photo in shown if photo.verdicts and photo.split != "out"]
        if not flagged:
            self.app.notify("No photo that is in use is flagged.")
            return
        kinds = Counter(verdict.kind for photo in flagged for verdict in photo.verdicts)
        why = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
        left = sum(photo.split != "out" for photo in self.photos.values()) - len(flagged)
        what = f"{plural(len(flagged), 'flagged photo')} left out"

        def answered(yes: bool | None) -> None:
            if yes:
                self.do(what, {photo.id: {"split": "out"} for photo in flagged})

        ask = Ask(
            f"Leave out {plural(len(flagged), 'flagged photo')} of {len(shown):,}?",
            "leave out",
            why=f"{why}. {plural(left, 'photo')} stay in use. Nothing is deleted, and U takes it back.",
            no="keep",
        )
        self.app.push_screen(ask, answered)

    # One photo --------------------------------------------------------------------------------------------

    def action_large(self) -> None:
        """Make the photo the larger part of the screen, or the grid again."""
        large = self.query_one(PhotoDetail).large = not self.has_class("-large")
        self.set_class(large, "-large", update=False)
        self.app.stylesheet.update_nodes(
            self.query(RESIZED)
        )  # of the whole screen it takes as long as to paint it

    @on(PhotoGrid.Opened)
    def open_photo(self) -> None:
        from zen_tui.tui.screens.cull_view import CullScreen

        grid = self.query_one(PhotoGrid)
        ids = [tile.id for tile in grid.tiles]
        self.full_size = CullScreen(self.slug, self.collection, ids, grid.cursor, self.marks, self.redraw)
        self.app.push_screen(self.full_size)

    def follow_full_size(self) -> None:
        """Put the cursor on the photo that was looked at in full size."""
        if self.full_size is not None:
            seen, self.full_size = self.full_size.photo, None
            if seen is not None:
                self.query_one(PhotoGrid).go_to(seen.id)

    def action_caption(self) -> None:
        if self.photo:
            self.query_one(PhotoDetail).edit(self.photo.caption)

    def action_captions(self) -> None:
        from zen_tui.tui.screens.captions import CaptionsScreen

        grid = self.query_one(PhotoGrid)
        self.app.push_screen(CaptionsScreen(self.slug, grid.selected, self.photo.id if self.photo else None))

    def action_caption_editor(self) -> None:
        if self.photo and (text := editor.edit(self.zen, self.photo.caption)) is not None:
            self.keep_caption(" ".join(text.split()))

    def keep_caption(self, text: str) -> None:
        """Give the photo under the cursor this caption."""
        if self.photo:
            self.do("caption changed", {self.photo.id: {"caption": text}})

    def action_crop(self) -> None:
        from zen_tui.tui.screens.crop_editor import CropEditorScreen

        if self.dataset and self.photo:
            grid = self.query_one(PhotoGrid)
            photos = [self.photos[tile.id] for tile in grid.tiles]
            self.app.push_screen(CropEditorScreen(self.dataset, photos, grid.cursor, self.keep_crop))

    def keep_crop(self, photo_id: int, crop: Crop | None) -> None:
        """Give a photo this crop, as the crop editor asks."""
        self.marks.change(self.slug, "crop changed", self.photos, {photo_id: {"crop": crop}})
        self.redraw([photo_id])
        self.zen.writer.settle()  # the editor reads it again

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

    def action_copy_path(self) -> None:
        if self.photo:
            self.zen.copy_path(self.zen.home.photo(self.slug, self.photo.hash, self.photo.suffix))

    # Going elsewhere --------------------------------------------------------------------------------------

    def action_import_photos(self) -> None:
        from zen_tui.tui.screens.import_wizard import WizardScreen

        self.app.push_screen(WizardScreen(self.dataset))

    def open_dataset(self, slug: str, *, imported: bool = False) -> None:
        """Show the photos of this dataset, from wherever the screen stood; after an import, flagged ones first."""
        self.slug = slug
        self.load()
        if imported and any(photo.verdicts for photo in self.photos.values()):
            self.query_one(PhotoGrid).action_first()
            self.sort(FLAGGED_FIRST)
        self.focus_home()

    def action_train(self) -> None:
        self.post_message(TrainOn(self.slug))
