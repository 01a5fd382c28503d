"""Tokenizers: out of a base's own folder, or built from the vocabularies that travel with Zen.

A checkpoint in one file has no tokenizer with it. CLIP's, T5's and Qwen2's vocabularies lie gzipped under
`exchange/configs/vocabularies`; a tokenizer_config.json there names the one it is built from.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from zen_tui.exchange.blueprints import CONFIGS
from zen_tui.library.errors import BadFile
from zen_tui.library.text import clean

VOCABULARIES = CONFIGS / "vocabularies"

QWEN2_SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>",
    "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<tool_response>",
    "</tool_response>", "<think>", "</think>",
]  # fmt: skip
"""What follows Qwen2's words, in order; the last four came with Qwen3."""


class _Settings(msgspec.Struct, forbid_unknown_fields=True):
    """A tokenizer_config.json of Zen's own."""

    vocabulary: str
    model_max_length: int
    pad_token: str = ""
    eos_token: str = ""
    chat_template: str = ""

    @property
    def options(self) -> dict[str, Any]:
        chosen = {"pad_token": self.pad_token, "eos_token": self.eos_token, "chat_template": self.chat_template}
        return {
            "model_max_length": self.model_max_length,
            **{name: value for name, value in chosen.items() if value},
        }


def load_tokenizer(folder: Path, cls: Any) -> Any:
    """The tokenizer whose settings lie in `folder`, a `cls` of transformers.

    Raises:
        BadFile: it is gone or damaged.
    """
    if folder.is_relative_to(CONFIGS):
        settings = msgspec.json.decode((folder / "tokenizer_config.json").read_bytes(), type=_Settings)
        return _BUILDERS[settings.vocabulary](settings)
    try:
        return cls.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = clean(str(error).splitlines()[0] if str(error) else type(error).__name__, 200)
        raise BadFile(f"The tokenizer in {folder} cannot be loaded: {reason}.", "Get the base again.") from error


def _clip(settings: _Settings) -> Any:
    from transformers import CLIPTokenizer

    letters = list(byte_letters().values())
    merges = _lines("clip.txt.gz")
    words = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab=_numbered(words), merges=merges, **settings.options)


def _qwen2(settings: _Settings) -> Any:
    from transformers import Qwen2Tokenizer

    merges = _lines("qwen2.txt.gz")
    words = [*byte_letters().values(), *("".join(pair) for pair in merges), *QWEN2_SPECIAL]
    tokenizer = Qwen2Tokenizer(vocab=_numbered(words), merges=merges, **settings.options)
    tokenizer.add_tokens(QWEN2_SPECIAL, special_tokens=True)
    return tokenizer


def _t5(settings: _Settings) -> Any:
    from base64 import b64decode

    from transformers import T5Tokenizer

    kept = msgspec.json.decode(gzip.decompress((VOCABULARIES / "t5.json.gz").read_bytes()))
    vocabulary = [(word, score) for word, score in kept["vocab"]]
    options = settings.options
    return T5Tokenizer(vocab=vocabulary, _spm_precompiled_charsmap=b64decode(kept["charsmap"]), **options)


_BUILDERS = {"clip": _clip, "qwen2": _qwen2, "t5": _t5}


@cache
def byte_letters() -> dict[int, str]:
    """A printable letter for every byte, in the order of the vocabularies (GPT-2's byte-level BPE)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + n) for n, byte in enumerate(rest)}


def _lines(name: str) -> list[tuple[str, str]]:
    text = gzip.decompress((VOCABULARIES / name).read_bytes()).decode()
    pairs = (line.split(" ") for line in text.splitlines() if line)
    return [(first, second) for first, second in pairs]


def _numbered(words: list[str]) -> dict[str, int]:
    return {word: number for number, word in enumerate(words)}
