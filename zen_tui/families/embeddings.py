"""Textual inversion: words that a text encoder reads as vectors which were learned for them (Gal et al. 2022).

Nothing of the base is changed for it. While a word acts, a copy of the tokenizer knows one letter more for each
of its vectors, and a table before the encoder's own holds the vectors; without it both are the base's again.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken
from torch import Tensor, nn

from zen_tui.exchange import embeddings
from zen_tui.exchange.adapters import TRIGGER
from zen_tui.exchange.safetensors_header import Header
from zen_tui.library.durable import replacing
from zen_tui.library.errors import BadFile, WrongUse
from zen_tui.library.text import clean

FIRST_LETTER = 0xF0000  # of Unicode's private area, where no script has letters


@dataclass(frozen=True)
class Embedding:
    """The vectors of a word, (count, width) in fp32, by the sub-folder of their text encoder.

    While a word is learned, `vectors` gives them as they are at the time, with gradients.
    """

    path: Path
    word: str
    vectors: Mapping[str, Tensor]

    @classmethod
    def read(cls, path: Path, header: Header, found: embeddings.Embedding) -> Embedding:
        """The embedding at `path`; its word is what the file says, else the file's name."""
        tensors = load_file(path)
        word = clean(header.metadata.get(TRIGGER, ""), 120) or found.token or path.stem
        vectors = {sub: tensors[key].float().reshape(found.vectors, -1) for sub, key in found.keys.items()}
        return cls(path, word, vectors)

    @classmethod
    def bundled(cls, path: Path, header: Header) -> tuple[Embedding, ...]:
        """The words that the LoRA at `path` brings along. Raises `BadFile` for one without vectors."""
        found = embeddings.bundled(header)
        if not found:
            return ()
        tensors = load_file(path)
        return tuple(
            cls(path, word.token, {sub: tensors[key].float() for sub, key in word.keys.items()}) for word in found
        )

    def touches(self, prefix: str) -> bool:
        return prefix in self.vectors

    def check(self, models: dict[str, nn.Module]) -> int:
        """How many vectors there are. Raises `BadFile` unless each has an encoder of its width."""
        for sub, vectors in self.vectors.items():
            config: Any = getattr(models.get(sub), "config", None)
            if config is None or config.hidden_size != vectors.shape[1]:
                reads = f"reads words of {config.hidden_size}" if config else "does not exist"
                raise BadFile(
                    f"{self.path.name} was made for another base: its vectors have {vectors.shape[1]} numbers, "
                    f"and the {sub} of this one {reads}.",
                    "Use it with the base it was trained on.",
                )
        return sum(len(vectors) for vectors in self.vectors.values())

    def hang(self, prefix: str, model: nn.Module, name: str) -> None:
        """Nothing: it acts through `Words`."""


def write(path: Path, word: Embedding, family: str, licence: str = "") -> None:
    """Write a word for a base of `family` as other tools read it, durably; its name and licence in the header."""
    header = {
        "format": "pt",
        embeddings.ARCHITECTURE: embeddings.ARCHITECTURES[family],
        TRIGGER: word.word,
        **({"modelspec.license": licence} if licence else {}),
    }
    with replacing(path) as temporary:
        save_file(_named(word, embeddings.KEYS[family]), temporary, metadata=header)


def word_beside(lora: Path, number: int = 0) -> Path:
    """Where the word of a LoRA lies for readers that want a file for each, as diffusers' scripts name it."""
    return lora.with_name(f"{lora.stem}_emb{number or ''}.safetensors")


def bundle(words: Sequence[Embedding]) -> dict[str, Tensor]:
    """The vectors of words as a LoRA's file brings them along."""
    return {
        f"bundle_emb.{word.word}.{key}": vectors
        for word in words
        for key, vectors in _named(word, embeddings.IN_A_LORA).items()
    }


def same(word: Embedding, read: object) -> bool:
    """Whether what was read from a file is `word`, to the bit."""
    return (
        isinstance(read, Embedding)
        and (read.word, read.vectors.keys()) == (word.word, word.vectors.keys())
        and all(torch.equal(read.vectors[sub], vectors.detach().cpu()) for sub, vectors in word.vectors.items())
    )


def _named(word: Embedding, keys: Mapping[str, str]) -> dict[str, Tensor]:
    return {keys[sub]: vectors.detach().float().cpu().contiguous() for sub, vectors in word.vectors.items()}


class Words:
    """The words that act on a base, each with the weight that its vectors are multiplied by.

    Raises:
        WrongUse: two embeddings share a word.
    """

    def __init__(self, use: Sequence[tuple[Embedding, float]] = ()) -> None:
        words = [embedding.word.casefold() for embedding, _ in use]
        if twice := next((word for word in words if words.count(word) > 1), ""):
            raise WrongUse(f"Two embeddings share the word “{twice}”.", "Use one of them.")
        self._use = use
        self._tokenizers: dict[str, WordTokenizer] = {}

    def tokenizer(self, sub: str, own: Any) -> Any:
        """What reads prompts for the text encoder `sub`, whose own tokenizer is `own`."""
        counts = {found.word: len(found.vectors[sub]) for found, _ in self._use if found.touches(sub)}
        if not counts:
            return own
        if sub not in self._tokenizers:
            self._tokenizers[sub] = WordTokenizer(own, counts)
        return self._tokenizers[sub]

    def put_into(self, sub: str, encoder: Any) -> None:
        """Give the text encoder `sub` the vectors of the words, and take away those of earlier ones."""
        mine = [(found, weight) for found, weight in self._use if found.touches(sub)]
        table = encoder.get_input_embeddings()
        if isinstance(table, WordTable):
            table = table.known
            encoder.set_input_embeddings(table)
        if mine:
            rows = lambda: torch.cat([found.vectors[sub] * weight for found, weight in mine])  # noqa: E731
            encoder.set_input_embeddings(WordTable(table, rows))


class WordTable(nn.Module):
    """The encoder's table `known`, and for the ids -1, -2 … what `rows` gives, asked anew for every text."""

    def __init__(self, known: nn.Embedding, rows: Callable[[], Tensor]) -> None:
        super().__init__()
        self.known = known
        self.rows = rows

    def forward(self, ids: Tensor) -> Tensor:
        mine = self.rows().to(self.known.weight)[(-1 - ids).clamp(min=0)]
        return torch.where((ids < 0).unsqueeze(-1), mine, self.known(ids.clamp(min=0)))


class WordTokenizer:
    """A tokenizer that knows `words`, each as so many tokens with negative ids.

    Negative, because CLIP takes the pooled text where the id is greatest: at the end, not at a new word.
    """

    def __init__(self, own: Any, words: dict[str, int]) -> None:
        letters = (chr(FIRST_LETTER + n) for n in range(sum(words.values())))
        self._letters = {word: "".join(next(letters) for _ in range(count)) for word, count in words.items()}
        self._by_case = {word.casefold(): spelt for word, spelt in self._letters.items()}
        self._pattern = re.compile("|".join(map(_alone, sorted(words, key=len, reverse=True))), re.IGNORECASE)
        self._inner = copy.deepcopy(own)
        new = [AddedToken(letter, normalized=False) for letter in "".join(self._letters.values())]
        self._inner.add_tokens(new)
        self._first: int = self._inner.convert_tokens_to_ids(chr(FIRST_LETTER))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __call__(self, text: str | list[str], **options: Any) -> Any:
        texts = self.spelt(text) if isinstance(text, str) else [self.spelt(one) for one in text]
        found = self._inner(texts, **options)
        ids = found["input_ids"]
        if isinstance(ids, Tensor):
            found["input_ids"] = torch.where(ids >= self._first, self._first - 1 - ids, ids)
        return found

    def spelt(self, prompt: str) -> str:
        """`prompt` with the letters of its words in their place."""
        return self._pattern.sub(lambda word: self._by_case.get(word[0].casefold(), word[0]), prompt)

    def read_back(self, text: str) -> str:
        """What `spelt` made, as it can be read; a word of which a part is left is there as a whole."""
        for word, letters in self._letters.items():
            text = re.sub(f"[{letters}]+", lambda _, word=word: word, text)  # type: ignore[misc]
        return text


def unread(tokenizer: Any, prompt: str, count: int) -> str:
    """The end of `prompt` after the first `count` tokens of it; '' when there is none."""
    words = tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    offsets = words["offset_mapping"][count:]
    if not offsets:
        return ""
    if isinstance(tokenizer, WordTokenizer):
        return tokenizer.read_back(tokenizer.spelt(prompt)[offsets[0][0] :]).strip()
    return prompt[offsets[0][0] :].strip()


def _alone(word: str) -> str:
    """A pattern for `word` where it is not a part of a longer one."""
    before = r"(?<!\w)" if re.match(r"\w", word) else ""
    after = r"(?!\w)" if re.search(r"\w$", word) else ""
    return before + re.escape(word) + after
