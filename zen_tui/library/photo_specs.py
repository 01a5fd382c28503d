"""What is asked of the models that look at photos: captions, and masks of the subject."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class CaptionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Describe photos of `dataset` with the model in the folder `model`; all photos in use if `photos` is empty.

    Photos that somebody has captioned are left alone unless `overwrite`. `prompt` is what the model is asked, None
    for its own; `length` is tokens. `prefix` and `suffix` go around what it says, with {token} and {class} filled
    in; without a prefix the subject's words are put where they belong.
    """

    kind: ClassVar[str] = "caption"
    dataset: str
    model: str
    photos: tuple[int, ...] = ()
    prompt: str | None = None
    prefix: str | None = None
    suffix: str = ""
    length: int = 128
    overwrite: bool = False


class MaskSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Find the subject in photos of `dataset` with the matte at `model`; in all in use if `photos` is empty.

    Masks that a person drew or brought along stay unless `overwrite`.
    """

    kind: ClassVar[str] = "mask"
    dataset: str
    model: str
    photos: tuple[int, ...] = ()
    overwrite: bool = False
