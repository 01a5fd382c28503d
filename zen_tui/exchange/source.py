"""Where the parts of a base lie on disk, whatever its layout."""

from __future__ import annotations

from pathlib import Path

import msgspec

from zen_tui.exchange.bases import base_folder, weight_files
from zen_tui.exchange.profiles import PROFILES
from zen_tui.library.errors import BadFile
from zen_tui.library.records import Base


class Part(msgspec.Struct, frozen=True):
    """One sub-model: 'unet', 'transformer', 'vae', 'text_encoder', 'text_encoder_2' …

    `config` is the folder with its config.json. `layout` is 'diffusers' when the tensors in `files` have the
    names of the library's own model, 'original' when they have those of a single-file checkpoint, in which
    the keys of this part start with `prefix`.
    """

    config: Path
    files: tuple[Path, ...]
    layout: str = "diffusers"
    prefix: str = ""


class Source(msgspec.Struct, frozen=True):
    """A base: `root` is the folder or file that was added, `configs` a folder laid out like a diffusers base
    with at least the scheduler and the tokenizers in it."""

    root: Path
    parts: dict[str, Part]
    configs: Path

    def folder(self, sub: str) -> Path:
        """The folder with the settings of the tokenizer or scheduler called `sub`."""
        return self.configs / sub


def diffusers_source(folder: Path, family: str) -> Source:
    """The parts of a diffusers folder. Raises `BadFile` or `Refused` when one has no weights."""
    profile = PROFILES[family]
    subs = (profile.denoiser, profile.vae, *profile.text_encoders)
    return Source(folder, {sub: Part(folder / sub, tuple(weight_files(folder / sub))) for sub in subs}, folder)


def source_of(base: Base) -> Source:
    """Where the parts of `base` lie.

    Raises:
        BadFile: it is of no family that Zen knows, or something of it is gone.
    """
    if base.family not in PROFILES:
        raise BadFile(f"{base.slug} is a {base.family} base, which Zen does not know.", "Add it again.")
    return diffusers_source(base_folder(base), base.family)
