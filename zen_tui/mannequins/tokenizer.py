"""The built-in base's own words: a CLIP tokenizer in which every word of the world is one token.

The merges are learned as byte pair encoding learns them (Sennrich et al., 2016), from the list of words itself,
until each word is whole; any other text falls apart into letters and bytes, so nothing is ever unknown.
"""

import string
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

RESERVED = (
    "ohwx", "sks", "zwx", "mkrv", "qxv", "vrml", "xjy", "tqz",
    "wvk", "zrq", "bnj", "hfk", "pgq", "dxz", "lqm", "kvj",
)  # fmt: skip
"""Never in a training caption: each is one free token for a subject."""

LENGTH = 48
START, END = "<|startoftext|>", "<|endoftext|>"

Pair = tuple[str, str]


def _bytes() -> list[str]:
    """The 256 printable stand-ins for bytes that CLIP's tokenizer uses, after GPT-2."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + n) for n in range(len(others))]


def _join(parts: tuple[str, ...], pair: Pair) -> tuple[str, ...]:
    joined: list[str] = []
    for part in parts:
        if joined and (joined[-1], part) == pair:
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)


def learn_merges(words: Iterable[str]) -> list[Pair]:
    """Merges, in order, after which every word is a single token."""
    unfinished = [(*word[:-1], f"{word[-1]}</w>") for word in sorted(set(words))]
    merges: list[Pair] = []
    while unfinished := [parts for parts in unfinished if len(parts) > 1]:
        counts = Counter(pair for parts in unfinished for pair in pairwise(parts))
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        unfinished = [_join(parts, best) if best[0] in parts else parts for parts in unfinished]
    return merges


def build_tokenizer(words: Iterable[str], length: int = LENGTH) -> Any:
    """A transformers CLIPTokenizer for these words (lower case) and RESERVED; others are spelled out.

    Hyphenated words count as their parts, as CLIP splits them.
    """
    from transformers import CLIPTokenizer

    letters = set(string.ascii_letters)
    parts = {part for word in words for part in word.lower().split("-") if part and letters.issuperset(part)}
    merges = learn_merges(parts | set(RESERVED))
    tokens = _bytes()
    tokens += [f"{token}</w>" for token in tokens]
    tokens += dict.fromkeys("".join(pair) for pair in merges)
    vocabulary = {token: number for number, token in enumerate([*dict.fromkeys(tokens), START, END])}
    return CLIPTokenizer(
        vocab=vocabulary,
        merges=merges,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        unk_token=END,
        model_max_length=length,
    )
