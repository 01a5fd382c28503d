"""How a base reads words: how many tokens a caption is, into which pieces a word falls, how common each is.

Counted with the base's own tokenizer, or with the vocabulary of its family that travels with Zen; through the
`tokenizers` library alone, so that a screen and a command can ask without torch. The rules by which text is split
are those of the models' own tokenizers (transformers 5), and a test holds them together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from zen_tui.exchange import vocabulary_files
from zen_tui.exchange.bases import facts_of
from zen_tui.exchange.blueprints import CONFIGS
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.source import BUILTIN, source_of
from zen_tui.library.errors import BadFile
from zen_tui.library.records import Base
from zen_tui.library.text import clean

MARKS = {"sd15": 2, "sdxl": 2, "flux1": 1, "chroma": 1, "sd35": 1, "qwen-image": 0}
"""Tokens that are read and are not the caption's: marks of start and end."""
BEFORE = "<|im_start|>user\n"
"""What the other families say to Qwen before the caption."""
KINDS = {"sd15": "clip", "sdxl": "clip", "flux1": "t5", "chroma": "t5", "sd35": "t5"}  # else qwen2
TITLES = {"clip": "CLIP", "t5": "T5", "qwen2": "Qwen"}
CLIP_LIMIT = 77 - MARKS["sd15"]


class Piece(msgspec.Struct, frozen=True):
    """Part of a word, as the vocabulary has it, and its number there: a small one is common.

    `ends` says that it is the end of a word.
    """

    text: str
    rank: int
    ends: bool


class Vocabulary:
    """The words of one text encoder.

    Args:
        title: what it is called on screen: 'CLIP', or a base's name.
        kind: 'clip', 't5', 'qwen2', or 'mini' for the built-in base.
        limit: how many tokens of a caption are read.
    """

    def __init__(self, title: str, kind: str, limit: int, tokenizer: Any) -> None:
        self.title, self.kind, self.limit = title, kind, limit
        self._tokenizer = tokenizer
        self._counted: dict[str, int] = {"": 0}

    @property
    def size(self) -> int:
        """How many words and pieces there are."""
        return int(self._tokenizer.get_vocab_size())

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each of `texts` is, without marks of start and end."""
        new = list(dict.fromkeys(text for text in texts if text not in self._counted))
        read = self._tokenizer.encode_batch(new, add_special_tokens=False) if new else []
        self._counted.update((text, len(encoding.ids)) for text, encoding in zip(new, read, strict=True))
        return [self._counted[text] for text in texts]

    def pieces(self, word: str) -> list[Piece]:
        """The pieces that `word` falls into where it stands after another."""
        spaced = f" {word}" if self.kind == "qwen2" else word
        read = self._tokenizer.encode(spaced, add_special_tokens=False)
        found = [
            Piece(_spelled(token, self.kind), number, token.endswith("</w>"))
            for token, number in zip(read.tokens, read.ids, strict=True)
        ]
        return [piece for piece in found if piece.text]


def _spelled(token: str, kind: str) -> str:
    """A word of a vocabulary as a person writes it, without its marks of space and end."""
    if kind == "t5":
        return token.lstrip("▁")
    bytes_ = {letter: byte for byte, letter in vocabulary_files.byte_letters().items()}
    known = bytes(bytes_[letter] for letter in token.removesuffix("</w>") if letter in bytes_)
    return known.decode("utf-8", "replace").strip()


def clip_vocabulary() -> Vocabulary:
    """The vocabulary of Stable Diffusion 1, 2 and XL, for when no base was named."""
    return Vocabulary(TITLES["clip"], "clip", CLIP_LIMIT, _travelling("clip"))


def vocabulary_of(base: Base) -> Vocabulary:
    """The vocabulary by which `base` reads captions: that of the text encoder with the longest view.

    Raises:
        BadFile: the base, or its tokenizer, is gone or damaged.
    """
    folder = source_of(base).folder(PROFILES[base.family].tokenizers[-1])
    kind = KINDS.get(base.family, "qwen2")
    tokenizer = _tokenizer(folder, kind)
    before = MARKS.get(base.family)
    if before is None:
        before = len(tokenizer.encode(BEFORE, add_special_tokens=False).ids)
    kind = "mini" if base.path.startswith(BUILTIN) else kind
    return Vocabulary(base.slug, kind, facts_of(base).token_limit - before, tokenizer)


@lru_cache(maxsize=4)
def _tokenizer(folder: Path, kind: str) -> Any:
    """The tokenizer in a base's folder, without its cutting and filling up."""
    from tokenizers import Tokenizer

    whole, words, merges = (folder / name for name in ("tokenizer.json", "vocab.json", "merges.txt"))
    if folder.is_relative_to(CONFIGS) or not (whole.is_file() or (kind != "t5" and words.is_file())):
        return _travelling(kind)
    try:
        if whole.is_file():
            tokenizer = Tokenizer.from_file(str(whole))
            tokenizer.no_truncation()
            tokenizer.no_padding()
            return tokenizer
        from tokenizers.models import BPE

        return _SPLITTING[kind](*BPE.read_file(str(words), str(merges)))
    except Exception as error:  # the library raises nothing narrower
        reason = clean(str(error), 200)
        raise BadFile(f"The tokenizer in {folder} cannot be read: {reason}.", "Get the base again.") from error


@lru_cache(maxsize=4)
def _travelling(kind: str) -> Any:
    return _t5(*vocabulary_files.t5()) if kind == "t5" else _SPLITTING[kind](*_WORDS[kind]())


def _clip(words: dict[str, int], merges: list[tuple[str, str]]) -> Any:
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(words, merges, end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    blanks = normalizers.Replace(Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), blanks, normalizers.Lowercase()])
    word = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    split = pre_tokenizers.Split(Regex(word), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return tokenizer


def _qwen2(words: dict[str, int], merges: list[tuple[str, str]]) -> Any:
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(words, merges))
    tokenizer.add_special_tokens(vocabulary_files.QWEN2_SPECIAL)
    tokenizer.normalizer = normalizers.NFC()
    word = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    split = pre_tokenizers.Split(Regex(word), behavior="isolated")
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, bytes_])
    return tokenizer


def _t5(words: list[tuple[str, float]], letters: bytes) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.Unigram(words, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.Precompiled(letters)
    marked = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), marked])
    return tokenizer


_WORDS: dict[str, Callable[[], tuple[dict[str, int], list[tuple[str, str]]]]] = {
    "clip": vocabulary_files.clip,
    "qwen2": vocabulary_files.qwen2,
}
_SPLITTING: dict[str, Callable[[dict[str, int], list[tuple[str, str]]], Any]] = {"clip": _clip, "qwen2": _qwen2}
