"""The row of tabs at the top: the seven screens with their numbers, the open one underlined."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from zen_tui.tui.keys import LABELS, PLACES


class TabBar(Widget):
    """`place` is the open screen. A click on a tab opens it."""

    DEFAULT_CSS = """
    TabBar { height: 1; width: auto; color: $muted; padding: 0 1; }
    TabBar:ansi { text-style: none; }
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
            click = f"@click=app.go('{place}')"
            here = place == self.place
            style = f"bold underline {bright}" if here else muted
            parts.append(Content.from_markup(f"{gap}[{muted} {click}]{number}[/] [{style} {click}]{name}[/]"))
        return Content("").join(parts)

    def get_content_width(self, *_: object) -> int:
        return self.render().cell_length
