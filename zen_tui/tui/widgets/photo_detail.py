"""One photo in detail: the picture, what is known about it, and its caption, which can be edited in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static, TextArea

from zen_tui.library.records import Photo
from zen_tui.tui.widgets.panel import Panel
from zen_tui.tui.widgets.picture_pane import PicturePane

LOW = 8  # rows of a pane that has no room for a line a fact
LEAST_ROWS = 5  # of the picture, where there is hardly room for it


class CaptionEditor(TextArea):
    """Enter keeps the text, escape leaves it as it was."""

    @dataclass
    class Ended(Message):
        """`text` is the new caption, None when nothing is to change."""

        text: str | None

    async def _on_key(self, event: events.Key) -> None:
        if event.key in ("enter", "escape"):
            event.stop()
            event.prevent_default()
            self.post_message(self.Ended(" ".join(self.text.split()) if event.key == "enter" else None))
            return
        await super()._on_key(event)


class PhotoDetail(Panel):
    """`show` fills it; `edit` opens the caption; the screen hears `CaptionEditor.Ended`.

    The picture is as large as the pane allows beside the words. These are one widget that takes the rest, so
    that another photo of the same shape is shown without laying the screen out anew.
    """

    DEFAULT_CSS = """
    PhotoDetail {
        & > PicturePane { height: 20; margin-bottom: 1; }
        & > #facts { height: 1fr; }
        & > CaptionEditor {
            display: none; height: auto; max-height: 8; border: none; padding: 0;
            background: $panel; color: $bright;
        }
        &.-editing > #facts { height: auto; }
        &.-editing > CaptionEditor { display: block; }
        &.-none > * { display: none; }
    }
    """

    photo: Photo | None = None
    _words: Callable[[int, bool], Content] | None = None
    large = False  # the picture matters most: a line or two about it will do

    def compose(self) -> ComposeResult:
        yield PicturePane()
        yield Static(id="facts")
        yield CaptionEditor(soft_wrap=True, show_line_numbers=False, compact=True, highlight_cursor_line=False)

    def show(self, photo: Photo, path: Path, small: Path, words: Callable[[int, bool], Content]) -> None:
        """Fill in `photo`, whose original is `path`, with its small copy.

        `words` says what is known of it, for a pane of so many columns, in brief or not.
        """
        self.set_class(False, "-none")
        if self.photo is None or photo.id != self.photo.id:
            self.set_class(False, "-editing")
        self.photo, self._words = photo, words
        self._fit()
        self.query_one(PicturePane).show(path, f"{photo.name}  {photo.width}×{photo.height}", small)

    def clear(self) -> None:
        """Show no photo."""
        self.photo = None
        self.set_class(False, "-editing")
        self.set_class(True, "-none")
        self.query_one(PicturePane).show(None)

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        """Fill in the words, and give the picture the rows that it fills at the pane's width beside them."""
        width, height = self.content_size
        if self.photo is None or self._words is None or not width:
            return
        brief = self.large or height < LOW
        words = self._words(width, brief)
        if not self.has_class("-editing"):
            words = Content("\n").join([words, *self._caption(width, brief)])
        self.query_one("#facts", Static).update(words, layout=self.has_class("-editing"))
        shape = self.photo.height / max(1, self.photo.width)
        said = words.plain.count("\n") + 2
        rows = max(LEAST_ROWS, min(height - said, round(width * shape / 2)))
        pane = self.query_one(PicturePane)
        if pane.styles.height is None or pane.styles.height.value != rows:
            pane.styles.height = rows

    def _caption(self, width: int, brief: bool) -> list[Content]:
        """The caption in lines that fit, below its label where there is room for one."""
        text = self.photo.caption if self.photo else ""
        lines = [Content.styled(line, "$bright") for line in wrap(text, width)]
        lines = lines or [Content.styled("none yet: e writes one", "$muted")]
        return lines if brief else [Content(""), Content.styled("caption", "$muted"), *lines]

    def edit(self, text: str) -> None:
        """Open the caption for editing."""
        self.set_class(True, "-editing")
        self._fit()
        editor = self.query_one(CaptionEditor)
        editor.text = text
        editor.move_cursor(editor.document.end)
        editor.focus()

    def stop_editing(self) -> None:
        self.set_class(False, "-editing")
        self._fit()
