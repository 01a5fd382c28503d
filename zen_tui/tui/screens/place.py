"""What every screen of the app is made of: tabs and status above, keys below, a body between.

A place is one of the seven tabs, or a page opened from one of them (a run, a full-size picture).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.screen import Screen
from textual.widgets import Static

from zen_tui.tui.widgets.footer import KeyLine
from zen_tui.tui.widgets.status_line import StatusLine
from zen_tui.tui.widgets.tab_bar import TabBar

if TYPE_CHECKING:
    from zen_tui.tui.app import ZenApp

LEAST_WIDTH, LEAST_HEIGHT = 60, 18


class Place(Screen[None]):
    """A screen of Zen. Subclasses set `place`, `scope` and `BINDINGS`, and fill `body` and `load`.

    `load` is called after the first paint and each time the screen comes back into view: it reads the
    database and fills the widgets, so that nothing on screen is older than the last visit.
    """

    place: ClassVar[str] = "datasets"  # one of keys.PLACES
    scope: ClassVar[str] = ""  # the section of keys.ACTIONS that BINDINGS came from
    home_focus: ClassVar[str] = ""  # selector of what has the focus at first
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-middle"), (132, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]

    def __init__(self) -> None:
        super().__init__()
        self.tab = self.place  # the tab that is underlined

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield TabBar(self.tab)
            yield StatusLine()
        with Container(id="body"):
            yield from self.body()
        yield KeyLine()
        yield Static(
            f"Zen needs a window of {LEAST_WIDTH}×{LEAST_HEIGHT}.\nMake it larger, or press ctrl+q to leave.",
            id="too-small",
        )

    def body(self) -> ComposeResult:
        """The widgets between the tabs and the keys."""
        yield from ()

    def load(self) -> None:
        """Read what is shown from the database and fill the widgets."""

    @property
    def zen(self) -> ZenApp:
        return cast("ZenApp", self.app)

    @property
    def leaving(self) -> bool:
        """Whether the screen is being taken down: a timer may still come, but its widgets may be gone."""
        return not self.display

    def on_screen_resume(self) -> None:
        self.call_after_refresh(self._come_into_view)

    def _come_into_view(self) -> None:
        if not self.is_running or not self.is_mounted or self.leaving:
            return
        self.zen.writer.settle()
        self.load()
        for picture in self.query(".sharp"):  # a dialog may have lain over it
            picture.refresh()
        if self.focused is None:
            self.focus_home()

    def focus_home(self) -> None:
        """Give the focus to the widget a person most likely wants."""
        if self.home_focus and (found := self.query(self.home_focus)):
            found.first().focus()

    def step_out(self) -> bool:
        """Called on escape: close a field or a filter. False when there was nothing to close."""
        return False

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < LEAST_WIDTH or event.size.height < LEAST_HEIGHT, "-too-small")
        if self.focused is None:
            self.call_after_refresh(self.focus_home)
