"""What a job said: its notes, its warnings, and the last lines of its log."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from zen_tui.jobs.history import History
from zen_tui.jobs.log import tail
from zen_tui.library.paths import Home
from zen_tui.library.records import Job
from zen_tui.library.text import clean

LINES = 200


class JobLog(VerticalScroll):
    """`show` fills it and stays at the end, unless a person has scrolled up."""

    DEFAULT_CSS = "JobLog { height: 1fr; & > Static { width: 1fr; } }"

    def __init__(self, home: Home, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.home = home
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static()

    def show(self, job: Job, history: History, trouble: str = "") -> None:
        """Show what `job` said so far, and `trouble` if the worker died over it."""
        lines = tuple(tail(self.home, job.id, LINES))
        shown = (job.id, tuple(history.notes), tuple(history.warnings), lines, job.error, trouble)
        if shown == self._shown:
            return
        self._shown = shown
        parts = [Content(clean(note, 2000)) for note in history.notes]
        parts += [Content.styled(f"! {clean(text, 2000)}", "$attention") for text in history.warnings]
        parts += [Content.styled(clean(line, 2000), "$muted") for line in lines]
        parts += [Content.styled(clean(line, 2000), "$lost") for line in (job.error or trouble).splitlines()]
        if not parts:
            parts = [Content.styled("It has said nothing yet.", "$muted")]
        at_end = self.scroll_offset.y >= self.max_scroll_y
        self.query_one(Static).update(Content("\n").join(parts))
        if at_end:
            self.call_after_refresh(self.scroll_end, animate=False)
