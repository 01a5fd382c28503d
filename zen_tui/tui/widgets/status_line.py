"""One line that is always there: the offline lock as probed, GPU memory, the running job and its time left."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from zen_tui.tui.status import Status


class StatusLine(Widget):
    """Shows the app's `Status`; the app calls `show` when it changes."""

    DEFAULT_CSS = "StatusLine { height: 1; width: 1fr; padding: 0 1; color: $foreground; text-align: right; }"
    ALLOW_SELECT = False

    def show(self) -> None:
        self.refresh()

    def render(self) -> Content:
        status: Status = self.app.status  # type: ignore[attr-defined]
        colours = self.app.theme_variables
        parts = []
        for text, colour in status.parts():
            parts.append(Content.styled(text, colours[colour]))
        return Content("").join(parts).truncate(max(1, self.size.width), ellipsis=True)
