"""A framed part of a screen whose titles can change without drawing anew what lies inside the frame.

Textual draws a whole container again when its title is set; beside a grid of pictures that is most of the
cost of a key, so only the two lines of the frame are drawn here.
"""

from __future__ import annotations

from typing import Self

from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region


class Panel(Vertical):
    """Takes the class `panel` for its frame; `entitle` sets what stands in it."""

    _entitling = False
    _titles = (Content(""), Content(""))

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="panel")

    def entitle(self, title: Content, subtitle: Content | None = None) -> None:
        """Set the title above and below."""
        titles = (title, subtitle or Content(""))
        if titles == self._titles:
            return
        self._titles = titles
        self._entitling = True
        self.border_title, self.border_subtitle = titles
        self._entitling = False
        x, y = -self.content_offset
        width, height = self.outer_size
        self.refresh(Region(x, y, width, 1), Region(x, y + height - 1, width, 1))

    def say_below(self, subtitle: Content) -> None:
        """Set the title below alone."""
        self.entitle(self._titles[0], subtitle)

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        if self._entitling:
            return self
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
