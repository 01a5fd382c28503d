"""What is wrong with captions, told before hours are spent on them.

A token that is missing teaches the class word; a class word that is missing throws away what the base knows;
words past the end of what a text encoder reads are never seen. Nothing is changed here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import msgspec

from zen_tui.library.records import Dataset, Photo
from zen_tui.library.text import plural

FEW = 5  # photos; with fewer, captions that are alike say little
ALIKE = 0.6  # of the photos
KINDS = ("empty", "token", "class", "long")  # of a photo; `alike` and `word` are of the set


class Finding(msgspec.Struct, frozen=True):
    """One thing to look at. `photo` is an id, None for the whole dataset; `kind` a single word."""

    photo: int | None
    kind: str
    text: str


class Reader(Protocol):
    """What knows how many tokens a text is and how many are read: `exchange.vocabulary.Vocabulary`."""

    title: str
    limit: int

    def count(self, texts: Sequence[str]) -> list[int]: ...


def check(dataset: Dataset, photos: Sequence[Photo], reader: Reader | None = None) -> list[Finding]:
    """Findings of every photo in turn, then those of the set. Photos that are left out are passed over.

    Args:
        reader: counts tokens as the base to train does; without it no caption is too long.
    """
    used = [photo for photo in photos if photo.split != "out"]
    if reader:
        reader.count([photo.caption for photo in used])  # all at once is quicker
    return [*(found for photo in used for found in check_photo(dataset, photo, reader)), *check_set(dataset, used)]


def check_photo(dataset: Dataset, photo: Photo, reader: Reader | None = None) -> list[Finding]:
    """What is wrong with one caption; kinds `empty`, `token`, `class`, `long`."""
    caption = photo.caption
    if not caption.strip():
        return [Finding(photo.id, "empty", f"{photo.name} has no caption; it trains with the usual one.")]
    found = []
    if dataset.token and not names(caption, dataset.token):
        found.append(
            Finding(photo.id, "token", f"{photo.name} does not name {dataset.token}: it is not learned there.")
        )
    if dataset.kind != "style" and dataset.class_word and not names(caption, dataset.class_word):
        words = f"{photo.name} does not say {dataset.class_word}: what the base knows of it is not used."
        found.append(Finding(photo.id, "class", words))
    if reader and (tokens := reader.count([caption])[0]) > reader.limit:
        words = f"{photo.name} is {tokens} tokens long; {reader.title} reads the first {reader.limit}."
        found.append(Finding(photo.id, "long", words))
    return found


def check_set(dataset: Dataset, photos: Sequence[Photo]) -> list[Finding]:
    """What to think about in the captions as a whole; kind `alike`."""
    said = [photo.caption.casefold() for photo in photos if photo.caption.strip()]
    if len(said) < FEW:
        return []
    most = Counter(said).most_common(1)[0][1]
    if most < ALIKE * len(said):
        return []
    what = "who or what else is in the picture" if dataset.kind == "style" else "clothes, place, light"
    of = "All" if most == len(said) else f"{most:,} of"
    words = f"{of} {plural(len(said), 'photo')} have one caption."
    return [Finding(None, "alike", f"{words} Saying what differs ({what}) keeps it out of the token.")]


def names(caption: str, words: str) -> bool:
    """Whether `words` stand in `caption` as words of their own, in whatever case."""
    return _standing_alone(words).search(caption) is not None


@lru_cache(maxsize=64)
def _standing_alone(words: str) -> re.Pattern[str]:
    spaced = r"\s+".join(re.escape(word) for word in words.split())
    return re.compile(rf"(?<!\w){spaced}(?!\w)", re.IGNORECASE)
