"""What Zen keeps of a base in its database, so that its files need not be read again."""

from __future__ import annotations

from typing import Any

import msgspec


class PartFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Where a sub-model of a single-file base lies; as `source.Part`, with paths as text.

    `config` names a folder under `exchange/configs`, `files` are absolute paths.
    """

    config: str
    files: list[str]
    layout: str = "original"
    prefix: str = ""


class FileFacts(msgspec.Struct, frozen=True):
    """A weight file as it was when it was last read through: SHA-256 in hex, bytes, time of change in ns."""

    sha256: str
    size: int
    changed: int

    @property
    def autov2(self) -> str:
        """The short form that other tools show: the first ten digits of the SHA-256."""
        return self.sha256[:10]


class BaseFacts(msgspec.Struct, kw_only=True):
    """What a base is. Sizes in pixels and bytes; `parameters` by part; `defaults` has 'train' and 'generate'.

    `layout` is 'diffusers' for a folder, whose parts are found in it again each time, and 'original' for a
    single file, whose `parts` and `settings` (scheduler, tokenizers: folders under `exchange/configs`) are kept.
    `files` are the weight files by path.
    """

    family: str
    variant: str
    resolution: int
    multiple: int
    parameters: dict[str, int]
    bytes: int
    prediction_type: str
    token_limit: int
    context: int
    title: str = ""
    licence: str = ""
    defaults: dict[str, dict[str, Any]] = {}
    layout: str = "diffusers"
    precision: str = ""
    parts: dict[str, PartFacts] = {}
    settings: dict[str, str] = {}
    files: dict[str, FileFacts] = {}
