"""What an import would bring, told while its files are met: flags are counted, near-duplicates found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from zen_tui.library.records import Measures, Photo, Verdict
from zen_tui.photos.alike import distance
from zen_tui.photos.examine import Found


class Tally:
    """`add` each file that would come in; `kinds` counts the flags so far, `flagged` the files with any.

    Args:
        known: the photos that are in the dataset already.
        bits: in how many of 64 bits near-duplicates differ at most.
    """

    def __init__(self, known: Iterable[Photo], bits: int) -> None:
        self.bits = bits
        self.kinds: Counter[str] = Counter()
        self.flagged = 0
        self._seen = [(photo.name, photo.measures) for photo in known if photo.measures]

    def add(self, found: Found) -> list[Verdict]:
        """The verdicts on a file: its own, and the first of those before it that it is alike to."""
        verdicts = list(found.verdicts)
        if found.measures:
            verdicts = [*self._duplicate(found.measures), *verdicts]
            self._seen.append((found.name, found.measures))
        self.kinds.update(verdict.kind for verdict in verdicts)
        self.flagged += bool(verdicts)
        return verdicts

    def _duplicate(self, measures: Measures) -> list[Verdict]:
        for name, seen in self._seen:
            apart = min(distance(measures.phash, seen.phash), distance(measures.mirror, seen.phash))
            if apart <= self.bits:
                return [Verdict("duplicate", apart, f"the same shot as {name}.", self.bits)]
        return []

    def words(self) -> str:
        """'3 flagged: 2 blur, 1 duplicate', or '' when nothing is."""
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in self.kinds.most_common())
        return f"{self.flagged:,} flagged: {kinds}" if kinds else ""
