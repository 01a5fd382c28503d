"""Textual-inversion embeddings: new words for a text encoder, recognised by their keys and widths.

A1111 keeps them under `emb_params`; for SDXL there is one for each encoder, `clip_l` and `clip_g`; diffusers
uses the new word itself as the key. Which family one is for is told by its width; where that is no usual one, by
the architecture that ModelSpec puts into the header.
"""

from __future__ import annotations

from typing import Any

import msgspec

from zen_tui.exchange.lora_layouts import BUNDLED
from zen_tui.exchange.lora_match import Match, PartMatch
from zen_tui.exchange.safetensors_header import Header
from zen_tui.exchange.source import Source
from zen_tui.library.errors import BadFile
from zen_tui.library.text import clean

ARCHITECTURE = "modelspec.architecture"
ARCHITECTURES = {
    "sd15": "stable-diffusion-v1/textual-inversion",
    "sdxl": "stable-diffusion-xl-v1-base/textual-inversion",
}
"""What ModelSpec calls embeddings for a family; only these families have them."""
KEYS = {
    "sd15": {"text_encoder": "emb_params"},
    "sdxl": {"text_encoder": "clip_l", "text_encoder_2": "clip_g"},
}
"""The keys that A1111, ComfyUI and diffusers look for, by family and text encoder."""
IN_A_LORA = {"text_encoder": "clip_l", "text_encoder_2": "clip_g"}
"""The same for a word that a LoRA brings along, whatever its family."""
_FAMILIES = {768: "sd15", 1024: "sd15"}
_KEYS = ("emb_params", "<concept>")


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """`vectors` rows of `width` numbers for the first text encoder of `family`; `token` is '' when not named."""

    family: str
    vectors: int
    width: int
    token: str = ""
    widths: dict[str, int]  # by text encoder
    keys: dict[str, str]  # likewise


def recognise(header: Header) -> Embedding | None:
    """The embedding that a file is, or None when it is something else."""
    shapes = {key: tensor.shape for key, tensor in header.tensors.items()}
    if set(shapes) == {"clip_l", "clip_g"}:
        first, second = shapes["clip_l"], shapes["clip_g"]
        if len(first) == len(second) == 2 and first[0] == second[0]:
            keys = {"text_encoder": "clip_l", "text_encoder_2": "clip_g"}
            widths = {"text_encoder": first[1], "text_encoder_2": second[1]}
            return Embedding(family="sdxl", vectors=first[0], width=first[1], widths=widths, keys=keys)
        return None
    if len(shapes) != 1:
        return None
    ((key, shape),) = shapes.items()
    vectors, width = (1, *shape) if len(shape) == 1 else (shape if len(shape) == 2 else (0, 0))
    named = key in _KEYS or (key.startswith("<") and key.endswith(">")) or "." not in key
    family = _FAMILIES.get(width) or ("sd15" if header.metadata.get(ARCHITECTURE) == ARCHITECTURES["sd15"] else "")
    if not named or vectors > 77 or not width or not family:
        return None
    token = "" if key in _KEYS else clean(key, 60)
    return Embedding(
        family=family,
        vectors=vectors,
        width=width,
        token=token,
        widths={"text_encoder": width},
        keys={"text_encoder": key},
    )


def bundled(header: Header) -> list[Embedding]:
    """The words that a LoRA brings along, in the order of the file. Raises `BadFile` for one without vectors."""
    found: dict[str, dict[str, str]] = {}
    for key in header.tensors:
        if named := BUNDLED.fullmatch(key):
            sub = "text_encoder_2" if named["key"] == IN_A_LORA["text_encoder_2"] else "text_encoder"
            found.setdefault(clean(named["word"], 120), {})[sub] = key
    return [_of_lora(word, keys, header) for word, keys in found.items()]


def _of_lora(word: str, keys: dict[str, str], header: Header) -> Embedding:
    shapes = {sub: header.tensors[key].shape for sub, key in keys.items()}
    if {len(shape) for shape in shapes.values()} != {2} or len({shape[0] for shape in shapes.values()}) != 1:
        raise BadFile(f"The LoRA's word “{word}” has no vectors that can be read.", "Get the file again.")
    vectors, width = next(iter(shapes.values()))
    return Embedding(
        family="sdxl" if len(keys) == 2 else "sd15",
        vectors=vectors,
        width=width,
        token=word,
        widths={sub: shape[1] for sub, shape in shapes.items()},
        keys=keys,
    )


def match(embedding: Embedding, source: Source) -> Match:
    """Which of the vectors the text encoders of a base can read.

    Raises:
        BadFile: the settings of an encoder are gone.
    """
    fits = {sub: width_of(source, sub) == width for sub, width in embedding.widths.items()}
    parts = [
        PartMatch(part=sub, layers=1, pieces=embedding.vectors, fit=embedding.vectors if fit else 0)
        for sub, fit in fits.items()
    ]
    return Match(
        parts=parts,
        applies=sum(part.fit for part in parts),
        keys=len(embedding.keys),
        missing=[embedding.keys[sub] for sub in fits if sub not in source.parts],
        misfit=[embedding.keys[sub] for sub, fit in fits.items() if not fit and sub in source.parts],
        unknown=[],
    )


def width_of(source: Source, sub: str) -> int:
    """How many numbers a word is to the text encoder `sub`; 0 when the base has none. Raises `BadFile`."""
    if sub not in source.parts:
        return 0
    file = source.parts[sub].config / "config.json"
    try:
        found = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        base = source.root.name
        raise BadFile(f"The settings of the {sub} of {base} are gone.", "Get the base again.") from None
    width = found.get("hidden_size", 0)
    return width if isinstance(width, int) else 0
