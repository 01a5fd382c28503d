"""Textual-inversion embeddings: new words for a text encoder, recognised by their keys and widths.

A1111 keeps them under `emb_params`; for SDXL there is one for each encoder, `clip_l` and `clip_g`; diffusers
uses the new word itself as the key.
"""

from __future__ import annotations

import msgspec

from zen_tui.exchange.safetensors_header import Header
from zen_tui.library.text import clean

_FAMILIES = {768: "sd15", 1024: "sd15"}
_KEYS = ("emb_params", "<concept>")


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """`vectors` rows of `width` numbers for the first text encoder of `family`; `token` is '' when not named."""

    family: str
    vectors: int
    width: int
    token: str = ""
    keys: dict[str, str]  # by text encoder


def recognise(header: Header) -> Embedding | None:
    """The embedding that a file is, or None when it is something else."""
    shapes = {key: tensor.shape for key, tensor in header.tensors.items()}
    if set(shapes) == {"clip_l", "clip_g"}:
        first, second = shapes["clip_l"], shapes["clip_g"]
        if len(first) == len(second) == 2 and first[0] == second[0]:
            keys = {"text_encoder": "clip_l", "text_encoder_2": "clip_g"}
            return Embedding(family="sdxl", vectors=first[0], width=first[1], keys=keys)
        return None
    if len(shapes) != 1:
        return None
    ((key, shape),) = shapes.items()
    vectors, width = (1, *shape) if len(shape) == 1 else (shape if len(shape) == 2 else (0, 0))
    named = key in _KEYS or (key.startswith("<") and key.endswith(">")) or "." not in key
    if not named or vectors > 77 or width not in _FAMILIES:
        return None
    token = "" if key in _KEYS else clean(key, 60)
    return Embedding(
        family=_FAMILIES[width], vectors=vectors, width=width, token=token, keys={"text_encoder": key}
    )
