"""What a set of photos covers, a bar a row, and what to add next."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from textual.content import Content
from textual.widgets import Static

from zen_tui.photos.verdicts import Row

BAR = 8  # cells at most
COUNT = 5  # columns of '12/20'
FULL, EMPTY = "▮", "▯"
SHORT = {
    "different shots": "shots", "different colours": "colours", "sets of clothes": "clothes",
    "facing the camera": "front", "turned left": "left side", "turned right": "right side",
    "bright surroundings": "daylight", "dark surroundings": "evening", "backgrounds": "places",
    "half-length": "waist up", "full-length": "all of it",
}  # fmt: skip


class CoveragePanel(Static):
    """`show` draws rows and sentences, as far as the panel around it has room below the list."""

    DEFAULT_CSS = "CoveragePanel { height: auto; padding: 1 0 0 0; }"

    def show(self, rows: Sequence[Row], notes: Sequence[str], width: int, height: int) -> None:
        """`notes` are sentences about the whole set. Bars that do not all fit are left out."""
        bars = [Content.styled("coverage", "bold $bright"), *(bar(row, width) for row in rows)]
        lines = bars if rows and len(bars) + 3 <= height else []
        lacking = sorted((row for row in rows if not row.enough), key=lambda row: row.have / max(1, row.want))
        advice = [f"{row.advice[:1].upper()}{row.advice[1:]}." for row in lacking]
        for sentence in [*(advice[:2] if lines else []), *notes, *(advice[2:] if lines else [])]:
            said = wrap(sentence[:1].upper() + sentence[1:], width)
            if len(lines) + 1 + len(said) <= height:
                lines += [Content("")] if lines else []
                lines += [Content.styled(line, "$attention") for line in said]
        self.display = bool(lines)
        self.update(Content("\n").join(lines))


def bar(row: Row, width: int) -> Content:
    """`front       ▮▮▮▯▯▯  3/6`: the bar is full when there is enough."""
    cells = max(2, min(BAR, width - COUNT - 12))
    full = cells if row.enough else min(cells - 1, row.have * cells // max(1, row.want))
    label = width - cells - COUNT - 2
    return Content.assemble(
        (f"{SHORT.get(row.label, row.label)[:label]:<{label}} ", "$muted"),
        (FULL * full + EMPTY * (cells - full), "$primary" if row.enough else "$attention"),
        (f" {f'{row.have}/{row.want}':>{COUNT}}", "$muted"),
    )
