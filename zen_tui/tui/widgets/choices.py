"""A list to choose from, moved in with arrows or with j, k, g and G."""

from __future__ import annotations

from textual.widgets import OptionList

from zen_tui.tui.keys import bindings


class Choices(OptionList):
    """Textual's list with the keys that every list of Zen has."""

    scope = "list"
    BINDINGS = bindings("list")
