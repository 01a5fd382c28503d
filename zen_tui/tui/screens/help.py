"""The keys that work on the screen below, and those that work everywhere."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from zen_tui.tui.action import Action, pretty
from zen_tui.tui.keys import ACTIONS, OVERRIDES, PLACES, scopes

TITLES = {
    "app": "Everywhere",
    "grid": "Among the pictures",
    "board": "Among the pictures",
    "list": "In a list",
    "full": "Before and after",
    "viewer": "This picture",
    "plot": "In the plot",
    "samples": "In the samples",
}
KEY_WIDTH, SENTENCE_WIDTH = 20, 60


class HelpScreen(ModalScreen[None]):
    """Opened by `?` and F1 over the screen whose scope is given; any key that goes back closes it."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > VerticalScroll {
        width: 112; max-width: 96%; height: auto; max-height: 94%;
        border: round $primary; border-title-color: $bright; border-title-style: bold;
        border-subtitle-color: $muted; background: $background; padding: 1 2;
    }
    HelpScreen Static { height: auto; }
    """
    BINDINGS = [
        Binding("escape,q,question_mark,f1", "dismiss", "close", show=False),
        Binding("j", "scroll('down')", "down", show=False),
        Binding("k", "scroll('up')", "up", show=False),
    ]

    def __init__(self, about: str) -> None:
        super().__init__()
        self.about = about

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "keys"
            box.border_subtitle = "esc closes"
            yield Static(id="help-text")

    def on_mount(self) -> None:
        self.query_one(Static).update(self.text(with_ids=self.app.size.width >= 116))
        self.query_one(VerticalScroll).focus()

    def action_scroll(self, where: str) -> None:
        box = self.query_one(VerticalScroll)
        (box.scroll_down if where == "down" else box.scroll_up)(animate=False)

    def text(self, *, with_ids: bool) -> Content:
        """A line for each action; `with_ids` adds the name by which its key can be changed."""
        lines: list[Content] = []
        for scope in scopes(self.about):
            lines.append(Content.styled(TITLES.get(scope, scope.capitalize()), "bold $primary"))
            for action in ACTIONS[scope]:
                if key := self._key(action):
                    parts = [(f"{key:>{KEY_WIDTH - 2}}  ", "$bright"), (action.tooltip, "$foreground")]
                    if with_ids:
                        gap = " " * max(2, SENTENCE_WIDTH - len(action.tooltip))
                        parts.append((f"{gap}{action.id}", "$muted"))
                    lines.append(Content.assemble(*parts))
            lines.append(Content(""))
        lines.append(Content.styled('Change a key in settings.toml: [keys] "datasets.out" = "r"', "$muted"))
        return Content("\n").join(lines)

    def _key(self, action: Action) -> str:
        """The key as it is now; '' for an action that only the palette offers."""
        changed = self.app._keymap.get(action.id)
        if changed is None and action.display:
            return action.display
        if changed is None and action.id.partition(".")[2] in ("rate_2", "rate_3", "rate_4", "rate_5"):
            return ""  # told by 1–5
        key = changed or action.key
        if changed is None and action.id in _GOING and key in OVERRIDES.get(self.about, ()):
            return f"g {key}"
        return ", ".join(pretty(one) for one in key.split(",") if one)


_GOING = {f"app.go_{place}" for place in PLACES}
