"""The vocabularies of CLIP, T5 and Qwen2 that travel with Zen, gzipped under `configs/vocabularies`.

What is read here is plain data: words in the order of their numbers, and the pairs that are merged, the most
frequent first. Tokenizers are built from it.
"""

from __future__ import annotations

import gzip
from base64 import b64decode
from functools import cache

import msgspec

from zen_tui.exchange.blueprints import CONFIGS

VOCABULARIES = CONFIGS / "vocabularies"

CLIP_SPECIAL = ["<|startoftext|>", "<|endoftext|>"]
QWEN2_SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>",
    "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<tool_response>",
    "</tool_response>", "<think>", "</think>",
]  # fmt: skip
"""What follows Qwen2's words, in order; the last four came with Qwen3."""

Merges = list[tuple[str, str]]


def clip() -> tuple[dict[str, int], Merges]:
    """CLIP's words by number, and its merges."""
    letters = list(byte_letters().values())
    merges = _merges("clip.txt.gz")
    words = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges)]
    return numbered([*words, *CLIP_SPECIAL]), merges


def qwen2() -> tuple[dict[str, int], Merges]:
    """Qwen2's words by number, and its merges."""
    merges = _merges("qwen2.txt.gz")
    return numbered([*byte_letters().values(), *("".join(pair) for pair in merges), *QWEN2_SPECIAL]), merges


def t5() -> tuple[list[tuple[str, float]], bytes]:
    """T5's words with the logarithm of how likely each is, and how it spells letters (SentencePiece)."""
    kept = msgspec.json.decode(gzip.decompress((VOCABULARIES / "t5.json.gz").read_bytes()))
    return [(word, score) for word, score in kept["vocab"]], b64decode(kept["charsmap"])


@cache
def byte_letters() -> dict[int, str]:
    """A printable letter for every byte, in the order of the vocabularies (GPT-2's byte-level BPE)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + n) for n, byte in enumerate(rest)}


def _merges(name: str) -> Merges:
    text = gzip.decompress((VOCABULARIES / name).read_bytes()).decode()
    pairs = (line.split(" ") for line in text.splitlines() if line)
    return [(first, second) for first, second in pairs]


def numbered(words: list[str]) -> dict[str, int]:
    """The words by their place in the list."""
    return {word: number for number, word in enumerate(words)}
