"""From what a model says of a photo to the caption it is trained with: one line, the subject by its own words.

A model says "a woman on a bench"; the subject of the dataset is "ohwx woman". The first word that means it is
replaced; where there is none, the subject is said in front.
"""

from __future__ import annotations

import re

from zen_tui.library.records import Dataset
from zen_tui.library.text import clean
from zen_tui.photos.captions import LONGEST, trigger

ALSO = {
    "woman": ("lady", "girl"),
    "man": ("guy", "gentleman", "boy"),
    "girl": ("woman", "child"),
    "boy": ("man", "child"),
    "person": ("woman", "man", "lady", "gentleman", "girl", "boy", "guy"),
    "dog": ("puppy",),
    "cat": ("kitten",),
}
"""What else a model may call a subject of that class."""

OTHERS = ("another", "other", "second", "third", "two", "no")
"""Before the class word, these mean somebody else."""

PREAMBLE = re.compile(
    r"^(?:sure[,.!:]\s*)?(?:(?:here is|here's) (?:a |the )?(?:caption|description)[^:]*:\s*)?"
    r"(?:(?:the|this) (?:image|photo|picture|photograph)(?: is| shows| depicts| features| captures| displays"
    r"| presents| portrays)(?: of)?\s+)?",
    re.IGNORECASE,
)
QUOTES = "\"'“”‘’`"
SENTENCE_END = re.compile(r"[.!?](?=\s|$)")


def tidied(said: str, *, whole: bool = True) -> str:
    """`said` as one line without quotes, markup or a preamble.

    Args:
        whole: False when the model was stopped by its length; then what follows the last whole sentence goes.
    """
    text = re.sub(r"<[^<>]{1,40}>|\*\*|__|^#+ ", " ", said)
    text = re.sub(r"\s+", " ", clean(text, LONGEST)).strip().strip(QUOTES).strip()
    text = PREAMBLE.sub("", text).strip()
    ends = list(SENTENCE_END.finditer(text))
    if not whole and ends:
        text = text[: ends[-1].end()]
    return text


def caption_of(
    dataset: Dataset, said: str, prefix: str | None = None, suffix: str = "", *, tags: bool = False
) -> str:
    """The caption of a photo of which a model says `said`.

    Args:
        prefix: goes in front, with {token} and {class} filled in; None puts the subject in where it belongs.
        suffix: goes behind, likewise.
        tags: whether `said` is a list of words; the subject then comes first in it.
    """
    before, after = (_filled(dataset, text or "") for text in (prefix, suffix))
    named = dataset.token.casefold() in f"{before} {after} {said}".casefold()
    if not named and not tags:
        told = with_subject(dataset, said)
        named, said = told != said, told
    if not named and prefix is None:
        before = _introduction(dataset, tags)
        after = after or (f", in {trigger(dataset)}" if dataset.kind == "style" else "")
    if before and not before[-1].isspace() and said:
        before += " "
    text = f"{before}{_lower(said) if before else said}"
    return clean(f"{text.rstrip(' .') if after else text}{after}".strip(), LONGEST)


def with_subject(dataset: Dataset, said: str) -> str:
    """`said` with the first word that means the subject replaced by the subject's own, if there is one."""
    if not dataset.class_word or dataset.kind == "style":
        return said
    own = dataset.class_word.lower()
    nouns = "|".join(re.escape(noun) for noun in (own, *ALSO.get(own, ())))
    pattern = re.compile(rf"(?:\b(?P<before>[\w'’-]+)(?P<gap>\s+))?\b(?:{nouns})\b(?!-)", re.IGNORECASE)
    at = 0
    while found := pattern.search(said, at):
        word = (found["before"] or "").lower()
        if word in OTHERS:
            at = found.end()
            continue
        kept = "" if word in ("a", "an", "the", "one", "this") else (found["before"] or "") + (found["gap"] or "")
        return said[: found.start()] + kept + trigger(dataset) + said[found.end() :]
    return said


def _introduction(dataset: Dataset, tags: bool) -> str:
    if dataset.kind == "style":
        return ""
    return f"{trigger(dataset)}, " if tags else f"a photo of {trigger(dataset)}, "


def _filled(dataset: Dataset, text: str) -> str:
    return text.replace("{token}", dataset.token).replace("{class}", dataset.class_word)


def _lower(said: str) -> str:
    """`said` without the capital of a first sentence, if the word is one that has none of its own."""
    first = said.split(" ", 1)[0]
    return (
        said[:1].lower() + said[1:]
        if first.lower() in ("a", "an", "the", "this", "in", "on", "with", "he", "she")
        else said
    )
