"""The keys that work on the screen below, and those that work everywhere."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from zen_tui.tui.keys import ACTIONS, PLACES, Action, pretty, scopes

TITLES = {"app": "Everywhere", "grid": "Moving among pictures"}


class HelpScreen(ModalScreen[None]):
    """Opened by `?` and F1 over the screen whose scope is given; any key that goes back closes it."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > VerticalScroll {
        width: 76; max-width: 96%; height: auto; max-height: 92%;
        border: round $primary; border-title-color: $bright; border-title-style: bold;
        border-subtitle-color: $muted; background: $background; padding: 1 2;
    }
    """
    BINDINGS = [Binding("escape,q,question_mark,f1", "dismiss", "close", show=False)]
    scope = "help"

    def __init__(self, about: str) -> None:
        super().__init__()
        self.about = about

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "keys"
            box.border_subtitle = "esc closes"
            yield Static(self.text(), id="help-text")

    def text(self) -> Content:
        """All of it, a line for each action."""
        lines: list[Content] = []
        for scope in scopes(self.about):
            lines += [Content.styled(TITLES.get(scope, scope.capitalize()), "bold $primary")]
            lines += [_line(action, self._key(action)) for action in ACTIONS[scope] if self._key(action)]
            lines.append(Content(""))
        lines.append(Content.styled("Change a key under [keys] in settings.toml by the name beside it.", "$muted"))
        return Content("\n").join(lines)

    def _key(self, action: Action) -> str:
        changed = self.app._keymap.get(action.id)
        if action.id in (f"app.go_{place}" for place in PLACES) and self.about in ("gallery", "viewer", "compare"):
            changed = changed or f"g {action.key}"
        if action.display and not changed:
            return action.display
        return ", ".join(pretty(key) for key in (changed or action.key).split(",") if key)


def _line(action: Action, key: str) -> Content:
    parts = ((f"{key:>14}  ", "$bright"), (action.tooltip, "$foreground"), (f"  {action.id}", "$muted"))
    return Content.assemble(*parts)
