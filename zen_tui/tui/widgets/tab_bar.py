"""The row of tabs at the top: the seven screens with their numbers, the open one underlined."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from zen_tui.tui.keys import LABELS, PLACES


class TabBar(Widget):
    """`place` is the open screen. A click on a tab opens it."""

    DEFAULT_CSS = """
    TabBar { height: 1; width: auto; color: $muted; padding: 0 1; pointer: pointer; }
    """
    ALLOW_SELECT = False

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def render(self) -> Content:
        muted, bright, primary = (self.app.theme_variables[name] for name in ("muted", "bright", "primary"))
        gap = "  " if self.app.size.width >= 76 else " "
        parts = [Content.styled("zen", f"bold {primary}"), Content(" ")]
        for number, place in enumerate(PLACES, 1):
            name = LABELS[place] if self.app.size.width >= 70 or place == self.place else LABELS[place][:3]
            style = f"bold underline {bright}" if place == self.place else muted
            tab = Content.assemble((f"{number} ", muted), (name, style))
            parts += [Content(gap), tab.stylize(Style.from_meta({"place": place}))]
        return Content("").join(parts)

    async def on_click(self, event: events.Click) -> None:
        if place := event.style.meta.get("place"):
            await self.run_action(f"app.go('{place}')")

    def get_content_width(self, *_: object) -> int:
        return self.render().cell_length
