"""Choosing the part of a photo that is trained on; the photo itself stays whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from textwrap import wrap

from textual.content import Content
from textual.widgets import Static

from zen_tui.library import datasets, models
from zen_tui.library.records import Crop, Dataset, Photo
from zen_tui.library.specs import TrainSettings
from zen_tui.tui.keys import bindings
from zen_tui.tui.screens.rectangle_editor import RectangleScreen
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
        self.resolution = 0

    def load(self) -> None:
        if not self.resolution:
            self.resolution = resolution_of(self)
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
        larger = [resolution for resolution in RESOLUTIONS if resolution > self.resolution]
        self.resolution = larger[0] if larger else RESOLUTIONS[0]
        self.show()

    # Showing ----------------------------------------------------------------------------------------------

    def show(self) -> None:
        width, height = geometry.extent(self.box, self.size_of_photo)
        frame = Frame(self.box, f"{width}×{height}", sides=self.sides)
        self.stage.light(Light(over=((self.box, True),)), frame)
        left, top, right, bottom = geometry.trained(self.box, self.size_of_photo)
        wide, high = self.size_of_photo
        part = Crop(left / wide, top / high, right / wide, bottom / high)
        self.query_one(Preview).show_part(self.stage.picture, part)
        self.show_name()
        self.query_one("#told", Static).update(self.told(round(right - left)), layout=False)

    def told(self, taken: int) -> Content:
        """Sizes, what the arrows move, and what is wrong; `taken` is the side of what is trained, in pixels."""
        left, top = geometry.edges(self.box, self.size_of_photo)[:2]
        width, height = geometry.extent(self.box, self.size_of_photo)
        room = self.query_one("#told").content_size.width or 30
        moves = "all sides" if self.sides == SIDES else f"the {self.sides[0]} side"
        lines = [
            _line("photo", f"{self.photo.width}×{self.photo.height}"),
            _line("crop", f"{width}×{height}", "$bright"),
            _line("at", f"{left}, {top}"),
            _line("shape", self.state.shape),
            _line("used", f"{taken}×{taken}"),
            _line("as", f"{self.resolution}×{self.resolution}"),
            _line("arrows", moves, "$primary" if self.sides == SIDES else "$attention"),
        ]
        if taken < self.resolution:
            why = (
                f"Smaller than {self.resolution} pixels: it will be enlarged {self.resolution / taken:.2g} times."
            )
            lines += [Content.styled(line, "$attention") for line in wrap(why, room)]
        return Content("\n").join(lines)


def resolution_of(screen: CropEditorScreen) -> int:
    """Of the dataset's last training; else what the newest base recommends; else the usual one."""
    runs = models.runs_of(screen.zen.db, screen.dataset.id)
    if runs and (found := runs[-1].spec.get("settings", {}).get("resolution")):
        return int(found)
    bases = models.bases(screen.zen.db)
    recommended = bases[-1].facts.get("defaults", {}).get("train", {}) if bases else {}
    return int(recommended.get("resolution", TrainSettings().resolution))


def _line(label: str, value: str, colour: str = "$foreground") -> Content:
    return Content.assemble((f"{label:<8} ", "$muted"), (value, colour))
