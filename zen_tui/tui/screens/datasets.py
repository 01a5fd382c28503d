"""Datasets: the list of them, the photos of one as a grid, and one photo in detail."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from zen_tui.tui.keys import bindings
from zen_tui.tui.screens.place import Place


class DatasetsScreen(Place):
    place = "datasets"
    scope = "datasets"
    BINDINGS = bindings("datasets")

    def body(self) -> ComposeResult:
        yield Static("datasets", classes="panel")
