"""A text area that knows what a sheet is made of, and colours its alternatives, names, options and remarks."""

from __future__ import annotations

import re
from typing import ClassVar

from rich.text import Text
from textual.widgets import TextArea

PARTS = (
    (re.compile(r"\{token\}"), "primary"),
    (re.compile(r"\{[^{}]*\|[^{}]*\}"), "attention"),
    (re.compile(r"\$[A-Za-z_]\w*"), "primary"),
    (re.compile(r"--[A-Za-z]\b[^-]*"), "muted"),
)
REMARK = re.compile(r"^\s*#")
SETTING = re.compile(r"^\s*(seeds?|count)\b[\s:=\d.,]*$", re.IGNORECASE)


class PromptEditor(TextArea):
    """Prompts, one a line. Tab leaves it, so that the keyboard never gets stuck inside."""

    DEFAULT_CSS = """
    PromptEditor, PromptEditor:focus {
        border: none; padding: 0; background: $background; color: $foreground;
        & .text-area--cursor-line { background: $background; }
        & .text-area--selection { background: $primary 30%; }
        & .text-area--placeholder { color: $muted; }
    }
    """
    PLACEHOLDER: ClassVar[str] = (
        "One prompt a line, for example:\n\n"
        "a photo of {token} in a {red|blue} coat, at the beach\n"
        "a marble statue of {token}\n\n"
        "seeds 1..4 on a line of its own makes four of each below it."
    )

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        super().__init__(
            text, id=id, tab_behavior="focus", placeholder=self.PLACEHOLDER, highlight_cursor_line=False
        )
        self.wrong_line: int | None = None

    def mark_wrong(self, line: int | None) -> None:
        """Underline this line (counted from 1), or none."""
        if line != self.wrong_line:
            self.wrong_line = line
            self.notify_style_update()  # drawn lines are kept by the text area until its style changes
            self.refresh()

    def get_line(self, line_index: int) -> Text:
        """The line with its parts in colour; Textual asks for each line that it draws."""
        text = super().get_line(line_index)
        colours = self.app.get_css_variables()
        if REMARK.match(text.plain):
            text.stylize(colours["muted"])
        elif SETTING.match(text.plain):
            text.stylize(colours["primary"])
        else:
            for pattern, colour in PARTS:
                text.highlight_regex(pattern, colours[colour])
        if self.wrong_line == line_index + 1:
            text.stylize(f"underline {colours['lost']}")
        return text
