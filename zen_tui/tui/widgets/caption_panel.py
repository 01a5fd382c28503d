"""What is said of the chosen photos: one caption and its faults, the tags of all, fields to change them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from zen_tui.library.records import Photo
from zen_tui.library.text import clean, plural
from zen_tui.photos.caption_edits import counted_tags
from zen_tui.photos.caption_lint import Finding, Reader
from zen_tui.tui.widgets.caption_form import CaptionForm
from zen_tui.tui.widgets.panel import Panel
from zen_tui.tui.widgets.photo_detail import CaptionEditor
from zen_tui.tui.widgets.picture_pane import PicturePane
from zen_tui.tui.widgets.tag_list import TagList


class CaptionPanel(Panel):
    """`show` fills it; `edit` opens the caption for typing, and the screen hears `CaptionEditor.Ended`."""

    DEFAULT_CSS = """
    CaptionPanel {
        & > #caption { height: auto; max-height: 6; color: $bright; }
        & > CaptionEditor {
            display: none; height: auto; max-height: 6; border: none; padding: 0;
            background: $panel; color: $bright;
        }
        &.-editing > CaptionEditor { display: block; }
        &.-editing > #caption { display: none; }
        & > #findings { height: auto; max-height: 4; }
        & > TagList { height: 1fr; min-height: 2; margin: 1 0; }
        & > #said { height: auto; min-height: 1; max-height: 3; margin-top: 1; }
    }
    """

    reader: Reader | None = None
    _whose = Content("")
    _length = Content("")  # of the caption, in tokens

    def compose(self) -> ComposeResult:
        yield PicturePane()
        yield Static(id="caption")
        yield CaptionEditor(soft_wrap=True, show_line_numbers=False, compact=True, highlight_cursor_line=False)
        yield Static(id="findings")
        yield TagList(id="tags")
        yield CaptionForm()
        yield Static(id="said")

    def show(
        self,
        photo: Photo | None,
        path: Path | None,
        small: Path | None,
        faults: Sequence[Finding],
        hints: Sequence[Finding],
        chosen: Sequence[Photo],
    ) -> None:
        """Show `photo`, what is wrong with it, and the tags of all that are `chosen`.

        Its original is `path`, `small` a small copy.
        """
        self.query_one(PicturePane).show(path, photo.name if photo else "", small)
        caption = photo.caption if photo else ""
        none = Content.styled("no caption: e writes one, m takes a template", "$muted")
        self._write("#caption", Content(caption) if caption else none)
        lines = [Content.styled(finding.text, "$attention") for finding in faults]
        lines = lines or [Content.styled(finding.text, "$muted") for finding in hints]
        self.query_one("#findings").display = bool(lines)
        self._write("#findings", Content("\n").join(lines))
        self.query_one(TagList).show(counted_tags(each.caption for each in chosen), len(chosen))
        one = clean(chosen[0].name, 60) if len(chosen) == 1 else plural(len(chosen), "photo")
        self._whose = Content(one)
        self.show_length(self.query_one(CaptionEditor).text if self.editing else caption)

    def show_length(self, text: str) -> None:
        """Say in the border how many tokens `text` is, of those that are read."""
        if self.reader is not None:
            count, limit = self.reader.count([text])[0], self.reader.limit
            told = Content.styled(f"{count} of {limit} tokens", "$attention" if count > limit else "")
            self._length = Content.assemble(told, f" · {self.reader.title}")
        self.entitle(self._whose, self._length)

    def say(self, text: str, tone: str = "$primary") -> None:
        """What was done, or would be."""
        self._write("#said", Content.styled(text, tone))

    def _write(self, selector: str, text: Content) -> None:
        """Set words; the screen is laid out anew only if they are of another height than those before."""
        words = self.query_one(selector, Static)
        width = words.content_size.width
        before = words.content
        same = (
            width > 0
            and isinstance(before, Content)
            and before.get_height({}, width) == text.get_height({}, width)
        )
        words.update(text, layout=not same)

    @property
    def editing(self) -> bool:
        return self.has_class("-editing")

    def edit(self, text: str) -> None:
        """Open the caption for typing."""
        self.add_class("-editing")
        editor = self.query_one(CaptionEditor)
        editor.text = text
        editor.move_cursor(editor.document.end)
        self.screen.set_focus(editor)

    def stop_editing(self) -> None:
        self.remove_class("-editing")
