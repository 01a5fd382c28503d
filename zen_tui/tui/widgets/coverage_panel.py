"""What a set of photos covers, a bar a row, and what to add next."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Protocol

from textual.content import Content
from textual.widgets import Static

BAR = 8  # cells
FULL, EMPTY = "▮", "▯"


class Row(Protocol):
    """`have` of `want` photos show what `label` names; `advice` is a sentence, empty where nothing is missing."""

    @property
    def label(self) -> str: ...
    @property
    def have(self) -> int: ...
    @property
    def want(self) -> int: ...
    @property
    def advice(self) -> str: ...


class CoveragePanel(Static):
    """`show` draws rows and notes; nothing is drawn, and no room taken, while there are none."""

    DEFAULT_CSS = "CoveragePanel { height: auto; padding: 1 0 0 0; }"

    def show(self, rows: Sequence[Row], notes: Sequence[str]) -> None:
        """`notes` are sentences about the whole set, below the rows."""
        width = max(16, self.content_size.width or 22)
        lines = [Content.styled("coverage", "bold $bright")] if rows else []
        lines += [_bar(row, width) for row in rows]
        said = [*dict.fromkeys(row.advice for row in rows if row.advice), *notes]
        for sentence in said:
            lines += [Content(""), *(Content.styled(line, "$attention") for line in wrap(sentence, width))]
        self.display = bool(lines)
        self.update(Content("\n").join(lines))


def _bar(row: Row, width: int) -> Content:
    """`label ▮▮▮▯▯▯▯▯ 3/8`: the bar is full when there is enough."""
    count = f"{row.have}/{row.want}"
    bar = min(BAR, max(3, width - 12 - 6))
    enough = row.have >= row.want
    full = bar if enough else min(bar - 1, row.have * bar // max(1, row.want))
    tone = "$primary" if enough else "$attention"
    label = width - bar - 7
    return Content.assemble(
        (f"{row.label[:label]:<{label}} ", "$muted"),
        (FULL * full + EMPTY * (bar - full), tone),
        (f" {count:>5}", "$muted"),
    )
