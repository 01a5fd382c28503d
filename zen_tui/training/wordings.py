"""A caption in several orders of its tags, so that none is learned for its place."""

from __future__ import annotations

import random

from zen_tui.library.specs import TrainSettings

COUNT = 8  # orders of one caption: each is encoded once and kept


def wordings(caption: str, settings: TrainSettings) -> list[str]:
    """The caption as it was written, and with `caption_shuffle` in other orders of what commas part.

    The first part, which names the subject, stays first.
    """
    first, *tags = [part.strip() for part in caption.split(",")]
    if not settings.caption_shuffle or len(tags) < 2:
        return [caption]
    chance = random.Random(f"{settings.seed}/{caption}")
    orders = (chance.sample(tags, len(tags)) for _ in range(4 * COUNT))
    return list(dict.fromkeys([caption, *(", ".join([first, *order]) for order in orders)]))[:COUNT]
