"""What can be done to captions, as functions from text to text; no photo and no database is touched here.

A caption is read as tags where it has commas: 'a photo of ohwx woman, at sea, red coat' has three. An edit
is a function from a photo to its new caption, so that one word does the same to two thousand photos.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache

from zen_tui.library.errors import WrongUse
from zen_tui.library.records import Photo

Edit = Callable[[Photo], str]


@lru_cache(maxsize=8192)
def tags(caption: str) -> tuple[str, ...]:
    """The parts of a caption between its commas, without the empty ones."""
    return tuple(part for part in (" ".join(part.split()) for part in caption.split(",")) if part)


def counted_tags(captions: Iterable[str]) -> list[tuple[str, int]]:
    """Every tag of `captions` and how many of them have it, the most frequent first, ties as they come."""
    counts: Counter[str] = Counter()
    spelled: dict[str, str] = {}
    for caption in captions:
        once: dict[str, str] = {}
        for tag in tags(caption):
            once.setdefault(tag.casefold(), tag)
        for folded, tag in once.items():
            counts[spelled.setdefault(folded, tag)] += 1
    return counts.most_common()


def has_tag(caption: str, tag: str) -> bool:
    """Whether `tag` is one of the parts of `caption`, in whatever case."""
    return tag.casefold() in (have.casefold() for have in tags(caption))


def add_tags(caption: str, new: str, *, first: bool = False) -> str:
    """`caption` with the tags of `new` at its end, or `first`; one that is there already stays where it is."""
    added = [tag for tag in dict.fromkeys(tags(new)) if not has_tag(caption, tag)]
    if not added:
        return caption
    return ", ".join([*added, *tags(caption)] if first else [*tags(caption), *added])


def remove_tags(caption: str, gone: str) -> str:
    """`caption` without the tags of `gone`, in whatever case."""
    unwanted = {tag.casefold() for tag in tags(gone)}
    kept = [tag for tag in tags(caption) if tag.casefold() not in unwanted]
    return ", ".join(kept) if len(kept) < len(tags(caption)) else caption


def replacer(old: str, new: str, *, words: bool = False, case: bool = False) -> Callable[[str], str]:
    """A function that puts `new` in place of every `old`.

    Args:
        words: only where `old` stands as words of its own: 'man' leaves 'woman' alone.
        case: only where upper and lower case are the same too.

    Raises:
        WrongUse: there is nothing to look for.
    """
    if not old:
        raise WrongUse("There is nothing to replace.", "Give the words that are there now.")
    ends = (r"(?<!\w)", r"(?!\w)") if words else ("", "")
    pattern = re.compile(f"{ends[0]}{re.escape(old)}{ends[1]}", 0 if case else re.IGNORECASE)
    return lambda caption: (
        tidy(replaced) if (replaced := pattern.sub(lambda _: new, caption)) != caption else caption
    )


def tidy(caption: str) -> str:
    """`caption` on one line, without the double spaces and lone commas that taking words out leaves."""
    spaced = re.sub(r"\s+,", ",", " ".join(caption.split()))
    return re.sub(r"(,\s*)+,", ",", spaced).strip(", ") if "," in spaced else spaced


def prefix(caption: str, words: str) -> str:
    """`caption` with `words` before it, unless it begins with them already."""
    words = " ".join(words.split())
    begins = caption.casefold().startswith(words.casefold())
    return caption if begins else f"{words} {caption}".strip()


def suffix(caption: str, words: str) -> str:
    """`caption` with `words` after it, unless it ends with them already; a comma at their start closes up."""
    words = " ".join(words.split())
    if caption.casefold().endswith(words.casefold()):
        return caption
    return f"{caption}{'' if words[:1] in ',.;:' else ' '}{words}".strip()


def on_caption(change: Callable[[str], str]) -> Edit:
    """An edit that looks at the caption alone."""
    return lambda photo: change(photo.caption)
