"""The last row: the keys that work here, as many as fit, help always among them."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget

from zen_tui.tui.action import pretty

HELP = "app.help"
GAP = 3


@dataclass(frozen=True)
class Key:
    """A key as it is shown, and what a click on it runs, in the name of `node`."""

    key: str
    label: str
    action: str
    node: DOMNode

    def __len__(self) -> int:
        return len(self.key) + 1 + len(self.label) + GAP


class KeyLine(Widget):
    """Reads the screen's active bindings, so that a key that does nothing now is not shown."""

    DEFAULT_CSS = """
    KeyLine { height: 1; dock: bottom; padding: 0 1; color: $muted; pointer: pointer; }
    """
    ALLOW_SELECT = False

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()

    def shown_keys(self) -> list[Key]:
        """The keys that fit, help last."""
        found: dict[str, Key] = {}
        for node, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show and enabled and binding.id and binding.id not in found:
                shown = binding.key_display or pretty(binding.key)
                found[binding.id] = Key(shown, binding.description, binding.action, node)
        last = [found.pop(HELP)] if HELP in found else []
        width = self.size.width + GAP - sum(len(key) for key in last)
        fitting = []
        for key in found.values():
            if (width := width - len(key)) < 0:
                break
            fitting.append(key)
        return fitting + last

    def render(self) -> Content:
        primary, muted = (self.app.theme_variables[name] for name in ("primary", "muted"))
        parts = [
            Content.assemble((key.key, f"bold {primary}"), " ", (key.label, muted)).stylize(
                Style.from_meta({"number": number})
            )
            for number, key in enumerate(self.shown_keys())
        ]
        return Content(" " * GAP).join(parts)

    async def on_click(self, event: events.Click) -> None:
        keys, number = self.shown_keys(), event.style.meta.get("number")
        if isinstance(number, int) and number < len(keys):
            await self.app.run_action(keys[number].action, default_namespace=keys[number].node)
