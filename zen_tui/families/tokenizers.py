"""Tokenizers: out of a base's own folder, or built from the vocabularies that travel with Zen.

A checkpoint in one file has no tokenizer with it. CLIP's, T5's and Qwen2's vocabularies come from
`exchange.vocabulary_files`; a tokenizer_config.json under `exchange/configs` names the one it is built from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from zen_tui.exchange import vocabulary_files
from zen_tui.exchange.blueprints import CONFIGS
from zen_tui.library.errors import BadFile
from zen_tui.library.text import clean


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

    words, merges = vocabulary_files.clip()
    return CLIPTokenizer(vocab=words, merges=merges, **settings.options)


def _qwen2(settings: _Settings) -> Any:
    from transformers import Qwen2Tokenizer

    words, merges = vocabulary_files.qwen2()
    tokenizer = Qwen2Tokenizer(vocab=words, merges=merges, **settings.options)
    tokenizer.add_tokens(vocabulary_files.QWEN2_SPECIAL, special_tokens=True)
    return tokenizer


def _t5(settings: _Settings) -> Any:
    from transformers import T5Tokenizer

    words, letters = vocabulary_files.t5()
    return T5Tokenizer(vocab=words, _spm_precompiled_charsmap=letters, **settings.options)


_BUILDERS = {"clip": _clip, "qwen2": _qwen2, "t5": _t5}
