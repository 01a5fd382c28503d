"""Files that are being looked at, newest last, each with a sign and a word: what an import would do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import RichLog

from zen_tui.library.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zen_tui.library.records import Verdict
    from zen_tui.photos.intake import Outcome

SIGNS = {"added": ("✓", "primary"), "duplicate": ("=", "muted"), "skipped": ("✗", "lost")}


class Verdicts(RichLog):
    """`add` appends an outcome; the list follows its end until a person scrolls back."""

    DEFAULT_CSS = "Verdicts { height: 1fr; background: $background; scrollbar-size: 1 1; padding: 0; }"

    def __init__(self) -> None:
        super().__init__(wrap=True, markup=False, highlight=False, min_width=10)

    def add(self, outcome: Outcome, verdicts: Sequence[Verdict]) -> None:
        """One line: sign, file, size, and what speaks against it; `!` and a word for each of `verdicts`."""
        found = outcome.found
        sign, colour = ("!", "attention") if verdicts and outcome.status == "added" else SIGNS[outcome.status]
        size = f"  {found.width}×{found.height} {found.format}" if found.width else ""
        doubts = outcome.reason or " ".join(_word(verdict) for verdict in verdicts)
        if outcome.status == "duplicate":
            doubts = f"the same as {outcome.reason}"
        tone = {"skipped": "lost", "duplicate": "muted"}.get(outcome.status, "attention")
        colours = self.app.theme_variables
        line = Text()
        line.append(f"{sign} ", colours[colour])
        line.append(clean(found.name, 60), colours["foreground"])
        line.append(size, colours["muted"])
        line.append(f"  {clean(doubts)}", colours[tone])
        self.write(line)

    def tell(self, note: str) -> None:
        """A sentence about all of them."""
        self.write(Text(clean(note), self.app.theme_variables["attention"]))


def _word(verdict: Verdict) -> str:
    """Its kind; of a near-duplicate what it is alike to."""
    return verdict.text.rstrip(".") if verdict.kind == "duplicate" else verdict.kind
