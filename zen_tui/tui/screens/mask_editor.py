"""Drawing by hand where the subject is in a photo: rectangles of subject and of background over its mask."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from textwrap import wrap
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.widgets import Static

from zen_tui.library.errors import ZenError
from zen_tui.library.records import Crop
from zen_tui.tui.keys import bindings
from zen_tui.tui.screens.rectangle_editor import RectangleScreen, fact
from zen_tui.tui.widgets import crop_geometry as geometry
from zen_tui.tui.widgets.crop_geometry import SIDES, Grip, Point
from zen_tui.tui.widgets.live_pane import SMALL, Preview
from zen_tui.tui.widgets.photo_marks import MASKS
from zen_tui.tui.widgets.photo_paint import Frame, Light
from zen_tui.tui.widgets.photo_stage import PhotoStage

if TYPE_CHECKING:
    from PIL.Image import Image

MIDDLE = Crop(0.25, 0.25, 0.75, 0.75)
OUTSIDE = 0.85  # how dark the preview is where errors hardly count


@dataclass(frozen=True)
class Patch:
    """A rectangle that is subject, or that is not."""

    box: Crop
    subject: bool = True


@dataclass(frozen=True)
class Masking:
    """What is drawn over the mask that was there, if `over` that; `at` is the patch that keys move."""

    over: bool = False
    patches: tuple[Patch, ...] = ()
    at: int = field(default=0, compare=False)


class MaskEditorScreen(RectangleScreen):
    """Keeps the mask as a grey PNG beside the photo, or none; what was drawn is in it, no longer as rectangles."""

    scope = "mask"
    BINDINGS = bindings("mask")
    state: Masking
    before: Image | None = None  # the mask that was there
    origin = ""
    small: Image | None = None  # of the photo, for the preview

    def load(self) -> None:
        self.query_one("#aside").border_title = "what counts"
        super().load()

    @property
    def patch(self) -> Patch | None:
        """The rectangle that keys move."""
        return self.state.patches[self.state.at] if self.state.patches else None

    @property
    def box(self) -> Crop:
        return self.patch.box if self.patch else MIDDLE

    def with_box(self, box: Crop) -> Masking:
        if self.patch is None:
            return self._with(Patch(box))
        return self._instead(replace(self.patch, box=box))

    def _with(self, patch: Patch) -> Masking:
        return replace(self.state, patches=(*self.state.patches, patch), at=len(self.state.patches))

    def _instead(self, *patches: Patch) -> Masking:
        """The state with `patches` in place of the current one."""
        at = self.state.at
        every = (*self.state.patches[:at], *patches, *self.state.patches[at + 1 :])
        return replace(self.state, patches=every, at=max(0, min(at, len(every) - 1)))

    def kept_state(self) -> Masking:
        from zen_tui.photos.masks import origin_of, read_mask

        path = self.zen.home.mask(self.dataset.slug, self.photo.hash)
        self.small = None
        try:
            self.before = read_mask(path)
        except ZenError as error:
            self.before = None
            self.zen.fail(error)
        self.origin = MASKS.get(origin_of(path) or "", "") if self.before else ""
        return Masking(over=self.before is not None)

    def store(self) -> None:
        from zen_tui.photos.masks import mask_size, write_mask

        path = self.zen.home.mask(self.dataset.slug, self.photo.hash)
        if self.state.over or self.state.patches:
            write_mask(path, self.lit().mask(mask_size(*self.size_of_photo)), "drawn")
        else:
            path.unlink(missing_ok=True)

    def keep(self) -> bool:
        changed = self.changed
        if not super().keep():
            return False
        if changed:  # the rectangles are in the mask now
            self.history.pop(self.photo.id, None)
        return True

    def lit(self) -> Light:
        """What is subject now: all of the photo where nothing says otherwise."""
        patches = self.state.patches
        under = self.before if self.state.over else None
        ground = not (patches and patches[0].subject)
        return Light(ground if under is None else under, tuple((patch.box, patch.subject) for patch in patches))

    # Keys -------------------------------------------------------------------------------------------------

    def action_add(self) -> None:
        """Add a rectangle of the same kind as the current one."""
        self.change(self._with(Patch(MIDDLE, self.patch.subject if self.patch else True)))

    def action_other(self) -> None:
        """Take up the next rectangle."""
        if self.state.patches:
            self.state = replace(self.state, at=(self.state.at + 1) % len(self.state.patches))
            self.show()

    def action_kind(self) -> None:
        """Subject, or not."""
        patch = self.patch or Patch(MIDDLE)
        turned = replace(patch, subject=not patch.subject)
        self.change(self._instead(turned) if self.patch else self._with(turned))

    def action_drop(self) -> None:
        """Take the current rectangle away."""
        if self.patch:
            self.change(self._instead())

    def action_clear(self) -> None:
        """Take the mask away, rectangles and all."""
        self.change(Masking())

    # The mouse --------------------------------------------------------------------------------------------

    def pressed(self, at: Point) -> Grip:
        """The rectangle under the mouse becomes the current one; it is looked for from the current one down."""
        count = len(self.state.patches)
        order = sorted(range(count), key=lambda number: (number == self.state.at, number), reverse=True)
        for number in order:
            grip = geometry.grip_at(self.state.patches[number].box, *at, self.stage.reach())
            if grip:
                self.state = replace(self.state, at=number)
                self.show()
                return grip
        return ""

    def drawn_from(self, start: Point, end: Point) -> Masking:
        box = geometry.span(start, end, self.size_of_photo, None)
        return self._with(Patch(box, self.patch.subject if self.patch else True))

    # Showing ----------------------------------------------------------------------------------------------

    @on(PhotoStage.Opened)
    def make_small(self, event: PhotoStage.Opened) -> None:
        picture = event.picture
        self.small = picture.reduce(max(1, min(picture.size) // SMALL))
        self.show()

    def show(self) -> None:
        lit = self.lit()
        frames = [
            Frame(
                patch.box,
                f"{number + 1} {_kind(patch)}",
                active=number == self.state.at,
                dashed=not patch.subject,
                sides=self.sides,
            )
            for number, patch in enumerate(self.state.patches)
        ]
        self.stage.light(lit, *frames)
        self.query_one(Preview).show_part(
            self._weighed(lit), self.eye.sees(*self.size_of_photo, self.photo.crop)[0]
        )
        self.query_one("#told", Static).update(self.told(lit), layout=False)
        self.show_name()

    def _weighed(self, lit: Light) -> Image | None:
        """The photo, dark where an error hardly counts."""
        from PIL import Image as Pillow

        if self.small is None:
            return None
        dark = Pillow.blend(self.small, Pillow.new("RGB", self.small.size), OUTSIDE)
        dark.paste(self.small, mask=lit.mask(self.small.size))
        return dark

    def told(self, lit: Light) -> Content:
        """The mask that was there, how much is subject, and what keys move."""
        share = lit.mask((64, 64)).resize((1, 1), 4).getpixel((0, 0))  # 4: the mean of all
        assert isinstance(share, int)
        patch, state = self.patch, self.state
        was = self.origin or "none"
        lines = [
            fact("mask", was if state.over or not self.before else f"{was}, taken away"),
            fact("subject", f"{share / 255:.0%}", "$bright"),
            fact("drawn", f"{state.at + 1} of {len(state.patches)}" if patch else "nothing yet"),
        ]
        if patch:
            moves = "all sides" if self.sides == SIDES else f"the {self.sides[0]} side"
            lines += [
                fact("this is", _kind(patch), "$primary" if patch.subject else "$attention"),
                fact("", "space turns it", "$muted"),
                fact("arrows", moves, "$primary" if self.sides == SIDES else "$attention"),
            ]
        else:
            room = self.query_one("#told").content_size.width or 24
            lines += [
                Content.styled(line, "$muted") for line in wrap("a adds a rectangle; the mouse draws one.", room)
            ]
        return Content("\n").join(lines)


def _kind(patch: Patch) -> str:
    return "subject" if patch.subject else "not subject"
