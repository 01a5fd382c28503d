"""Is this word a good token: rare, short for the text encoder, and not the name of something the base knows?

A token is overwritten with the subject, so it should mean nothing yet. How common a word is follows from its
number in the vocabulary: byte pair encoding merges the most frequent pairs first (Sennrich et al., 2016). CLIP's
vocabulary was made from captions and posts, so a word that is one piece there has been seen often; a rare one of
letters that nobody speaks is best. T5 and Qwen read whole sentences and take made-up words in several pieces.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

import msgspec

from zen_tui.exchange.vocabulary import Piece, Vocabulary
from zen_tui.library.database import Database
from zen_tui.library.datasets import all_datasets
from zen_tui.library.records import Dataset
from zen_tui.library.text import clean
from zen_tui.mannequins.tokenizer import RESERVED
from zen_tui.photos.caption_lint import Finding

RARE = 0.8  # of the vocabulary: CLIP's words beyond are seldom more than hashtags
WORD_SHARE = 0.4  # of the vocabulary: a piece of four letters and more below is a word of its own
FEW_PIECES = {"clip": 2, "mini": 1, "t5": 4, "qwen2": 3}

CANDIDATES = (
    "ohwx", "nlwx", "ilwx", "mswx", "scwx", "nmwx", "ncbd", "ncds", "kprs", "zshq", "tzky", "ssnhq", "cwgc",
)  # fmt: skip
"""One rare piece each in CLIP's vocabulary, and short in the others; mostly weather reports' hashtags."""

OTHER_MEANINGS = {"sks": "It is the name of a rifle too, and some bases draw one."}

Grade = Literal["good", "fair", "poor"]


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of `word` as a token. `rank` is its number of `size` where it is one piece, else None."""

    word: str
    vocabulary: str
    grade: Grade
    text: str
    pieces: list[str]
    rank: int | None
    size: int
    suggestions: list[str]


def advise(word: str, vocabulary: Vocabulary, used: Collection[str] = ()) -> Advice:
    """Judge `word` as a token for bases that read by `vocabulary`; words in `used` are not suggested."""
    word = clean(word, 80).strip()
    pieces = vocabulary.pieces(word)
    grade, text = _judge(word, vocabulary, pieces)
    return Advice(
        word=word,
        vocabulary=vocabulary.title,
        grade=grade,
        text=text,
        pieces=[piece.text for piece in pieces],
        rank=pieces[0].rank if len(pieces) == 1 else None,
        size=vocabulary.size,
        suggestions=suggestions(vocabulary, {word, *used}),
    )


def suggestions(vocabulary: Vocabulary, used: Collection[str] = (), count: int = 3) -> list[str]:
    """Good tokens that are not in `used`, those first that are fewest pieces."""
    taken = {word.casefold() for word in used}
    known = RESERVED if vocabulary.kind == "mini" else CANDIDATES
    free = [word for word in known if word not in taken and word not in OTHER_MEANINGS]
    good = [word for word in free if _judge(word, vocabulary, vocabulary.pieces(word))[0] == "good"]
    return sorted(good, key=lambda word: len(vocabulary.pieces(word)))[:count]


def token_finding(dataset: Dataset, vocabulary: Vocabulary) -> list[Finding]:
    """The dataset's own token as a finding of kind `word`, unless it is a good one."""
    grade, text = _judge(dataset.token, vocabulary, vocabulary.pieces(dataset.token))
    return [] if grade == "good" else [Finding(None, "word", f"The token {text}")]


def tokens_in_use(db: Database) -> set[str]:
    """The tokens of this home's datasets."""
    return {dataset.token for dataset in all_datasets(db)}


def _judge(word: str, vocabulary: Vocabulary, pieces: list[Piece]) -> tuple[Grade, str]:
    if not word:
        return "poor", "A token is a word; none was given."
    if not re.fullmatch(r"\w+", word):
        return (
            "poor",
            f"“{word}” is more than a word: {len(pieces)} pieces. A token of letters alone is read as one.",
        )
    if vocabulary.kind == "mini":
        return _judge_mini(word, pieces)
    if word.casefold() in OTHER_MEANINGS:
        return "fair", f"“{word}” is {_counted(pieces)}. {OTHER_MEANINGS[word.casefold()]}"
    whole = _whole(word, vocabulary, pieces)
    if whole is not None:
        return _judge_whole(word, vocabulary, whole)
    if inside := _word_inside(vocabulary, pieces):
        return "poor", f"“{word}” is read as {_listed(pieces)}, and “{inside}” is a word that the base knows."
    if len(pieces) > FEW_PIECES[vocabulary.kind]:
        return "poor", f"“{word}” is {_counted(pieces)}: {_listed(pieces)}. A shorter one is learned more easily."
    if vocabulary.kind == "clip":
        return (
            "fair",
            f"“{word}” is {_counted(pieces)}: {_listed(pieces)}. It works; one piece is learned more easily.",
        )
    if _spoken(word):
        return "fair", f"“{word}” is {_counted(pieces)} and reads like a word or a name, which the base may know."
    return "good", f"“{word}” is {_counted(pieces)}, none of which means anything: a good token."


def _judge_mini(word: str, pieces: list[Piece]) -> tuple[Grade, str]:
    """The built-in base knows the words of its world, each one piece, and keeps some free."""
    if word.casefold() in RESERVED:
        return "good", f"“{word}” is one of the words that this base keeps free: a good token."
    if len(pieces) == 1:
        return "poor", f"“{word}” is a word of this base's world and means something already."
    return "poor", f"“{word}” is not in this base's small vocabulary and is spelled out in {len(pieces)} pieces."


def _judge_whole(word: str, vocabulary: Vocabulary, piece: Piece) -> tuple[Grade, str]:
    place = f"word {piece.rank:,} of {vocabulary.size:,} by how common it is"
    if piece.rank < RARE * vocabulary.size:
        return "poor", f"“{word}” is known: {place}. Training would have to overwrite what it means."
    if _spoken(word):
        return "fair", f"“{word}” is one piece and rare, {place}; but it reads like a word or a name."
    return "good", f"“{word}” is one piece and rare, {place}: a good token."


def _whole(word: str, vocabulary: Vocabulary, pieces: list[Piece]) -> Piece | None:
    """`word` as one piece, also where only its capitalised form is one, as names are."""
    if len(pieces) == 1:
        return pieces[0]
    capital = vocabulary.pieces(word.capitalize())
    return capital[0] if len(capital) == 1 else None


def _word_inside(vocabulary: Vocabulary, pieces: list[Piece]) -> str:
    """A piece that is a word of its own; '' when there is none."""
    known = (p for p in pieces if len(p.text) >= 4 and p.text.isalpha() and p.rank < WORD_SHARE * vocabulary.size)
    return next((piece.text for piece in known), "")


def _spoken(word: str) -> bool:
    """Whether letters follow each other as in words: vowels, and no three consonants in a row."""
    lower = word.casefold()
    return bool(re.search(r"[aeiouy]", lower)) and not re.search(r"[^aeiouy]{3}", lower)


def _counted(pieces: list[Piece]) -> str:
    return "one piece" if len(pieces) == 1 else f"{len(pieces)} pieces"


def _listed(pieces: list[Piece]) -> str:
    return " + ".join(clean(piece.text) for piece in pieces)
