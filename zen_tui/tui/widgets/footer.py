"""The last row: the keys that work here, as many as fit, help always among them."""

from __future__ import annotations

from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from zen_tui.tui.keys import pretty

HELP = "app.help"


class KeyLine(Widget):
    """Reads the screen's active bindings, so that a key that does nothing now is not shown."""

    DEFAULT_CSS = "KeyLine { height: 1; dock: bottom; padding: 0 1; color: $muted; }"
    ALLOW_SELECT = False

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()

    def keys(self) -> list[tuple[str, str, str]]:
        """(key as shown, label, action to run on a click) of each key that fits, help last."""
        found: dict[str, tuple[str, str, str]] = {}
        for node, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show and enabled and binding.id and binding.id not in found:
                first = binding.key_display or pretty(binding.key)
                name = "app" if node is self.app else "screen" if node is self.screen else "focused"
                found[binding.id] = (
                    first,
                    binding.description,
                    f"{name}.{binding.action.partition('.')[2]}"
                    if "." in binding.action.partition("(")[0]
                    else f"{name}.{binding.action}",
                )
        last = [found.pop(HELP)] if HELP in found else []
        width = self.size.width - sum(_length(key) for key in last)
        shown = []
        for key in found.values():
            if (width := width - _length(key)) < 0:
                break
            shown.append(key)
        return shown + last

    def render(self) -> Content:
        primary = self.app.theme_variables["primary"]
        muted = self.app.theme_variables["muted"]
        parts = [
            Content.assemble(
                Content.from_markup(
                    f"[bold {primary} @click={action}]$key[/] [{muted} @click={action}]$label[/]",
                    key=key,
                    label=label,
                ),
                "   ",
            )
            for key, label, action in self.keys()
        ]
        return Content("").join(parts)


def _length(key: tuple[str, str, str]) -> int:
    return len(key[0]) + len(key[1]) + 4
