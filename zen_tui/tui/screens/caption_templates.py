"""A small window with the templates of a dataset's kind, each as it would read for the photo under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.widgets.option_list import Option

from zen_tui.library.errors import ZenError
from zen_tui.library.records import Dataset, Photo
from zen_tui.library.text import plural
from zen_tui.photos.caption_templates import fill, require_fields, templates
from zen_tui.tui.widgets.choices import Choices
from zen_tui.tui.widgets.dialogs import BOX, AskLine

if TYPE_CHECKING:
    from zen_tui.tui.app import ZenApp

FIELDS = "{token}, {class}, {name} and {folder} are filled in for each photo."


class TemplateChooser(ModalScreen[str | None]):
    """Ends with the chosen template, or None when left by escape. `count` captions would be written."""

    BINDINGS = [Binding("escape,q", "leave", "leave", show=False)]
    DEFAULT_CSS = f"TemplateChooser {{ {BOX} & Choices {{ height: auto; max-height: 16; }} }}"

    def __init__(self, dataset: Dataset, photo: Photo | None, folder: str, count: int) -> None:
        super().__init__()
        self.dataset, self.photo, self.folder, self.count = dataset, photo, folder, count
        self.known = templates(dataset.kind)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = f"templates for a {self.dataset.kind}"
            own = Option(Content.assemble(("another", "$bright"), ("\n  a line of your own", "$muted")))
            yield Choices(*[Option(self._line(text)) for text in self.known], own)
            written = plural(self.count, "caption")
            yield Static(f"Enter writes {written} anew; u takes it back. Escape leaves.", classes="why")

    def on_mount(self) -> None:
        choices = self.query_one(Choices)
        choices.highlighted = 0
        choices.focus()

    def on_option_list_option_selected(self, event: Choices.OptionSelected) -> None:
        if event.option_index < len(self.known):
            self.dismiss(self.known[event.option_index])
        else:
            self.app.push_screen(AskLine("template", value=self.known[0], why=FIELDS), self.typed)

    def typed(self, template: str | None) -> None:
        """A template of the person's own, unless it asks for what there is not."""
        if template is None:
            return
        try:
            require_fields(template)
        except ZenError as error:
            cast("ZenApp", self.app).fail(error)
        else:
            self.dismiss(template)

    def action_leave(self) -> None:
        self.dismiss(None)

    def _line(self, template: str) -> Content:
        filled = fill(template, self.dataset, self.photo, self.folder)
        return Content.assemble((template, "$bright"), "\n  ", (filled, "$muted"))
