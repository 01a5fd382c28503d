"""Whether pictures show what their prompts ask for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from zen_tui.scoring.asked import asked

Seen = Mapping[str, str]
"""What an attribute reader sees in one picture, by attribute."""


def by_attribute(prompts: Sequence[str], seen: Sequence[Seen]) -> dict[str, tuple[int, int]]:
    """For every attribute that is asked at all: (how often it was read back right, how often it was asked)."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for prompt, look in zip(prompts, seen, strict=True):
        for name, value in asked(prompt).items():
            counts[name][0] += look.get(name) == value
            counts[name][1] += 1
    return {name: (right, total) for name, (right, total) in counts.items()}


def share(counts: Iterable[tuple[int, int]]) -> float:
    """The share of right ones over all that was asked; 1.0 when nothing was."""
    right = total = 0
    for some, all_ in counts:
        right, total = right + some, total + all_
    return right / total if total else 1.0
