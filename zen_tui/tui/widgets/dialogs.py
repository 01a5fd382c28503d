"""Small windows over a screen: a question, a line to fill in, a path to find."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Button, Input, Static
from textual.widgets.option_list import Option

from zen_tui.library.text import clean
from zen_tui.tui.widgets.choices import Choices

BOX = """
    align: center middle; background: $background 60%;
    & > Vertical {
        width: 72; max-width: 96%; height: auto; max-height: 90%; background: $background;
        border: round $primary; border-title-color: $bright; border-title-style: bold; padding: 1 2;
    }
    & Horizontal { height: 1; margin-top: 1; align-horizontal: right; }
    & Button { margin-left: 2; }
    & .why { color: $muted; margin-top: 1; height: auto; }
    & #fault { color: $attention; height: auto; }
"""


class Ask(ModalScreen[bool]):
    """A question with a yes and a no; True when a person says yes. `yes` names what will be done."""

    DEFAULT_CSS = f"Ask {{ {BOX} }}"
    BINDINGS = [
        Binding("escape,n,q", "answer(False)", "no", show=False),
        Binding("y", "answer(True)", "yes", show=False),
    ]

    def __init__(self, question: str, yes: str, *, why: str = "", no: str = "leave it") -> None:
        super().__init__()
        self.question, self.yes, self.no, self.why = question, yes, no, why

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content(clean(self.question)))
            if self.why:
                yield Static(Content(clean(self.why, 2000)), classes="why")
            with Horizontal():
                yield Button(Content.from_markup("$text [$muted]n[/]", text=self.no), id="no")
                yield Button(
                    Content.from_markup("$text [$muted]y[/]", text=self.yes), id="yes", classes="-primary"
                )

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)


class PathSuggester(Suggester):
    """Completes the path being typed with the first file or folder that begins so; right arrow takes it."""

    def __init__(self, *, folders_only: bool = False) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.folders_only = folders_only

    async def get_suggestion(self, value: str) -> str | None:
        """The whole path, ending in a slash if it is a folder; None when nothing fits."""
        folder, _, begun = value.rpartition("/")
        where = Path(f"{folder}/").expanduser() if folder or value.startswith("/") else Path()
        if not begun and not value.endswith("/"):
            return None
        try:
            with os.scandir(where) as entries:
                fitting = sorted(
                    (entry.name, entry.is_dir())
                    for entry in entries
                    if entry.name.startswith(begun) and (begun or not entry.name.startswith("."))
                )
        except OSError:
            return None
        for name, is_folder in fitting:
            if (is_folder or not self.folders_only) and name.isprintable():
                return f"{value[: len(value) - len(begun)]}{name}{'/' if is_folder else ''}"
        return None


class AskLine(ModalScreen[str | None]):
    """A line of text, or None when a person thought better of it. `path` completes file names."""

    DEFAULT_CSS = f"AskLine {{ {BOX} }}"
    BINDINGS = [Binding("escape", "leave", "cancel", show=False)]

    def __init__(self, title: str, *, value: str = "", why: str = "", path: bool = False) -> None:
        super().__init__()
        self.heading, self.value, self.why, self.path = title, value, why, path

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self.heading
            yield Input(self.value, suggester=PathSuggester() if self.path else None, id="line")
            hint = "Right arrow completes. " if self.path else ""
            yield Static(
                Content(f"{self.why}{' ' if self.why else ''}{hint}Enter accepts, escape leaves."), classes="why"
            )

    @on(Input.Submitted)
    def submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)

    def action_leave(self) -> None:
        self.dismiss(None)


class Pick(ModalScreen[int | None]):
    """One of several lines: its index, or None when left by escape. `chosen` is where the cursor begins."""

    DEFAULT_CSS = f"Pick {{ {BOX} & > Vertical {{ width: 44; }} & Choices {{ height: auto; max-height: 20; }} }}"
    BINDINGS = [Binding("escape,q", "leave", "cancel", show=False)]

    def __init__(self, title: str, lines: Sequence[str], chosen: int = 0) -> None:
        super().__init__()
        self.heading, self.lines, self.chosen = title, lines, chosen

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self.heading
            yield Choices(*[Option(Content(clean(line))) for line in self.lines])
            yield Static("Enter takes it, escape leaves.", classes="why")

    def on_mount(self) -> None:
        choices = self.query_one(Choices)
        choices.highlighted = self.chosen
        choices.focus()

    @on(Choices.OptionSelected)
    def taken(self, event: Choices.OptionSelected) -> None:
        self.dismiss(event.option_index)

    def action_leave(self) -> None:
        self.dismiss(None)
