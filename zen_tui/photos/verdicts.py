"""Judgements of a whole set of photos: is there enough here to learn from?"""

from __future__ import annotations

from zen_tui.library.records import Dataset, Photo, Verdict
from zen_tui.library.text import plural

ENOUGH = {"person": 15, "pet": 15, "object": 8, "garment": 10, "style": 20}
FEWEST = 5


def set_verdicts(dataset: Dataset, photos: list[Photo]) -> list[Verdict]:
    """What stands against training on the photos in use, each as a sentence."""
    used = [photo for photo in photos if photo.split != "out"]
    verdicts = []
    wanted = ENOUGH.get(dataset.kind, 15)
    if len(used) < wanted:
        verdicts.append(
            Verdict(
                "few",
                len(used),
                f"{plural(len(used), 'photo')} in use: about {wanted} varied ones make a good {dataset.kind}.",
            )
        )
    without = sum(not photo.caption for photo in used)
    if without:
        verdicts.append(
            Verdict("caption", without, f"{plural(without, 'photo')} without a caption: `zen datasets caption`.")
        )
    return verdicts
