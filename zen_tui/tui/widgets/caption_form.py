"""The fields with which the captions of many photos are changed at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label, Static

from zen_tui.photos import caption_edits as edits
from zen_tui.photos.caption_edits import Edit
from zen_tui.tui.action import pretty
from zen_tui.tui.keys import ACTIONS

KEYS = {action.id: action.key for action in ACTIONS["captions"]}

Field = Literal["tag", "old", "new", "before", "after"]


class CaptionForm(Vertical):
    """New tag, find and replace, words before and after. `edit` says what is typed as an edit.

    `first` puts a new tag at the front; `words` and `case` narrow what is found.
    """

    @dataclass
    class Typed(Message):
        """What is in `field` changed."""

        field: Field

    @dataclass
    class Wanted(Message):
        """A person pressed enter in `field`: do it."""

        field: Field

    DEFAULT_CSS = """
    CaptionForm {
        height: auto;
        & Horizontal { height: 1; }
        & Label { width: 10; color: $muted; }
        & Label.-to { width: 3; text-align: center; }
        & Input { width: 1fr; }
        & Input > .input--placeholder { color: $muted 60%; }
        & #how { height: 1; margin-left: 11; link-color: $muted; link-style: none; }
    }
    """

    first = words = case = False

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Label(id="tag-label")
            yield Input(placeholder="at sea, red coat", id="tag")
        with Horizontal():
            yield Label(self._label("captions.replace", "find"))
            yield Input(placeholder="words", id="old")
            yield Label("→", classes="-to")
            yield Input(placeholder="or nothing", id="new")
        yield Static(id="how")
        with Horizontal():
            yield Label(self._label("captions.before", "before"))
            yield Input(placeholder="words at the start", id="before")
        with Horizontal():
            yield Label(self._label("captions.after", "after"))
            yield Input(placeholder="words at the end", id="after")

    def on_mount(self) -> None:
        self._say_where()
        self._say_how()

    def know(self, tags: Iterable[str]) -> None:
        """Complete these tags where a new one is typed."""
        self.query_one("#tag", Input).suggester = SuggestFromList(tags, case_sensitive=False)

    def go(self, field: Field, *, first: bool = False, value: str | None = None) -> None:
        """Put the cursor into `field`, with `value` in it."""
        self.first = first
        self._say_where()
        entry = self.query_one(f"#{field}", Input)
        if value is not None:
            entry.value = value
        self.screen.set_focus(entry)  # at once: letters follow

    def toggle(self, which: Literal["words", "case"]) -> None:
        """Turn one of the narrowings of find on or off."""
        setattr(self, which, not getattr(self, which))
        self._say_how()
        self.post_message(self.Typed("old"))

    def value(self, field: Field) -> str:
        return self.query_one(f"#{field}", Input).value

    def edit(self, field: Field) -> tuple[Edit, str] | None:
        """What the field asks for, and its name in words; None when it is empty."""
        text = self.value("old" if field == "new" else field)
        if not text.strip(" ,") and not (field in ("old", "new") and text):
            return None
        if field in ("old", "new"):
            new = self.value("new")
            return edits.on_caption(edits.replacer(text, new, words=self.words, case=self.case)), (
                f"“{text}” became “{new}”" if new else f"“{text}” taken out"
            )
        if field == "tag":
            first = self.first
            where = "added first" if first else "added"
            return (lambda photo: edits.add_tags(photo.caption, text, first=first)), f"“{text.strip()}” {where}"
        put = edits.prefix if field == "before" else edits.suffix
        return (lambda photo: put(photo.caption, text)), f"“{text.strip()}” put {field}"

    def clear(self) -> None:
        """Empty every field, without a message."""
        with self.prevent(Input.Changed):
            for entry in self.query(Input):
                entry.value = ""

    @on(Input.Changed)
    def typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(_field(event.input)))

    @on(Input.Submitted)
    def submitted(self, event: Input.Submitted) -> None:
        event.stop()
        field = _field(event.input)
        if field == "old":
            self.query_one("#new", Input).focus()
        else:
            self.post_message(self.Wanted(field))

    def _label(self, action: str, name: str) -> Content:
        """What a field is for, with the key that leads there."""
        key = self.app._keymap.get(action) or KEYS[action]
        return Content.assemble((f"{pretty(key.partition(',')[0])} ", "$primary"), (name, "$muted"))

    def _say_where(self) -> None:
        label = ("captions.first_tag", "1st tag") if self.first else ("captions.add_tag", "new tag")
        self.query_one("#tag-label", Label).update(self._label(*label))

    def _say_how(self) -> None:
        parts = [self._switch("whole_words", self.words), self._switch("same_case", self.case)]
        self.query_one("#how", Static).update(Content("   ").join(parts))

    def _switch(self, action: str, on: bool) -> Content:
        told = self._label(f"captions.{action}", f"{'✓' if on else '·'} {action.replace('_', ' ')}")
        return told.stylize(Style.from_meta({"@click": f"screen.{action}"}))


def _field(entry: Input) -> Field:
    known: dict[str, Field] = {"tag": "tag", "old": "old", "new": "new", "before": "before", "after": "after"}
    return known[entry.id or ""]
