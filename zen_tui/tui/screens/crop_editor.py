"""Choosing the part of a photo that is trained on; the photo itself stays whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from textwrap import wrap

from textual.content import Content
from textual.widgets import Static

from zen_tui.library import datasets
from zen_tui.library.records import Crop, Dataset, Photo
from zen_tui.tui.keys import bindings
from zen_tui.tui.screens.rectangle_editor import RectangleScreen, fact
from zen_tui.tui.widgets import crop_geometry as geometry
from zen_tui.tui.widgets.crop_geometry import SHAPES, SIDES, WHOLE
from zen_tui.tui.widgets.live_pane import Preview
from zen_tui.tui.widgets.photo_paint import Frame, Light

RESOLUTIONS = (512, 768, 1024)


@dataclass(frozen=True)
class Cropping:
    """Where the rectangle is, and the shape it holds."""

    crop: Crop
    shape: str = field(default="free", compare=False)
    start: Crop | None = field(default=None, compare=False)  # before shapes were tried, so that none wears it down


class CropEditorScreen(RectangleScreen):
    """Keeps a rectangle in the photo's record, or none where it is the whole photo.

    `write` stores the crop of a photo by its id, so that Datasets can undo it; it raises `ZenError`.
    """

    scope = "crop"
    BINDINGS = bindings("crop")
    state: Cropping

    def __init__(
        self, dataset: Dataset, photos: list[Photo], index: int, write: Callable[[int, Crop | None], None]
    ) -> None:
        super().__init__(dataset, photos, index)
        self.write = write

    def load(self) -> None:
        self.query_one("#aside").border_title = "as trained"
        super().load()

    @property
    def box(self) -> Crop:
        return self.state.crop

    @property
    def ratio(self) -> float | None:
        return geometry.ratio_of(self.state.shape, self.size_of_photo)

    def with_box(self, box: Crop) -> Cropping:
        return Cropping(box, self.state.shape)

    def kept_state(self) -> Cropping:
        self.photos[self.index] = datasets.photo(self.zen.db, self.photo.id)
        crop = self.photo.crop
        return Cropping(crop, geometry.shape_of(crop, self.size_of_photo)) if crop else Cropping(WHOLE)

    def store(self) -> None:
        crop = None if self.box == WHOLE else self.box
        self.write(self.photo.id, crop)

    # Keys -------------------------------------------------------------------------------------------------

    def action_shape(self, by: int) -> None:
        """Hold another of the shapes, about the same centre."""
        shape = SHAPES[(SHAPES.index(self.state.shape) + by) % len(SHAPES)]
        start = self.state.start or self.box
        crop = geometry.reshape(start, self.size_of_photo, geometry.ratio_of(shape, self.size_of_photo))
        self.change(Cropping(crop, shape, start))

    def action_whole(self) -> None:
        self.change(Cropping(WHOLE))

    def action_resolution(self) -> None:
        """See it as a training at another resolution does."""
        larger = [resolution for resolution in RESOLUTIONS if resolution > self.eye.settings.resolution]
        self.eye = self.eye.with_settings(resolution=larger[0] if larger else RESOLUTIONS[0])
        self.show()

    def action_aspect(self) -> None:
        """See it as a training in squares does, or one in many shapes."""
        other = "square" if self.eye.settings.aspect == "buckets" else "buckets"
        self.eye = self.eye.with_settings(aspect=other)
        self.show()

    def action_suggest(self) -> None:
        """Take the square that keeps the head and shoulders, or the subject."""
        from zen_tui.photos.crops import box_of_mask, suggest_crop

        mask = box_of_mask(self.zen.home.mask(self.dataset.slug, self.photo.hash))
        found = suggest_crop(self.photo, self.dataset.kind, mask)
        if found is None:
            self.notify("Nothing better than the whole photo is known.", timeout=4)
        else:
            self.change(Cropping(geometry.move(found, self.size_of_photo, 0, 0), "square"))

    # Showing ----------------------------------------------------------------------------------------------

    def show(self) -> None:
        width, height = geometry.extent(self.box, self.size_of_photo)
        frame = Frame(self.box, f"{width}×{height}", sides=self.sides)
        self.stage.light(Light(over=((self.box, True),)), frame)
        part, size = self.eye.sees(*self.size_of_photo, self.box)
        self.query_one(Preview).show_part(self.stage.picture, part)
        self.query_one("#told", Static).update(self.told(part, size), layout=False)
        self.show_name()

    def told(self, part: Crop, size: tuple[int, int]) -> Content:
        """Sizes, what the arrows move, and what is wrong; `part` is trained on as `size`."""
        used = geometry.extent(part, self.size_of_photo)
        left, top = geometry.edges(self.box, self.size_of_photo)[:2]
        width, height = geometry.extent(self.box, self.size_of_photo)
        room = self.query_one("#told").content_size.width or 30
        moves = "all sides" if self.sides == SIDES else f"the {self.sides[0]} side"
        lines = [
            fact("photo", f"{self.photo.width}×{self.photo.height}"),
            fact("crop", f"{width}×{height}", "$bright"),
            fact("at", f"{left}, {top}"),
            fact("shape", self.state.shape),
            fact("used", f"{used[0]}×{used[1]}"),
            fact("as", f"{size[0]}×{size[1]}"),
            fact("arrows", moves, "$primary" if self.sides == SIDES else "$attention"),
        ]
        if used[0] < size[0]:
            why = f"Smaller than {size[0]}×{size[1]}: it will be enlarged {size[0] / used[0]:.2g} times."
            lines += [Content.styled(line, "$attention") for line in wrap(why, room)]
        return Content("\n").join(lines)
