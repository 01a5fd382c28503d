"""A small window with the adapters there are: space takes one or leaves it, plus and minus weigh it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.widgets.option_list import Option

from zen_tui.library.errors import WrongUse
from zen_tui.library.records import Adapter
from zen_tui.library.text import clean
from zen_tui.tui.keys import bindings
from zen_tui.tui.widgets.choices import Choices
from zen_tui.tui.widgets.dialogs import BOX
from zen_tui.tui.wishes import adapter_uses

STEP = 0.1


class AdapterChooser(ModalScreen[str | None]):
    """Ends with the chosen adapters as they would be typed, 'mara:0.8', or None when left by escape."""

    scope = "chooser"
    BINDINGS = bindings("chooser")
    DEFAULT_CSS = f"AdapterChooser {{ {BOX} & Choices {{ height: auto; max-height: 16; }} }}"

    def __init__(self, adapters: Sequence[Adapter], chosen: str) -> None:
        super().__init__()
        self.adapters = list(reversed(adapters))  # newest first
        try:
            self.weights = {use.name: use.weight for use in adapter_uses(chosen)}
        except WrongUse:
            self.weights = {}

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "adapters"
            yield Choices(*[Option(self._line(a), id=a.slug) for a in self.adapters])
            words = "Space takes or leaves one, + and - weigh it, enter is done, escape changes nothing."
            none = "There is no adapter yet. Train a dataset, or add a file in Bases."
            yield Static(words if self.adapters else none, classes="why")

    def on_mount(self) -> None:
        choices = self.query_one(Choices)
        choices.highlighted = 0 if self.adapters else None
        choices.focus()

    def on_option_list_option_selected(self, event: Choices.OptionSelected) -> None:
        """Enter: take the one under the cursor if none was chosen, and be done."""
        if not self.weights and event.option_id:
            self.weights[event.option_id] = 1.0
        self.dismiss(" ".join(_typed(name, weight) for name, weight in self.weights.items()))

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_take(self) -> None:
        adapter = self._current
        if adapter is not None:
            if adapter.slug in self.weights:
                del self.weights[adapter.slug]
            else:
                self.weights[adapter.slug] = 1.0
            self._draw(adapter)

    def action_weigh(self, by: int) -> None:
        adapter = self._current
        if adapter is not None:
            before = self.weights.get(adapter.slug, 1.0 - by * STEP)
            self.weights[adapter.slug] = round(min(2.0, max(-2.0, before + by * STEP)), 2)
            self._draw(adapter)

    @property
    def _current(self) -> Adapter | None:
        place = self.query_one(Choices).highlighted
        return None if place is None else self.adapters[place]

    def _draw(self, adapter: Adapter) -> None:
        self.query_one(Choices).replace_option_prompt(adapter.slug, self._line(adapter))

    def _line(self, adapter: Adapter) -> Content:
        weight = self.weights.get(adapter.slug)
        mark = Content("   ·    ") if weight is None else Content.styled(f" ✓ {weight:<4g} ", "$primary")
        trigger = f"  {clean(adapter.trigger, 40)}" if adapter.trigger else ""
        return Content.assemble(mark, (adapter.slug, "$bright"), (trigger, "$muted"))


def _typed(name: str, weight: float) -> str:
    return name if weight == 1 else f"{name}:{weight:g}"
