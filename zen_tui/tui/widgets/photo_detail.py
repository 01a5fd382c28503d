"""One photo in detail: the picture, what is known about it, and its caption, which can be edited in place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static, TextArea

from zen_tui.library.records import Photo
from zen_tui.tui.widgets.photo_marks import marks
from zen_tui.tui.widgets.picture_pane import PicturePane

SPLITS = {"train": "trained on", "holdout": "held out to measure with", "out": "left out"}
TONES = {"train": "$primary", "holdout": "$best", "out": "$lost"}


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


class PhotoDetail(Vertical):
    """`show` fills it; `edit` opens the caption; the screen hears `CaptionEditor.Ended`."""

    DEFAULT_CSS = """
    PhotoDetail {
        & > PicturePane { height: 20; margin-bottom: 1; }
        & > #facts { height: auto; }
        & > #caption { height: auto; color: $bright; }
        & > CaptionEditor {
            display: none; height: auto; max-height: 8; border: none; padding: 0;
            background: $panel; color: $bright;
        }
        &.-editing > CaptionEditor { display: block; }
        &.-editing > #caption { display: none; }
    }
    """

    photo: Photo | None = None
    mask: str | None = None

    def compose(self) -> ComposeResult:
        yield PicturePane()
        yield Static(id="facts")
        yield Static(id="caption")
        yield CaptionEditor(soft_wrap=True, show_line_numbers=False, compact=True, highlight_cursor_line=False)

    def show(self, photo: Photo | None, path: Path | None, mask: str | None = None) -> None:
        """Fill in `photo`, whose original is `path`; `mask` is the origin of its mask, if it has one."""
        self.set_class(False, "-editing")
        self.photo, self.mask = photo, mask
        if photo is None:
            self.query_one(PicturePane).show(None)
            self.query_one("#facts", Static).update("")
            self.query_one("#caption", Static).update("")
            return
        self.query_one(PicturePane).show(path, f"{photo.name}  {photo.width}×{photo.height}")
        self.query_one("#facts", Static).update(facts(photo, self.content_size.width, mask))
        caption = Content(photo.caption) if photo.caption else Content.styled("none yet: e writes one", "$muted")
        self.query_one("#caption", Static).update(caption)

    def on_resize(self) -> None:
        if self.photo:
            self.query_one("#facts", Static).update(facts(self.photo, self.content_size.width, self.mask))

    def edit(self, text: str) -> None:
        """Open the caption for editing."""
        self.set_class(True, "-editing")
        editor = self.query_one(CaptionEditor)
        editor.text = text
        editor.move_cursor(editor.document.end)
        editor.focus()

    def stop_editing(self) -> None:
        self.set_class(False, "-editing")


def facts(photo: Photo, width: int, mask: str | None = None) -> Content:
    """Name, size, what is done with it and what stands against it, in lines of at most `width` columns."""
    lines = [
        Content.assemble(
            (photo.name, "bold $bright"), (f"  {photo.width}×{photo.height} {photo.format}", "$muted")
        ),
        _line("use", SPLITS[photo.split], TONES[photo.split]),
    ]
    if photo.repeats > 1:
        lines.append(_line("repeats", str(photo.repeats), "$foreground"))
    lines += [_line(name, value, "$foreground") for name, value in marks(photo, mask)]
    for verdict in photo.verdicts:
        wrapped = wrap(verdict.text, max(10, width - 9)) or [""]
        lines += [_line("" if part else verdict.kind, text, "$attention") for part, text in enumerate(wrapped)]
    lines.append(Content(""))
    lines.append(Content.styled("caption", "$muted"))
    return Content("\n").join(lines)


def _line(label: str, value: str, colour: str) -> Content:
    return Content.assemble((f"{label:<8} ", "$muted"), (value, colour))
