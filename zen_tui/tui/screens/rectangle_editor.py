"""What the editors of crops and of masks share: a photo, a rectangle on it, the keys and the mouse that move it.

Nothing is kept until a person says so, and each change can be taken back, photo by photo, as long as the
editor is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from zen_tui.library.errors import ZenError
from zen_tui.library.records import Crop, Dataset, Photo
from zen_tui.tui.keys import bindings
from zen_tui.tui.screens.place import Place
from zen_tui.tui.widgets import crop_geometry as geometry
from zen_tui.tui.widgets.crop_geometry import SIDES, Grip, Point, Side
from zen_tui.tui.widgets.live_pane import Preview
from zen_tui.tui.widgets.photo_stage import PhotoStage

if TYPE_CHECKING:
    from zen_tui.jobs.seen import Eye

SMALL, LARGE = 0.01, 0.1  # of the photo's longer side
TURNS: tuple[tuple[Side, ...], ...] = (SIDES, ("left",), ("top",), ("right",), ("bottom",))


class RectangleScreen(Place):
    """Edits `photos` of `dataset`, beginning with the one at `index`.

    A subclass keeps its state in a value that is never changed in place (`state`), and says where its
    rectangle is (`box`), what to show (`show`), and what to keep (`keep`).
    """

    scope = "rectangle"
    BINDINGS = bindings("rectangle")
    CSS_PATH = "rectangle_editor.tcss"

    def __init__(self, dataset: Dataset, photos: list[Photo], index: int = 0) -> None:
        super().__init__()
        self.dataset = dataset
        self.photos = photos
        self.index = max(0, min(index, len(photos) - 1))
        self.turn = 0  # which of TURNS the arrows move
        self.history: dict[int, list[Any]] = {}  # by photo: what it was before each change
        self.eye: Eye  # how a training would look at the photos
        self.state: Any = None
        self.opened: Any = None  # the state as it is kept
        self.named: tuple[int, bool] | None = None
        self.grip: Grip = ""
        self.held: tuple[Point, Any] | None = None  # where the mouse took hold, and the state then

    def body(self) -> ComposeResult:
        with Horizontal(id="editor"):
            with Vertical(id="frame", classes="panel"):
                yield PhotoStage(id="stage")
            with Vertical(id="aside", classes="panel"):
                yield Preview(id="preview")
                yield Static(id="told")

    # What a subclass says ---------------------------------------------------------------------------------

    @property
    def box(self) -> Crop:
        """The rectangle that keys move."""
        raise NotImplementedError

    @property
    def ratio(self) -> float | None:
        """Width by height to hold."""
        return None

    def with_box(self, box: Crop) -> Any:
        """The state with the rectangle there."""
        raise NotImplementedError

    def kept_state(self) -> Any:
        """The state as it is stored for the photo."""
        raise NotImplementedError

    def store(self) -> None:
        """Store the state. Raises `ZenError`."""
        raise NotImplementedError

    def show(self) -> None:
        """Draw how things stand."""
        raise NotImplementedError

    def pressed(self, at: Point) -> Grip:
        """What the mouse took hold of at `at`, having made what is there current."""
        return geometry.grip_at(self.box, *at, self.stage.reach())

    def drawn_from(self, start: Point, end: Point) -> Any:
        """The state when the mouse draws from a free place to another."""
        return self.with_box(geometry.span(start, end, self.size_of_photo, self.ratio))

    # The photo --------------------------------------------------------------------------------------------

    @property
    def photo(self) -> Photo:
        return self.photos[self.index]

    @property
    def size_of_photo(self) -> tuple[int, int]:
        return max(1, self.photo.width), max(1, self.photo.height)

    @property
    def sides(self) -> tuple[Side, ...]:
        return TURNS[self.turn]

    @property
    def stage(self) -> PhotoStage:
        return self.query_one(PhotoStage)

    @property
    def changed(self) -> bool:
        """Whether there is something that is not kept yet."""
        return bool(self.state != self.opened)

    def load(self) -> None:
        from zen_tui.jobs.seen import eye_of

        if self.state is None:
            self.eye = eye_of(self.zen.db, self.dataset)
            self.open_photo()
        else:
            self.show()

    def open_photo(self) -> None:
        """Begin with the photo at `index`, as it is kept."""
        photo = self.photo
        self.state = self.opened = self.kept_state()
        home, slug = self.zen.home, self.dataset.slug
        self.stage.open(home.photo(slug, photo.hash, photo.suffix), home.thumbnail(slug, photo.hash))
        self.show()

    def show_name(self) -> None:
        """The photo's name and number, and whether it stands as it is kept."""
        frame, named = self.query_one("#frame"), (self.index, self.changed)
        if named == self.named:  # a title that is set paints all that it frames
            return
        self.named = named
        note = " · changed, enter keeps it" if self.changed else ""
        frame.border_title = Content.assemble(self.photo.name, (note, "$attention"))
        frame.border_subtitle = Content(f"{self.index + 1} of {len(self.photos)}")

    @on(PhotoStage.Opened)
    def photo_arrived(self) -> None:
        self.show()

    def change(self, state: Any) -> None:
        """Go on with `state`; what was before can be had back."""
        if state != self.state:
            self.history.setdefault(self.photo.id, []).append(self.state)
        self.state = state
        self.show()

    def step(self, large: bool) -> float:
        """How far a key moves, in pixels of the photo."""
        return max(1, round(max(self.size_of_photo) * (LARGE if large else SMALL)))

    # Keys -------------------------------------------------------------------------------------------------

    def action_nudge(self, across: int, down: int, large: bool = False) -> None:
        """Move the rectangle, or the one side that was chosen, by a step."""
        step, size = self.step(large), self.size_of_photo
        if self.sides == SIDES:
            self.change(self.with_box(geometry.move(self.box, size, across * step, down * step)))
            return
        side = self.sides[0]
        by = across if side in ("left", "right") else down
        if by:
            self.change(self.with_box(geometry.move_side(self.box, size, side, by * step, self.ratio)))

    def action_size(self, by: int, large: bool = False) -> None:
        """Larger or smaller about the centre."""
        step = self.step(large)
        self.change(self.with_box(geometry.grow(self.box, self.size_of_photo, 2 * by * step, self.ratio)))

    def action_side(self, by: int) -> None:
        """Choose what the arrows move."""
        self.turn = (self.turn + by) % len(TURNS)
        self.show()

    def action_undo(self) -> None:
        earlier = self.history.get(self.photo.id)
        if not earlier:
            self.notify("Nothing was changed in this photo.", timeout=4)
            return
        self.state = earlier.pop()
        self.show()

    def keep(self) -> bool:
        """Store what was changed; False, with the reason shown, when that failed."""
        if not self.changed:
            return True
        try:
            self.store()
        except ZenError as error:
            self.zen.fail(error)
            return False
        self.opened = self.state
        return True

    def action_keep(self) -> None:
        if self.keep():
            self.app.pop_screen()

    def action_leave(self) -> None:
        if self.changed:
            self.notify(f"{self.photo.name} stays as it was.", timeout=6, markup=False)
        self.app.pop_screen()

    def action_photo(self, by: int) -> None:
        """Keep, and go to another photo."""
        index = self.index + by
        if not 0 <= index < len(self.photos):
            self.notify("This is the last photo." if by > 0 else "This is the first photo.", timeout=4)
        elif self.keep():
            self.index = index
            self.open_photo()

    # The mouse --------------------------------------------------------------------------------------------

    @on(PhotoStage.Grabbed)
    def mouse_down(self, event: PhotoStage.Grabbed) -> None:
        self.grip = self.pressed(event.at)
        self.held = event.at, self.state

    @on(PhotoStage.Pulled)
    def mouse_moved(self, event: PhotoStage.Pulled) -> None:
        if self.held is None:
            return
        (x, y), before = self.held
        self.state = before
        size = self.size_of_photo
        if self.grip == "inside":
            across, down = (event.at[0] - x) * size[0], (event.at[1] - y) * size[1]
            self.state = self.with_box(geometry.move(self.box, size, across, down))
        elif self.grip:
            self.state = self.with_box(geometry.drag(self.box, size, self.grip, *event.at, self.ratio))
        elif event.at != (x, y):
            self.state = self.drawn_from((x, y), event.at)
        self.show()

    @on(PhotoStage.Dropped)
    def mouse_up(self) -> None:
        if self.held is not None:
            after, self.state = self.state, self.held[1]
            self.held = None
            self.change(after)

    @on(PhotoStage.Turned)
    def wheel_turned(self, event: PhotoStage.Turned) -> None:
        self.action_size(event.by)


def fact(label: str, value: str, colour: str = "$foreground") -> Content:
    """A line of what is told beside the photo."""
    return Content.assemble((f"{label:<8} ", "$muted"), (value, colour))
