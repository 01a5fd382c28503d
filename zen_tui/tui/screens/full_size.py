"""One picture as large as the terminal allows, and the ones before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from zen_tui.tui.keys import bindings
from zen_tui.tui.screens.place import Place
from zen_tui.tui.widgets.picture_pane import PicturePane


@dataclass(frozen=True)
class Shown:
    """A picture file, the line that names it, the text below (a caption or a prompt), and a small copy."""

    path: Path
    name: str
    text: str = ""
    small: Path | None = None


class FullSizeScreen(Place):
    """Shows `entries`, beginning with the one at `index`; any screen may push it."""

    scope = "full"
    BINDINGS = bindings("full")
    CSS_PATH = "full_size.tcss"

    def __init__(self, entries: Sequence[Shown], index: int = 0, *, place: str = "datasets") -> None:
        super().__init__()
        self.tab = place
        self.entries = list(entries)
        self.index = max(0, min(index, len(self.entries) - 1))

    def body(self) -> ComposeResult:
        with Vertical(id="frame"):
            yield PicturePane()
            yield Static(id="line")

    @property
    def count(self) -> int:
        return len(self.entries)

    def entry(self) -> Shown:
        """What to show at `index`."""
        return self.entries[self.index]

    def load(self) -> None:
        self.show_entry()

    def show_entry(self) -> None:
        """Draw the entry at `index`."""
        if not self.count:
            return
        entry = self.entry()
        self.query_one(PicturePane).show(entry.path, entry.name, entry.small)
        frame = self.query_one("#frame")
        frame.border_title = Content(entry.name)
        frame.border_subtitle = Content(f"{self.index + 1:,} of {self.count:,}")
        self.query_one("#line", Static).update(self.line())

    def line(self) -> Content:
        """The text below the picture."""
        return Content.styled(self.entry().text, "$foreground")

    def action_step(self, by: int) -> None:
        if self.count:
            self.index = max(0, min(self.index + by, self.count - 1))
            self.show_entry()

    def action_copy_path(self) -> None:
        if self.count:
            self.zen.copy_path(self.entry().path)
