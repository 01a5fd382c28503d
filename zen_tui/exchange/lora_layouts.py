"""The layout of a LoRA file: which layers of which model it changes and how, told from its header alone.

kohya, LyCORIS (LoKr, LoHa, full differences), diffusers old and new, PEFT, ComfyUI and the original names of
FLUX, Z-Image and Stable Diffusion all become the same thing: pieces, each the change of one layer of the
library's own model. A key that is not understood is kept by name, so that nobody takes a part for the whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from zen_tui.exchange.lora_families import family_of
from zen_tui.exchange.lora_names import Rows, targets, with_dots
from zen_tui.exchange.safetensors_header import Header, TensorInfo, read_header

METADATA = "lora_adapter_metadata"  # where diffusers keeps rank and alpha
PEFT_CONFIG = "adapter_config.json"  # where PEFT keeps them, beside the file

_ROLES = {
    r"\.lora_A(\.default)?\.weight|[._]lora(\.|_)down\.weight|\.lora_linear_layer\.down\.weight": "down",
    r"\.lora_B(\.default)?\.weight|[._]lora(\.|_)up\.weight|\.lora_linear_layer\.up\.weight": "up",
    r"\.lora_mid\.weight": "mid",
    r"\.alpha": "alpha",
    r"\.dora_scale|\.lora_magnitude_vector(\.default)?(\.weight)?": "magnitude",
    r"\.diff": "diff",
    r"\.lokr_(w1|w1_a|w1_b|w2|w2_a|w2_b|t2)(\.default)?": "lokr_",
    r"\.hada_(w1_a|w1_b|w2_a|w2_b|t1|t2)(\.default)?": "hada_",
}
BUNDLED = re.compile(r"bundle_emb\.(?P<word>.+)\.(?P<key>clip_l|clip_g|emb_params|string_to_param\.\*)")
"""A word that a LoRA brings along, as OneTrainer writes and A1111 reads it: itself, then a key of an embedding."""
_ROLE = re.compile("(?P<stem>.+?)(?:" + "|".join(f"(?P<r{n}>{text})" for n, text in enumerate(_ROLES)) + ")")
_FLAT = {  # kohya and LyCORIS write names with underscores throughout
    "lora_unet_": "denoiser",
    "lora_transformer_": "denoiser",
    "lycoris_": "denoiser",
    "lora_te1_": "text_encoder",
    "lora_te2_": "text_encoder_2",
    "lora_te3_": "text_encoder_3",
    "lora_te_": "text_encoder",
}
_DOTTED = {
    "base_model.model.": "",
    "model.diffusion_model.": "denoiser",
    "diffusion_model.": "denoiser",
    "unet.": "denoiser",
    "transformer.": "denoiser",
    "text_encoders.clip_l.transformer.": "text_encoder",
    "text_encoders.clip_g.transformer.": "text_encoder_2",
    "text_encoders.t5xxl.transformer.": "text_encoder_3",
    "text_encoder_3.": "text_encoder_3",
    "text_encoder_2.": "text_encoder_2",
    "text_encoder.": "text_encoder",
    "text_model.": "text_encoder",
}
UNETS = ("sd15", "sdxl")


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """The change of one layer: `part` and `layer` name it, `keys` the tensors it is made of, by role.

    `shape` is (outputs, inputs with the kernel) of the matrix that the tensors make; the layer's own rows of it
    are `rows`, all of them when None.
    """

    part: str
    layer: str
    kind: str  # "lora", "lokr", "loha", "full"
    stem: str
    keys: dict[str, str]
    shape: tuple[int, int]
    rank: int
    rows: Rows | None = None

    @property
    def outputs(self) -> int:
        return self.shape[0] if self.rows is None else sum(last - first for first, last in self.rows)


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """What a file is: its pieces, and the keys in it that are not understood."""

    format: str  # "kohya", "lycoris", "diffusers", "peft", "comfyui", "original"
    family: str
    variant: str
    pieces: tuple[Piece, ...]
    unknown: tuple[str, ...]
    metadata: dict[str, str]
    config: dict[str, Any]  # PEFT's, by part; empty when the file says nothing

    def parts(self) -> list[str]:
        return list(dict.fromkeys(piece.part for piece in self.pieces))


def read_layout(path: Path, *, depth: int = 2) -> Layout:
    """The layout of the LoRA at `path`; `depth` as in `lora_names.targets`.

    Raises:
        BadFile: not a whole safetensors file.
    """
    return layout_of(read_header(path), beside=path.parent / PEFT_CONFIG, depth=depth)


def layout_of(header: Header, *, beside: Path | None = None, depth: int = 2) -> Layout:
    """The layout told by a header; `beside` is PEFT's configuration, if it came with one."""
    stems, strange = _by_stem(header.tensors)
    named = {stem: _named(stem) for stem in stems}
    shapes = {stem: _shape(keys, header.tensors) for stem, keys in stems.items()}
    told = [(part, name, shape) for stem, (part, name) in named.items() if (shape := shapes[stem])]
    family, variant = family_of(told, header.metadata)
    pieces: list[Piece] = []
    for stem, keys in stems.items():
        shape = shapes[stem]
        if shape is None:
            strange += sorted(keys.values())
            continue
        part, name = named[stem]
        part = _part(part, family)
        for layer, rows in targets(family, part, name, shape, depth=depth):
            pieces.append(
                Piece(
                    part=part, layer=layer, kind=_kind(keys), stem=stem, keys=keys, shape=shape,
                    rank=_rank(keys, header.tensors), rows=rows,
                )
            )  # fmt: skip
    return Layout(
        format=_format(list(stems), stems.values()),
        family=family,
        variant=variant,
        pieces=tuple(pieces),
        unknown=tuple(strange),
        metadata=header.metadata,
        config=_config(header.metadata, beside, [piece.part for piece in pieces]),
    )


def is_lora(tensors: Mapping[str, TensorInfo]) -> bool:
    """Whether there is at least one change of a layer among `tensors`, in any layout."""
    stems, _ = _by_stem(tensors)
    return any(_shape(keys, tensors) for keys in stems.values())


def _by_stem(tensors: Mapping[str, TensorInfo]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Keys by the layer they belong to and their role; and those of no known role."""
    stems: dict[str, dict[str, str]] = {}
    strange = []
    names = list(_ROLES.values())
    for key in tensors:
        if BUNDLED.fullmatch(key):
            continue
        found = _ROLE.fullmatch(key)
        if found is None:
            strange.append(key)
            continue
        number = next(n for n in range(len(names)) if found[f"r{n}"] is not None)
        role = names[number]
        if role.endswith("_"):
            tail = key[len(found["stem"]) + 1 :].removesuffix(".default")
            role = tail
        keys = stems.setdefault(found["stem"], {})
        if role in keys:
            strange.append(key)
        keys.setdefault(role, key)
    return stems, strange


def _named(stem: str) -> tuple[str, str]:
    """(part, name with dots) of a layer, from the start of a key; the part is '' when it does not say."""
    for start, part in _FLAT.items():
        if stem.startswith(start):
            return part, with_dots(stem.removeprefix(start)).removeprefix("text_model.")
    part, name = "", stem
    for start, meaning in _DOTTED.items():
        if name.startswith(start):
            part, name = part or meaning, name.removeprefix(start)
    name = re.sub(r"\.processor\.", ".", name).removesuffix("_lora")
    return part, name.removeprefix("text_model.")


def _part(part: str, family: str) -> str:
    """The sub-folder of a base: 'denoiser' by its family's name, and FLUX.1's T5 is its second encoder."""
    if part in ("denoiser", ""):
        return "unet" if family in UNETS else "transformer"
    if part == "text_encoder_3" and family == "flux1":
        return "text_encoder_2"
    if part == "text_encoder_3" and family == "chroma":
        return "text_encoder"
    return part


def _kind(keys: Mapping[str, str]) -> str:
    if "down" in keys:
        return "lora"
    if "diff" in keys:
        return "full"
    return "lokr" if any(role.startswith("lokr") for role in keys) else "loha"


def _shape(keys: Mapping[str, str], tensors: Mapping[str, TensorInfo]) -> tuple[int, int] | None:
    """(outputs, inputs with the kernel) of the whole change; None when a tensor is missing or of no sense."""

    def size(role: str) -> tuple[int, ...]:
        return tensors[keys[role]].shape

    try:
        if "diff" in keys:
            return _flat(size("diff"))
        if "down" in keys:
            (outputs, inner), down = _flat(size("up")), _flat(size("down"))
            kernel = math.prod(size("mid")[2:]) if "mid" in keys else 1
            return (outputs, down[1] * kernel) if inner == down[0] else None
        if "lokr_w1" in keys or "lokr_w1_a" in keys:
            first = size("lokr_w1") if "lokr_w1" in keys else (size("lokr_w1_a")[0], size("lokr_w1_b")[1])
            if "lokr_w2" in keys:
                second = _flat(size("lokr_w2"))
            elif "lokr_t2" in keys:
                kernel = math.prod(size("lokr_t2")[2:])
                second = (size("lokr_w2_a")[1], size("lokr_w2_b")[1] * kernel)
            else:
                second = (size("lokr_w2_a")[0], size("lokr_w2_b")[1])
            return first[0] * second[0], first[1] * second[1]
        if "hada_t1" in keys:
            kernel = math.prod(size("hada_t1")[2:])
            pairs = [(size(f"hada_w{n}_a")[1], size(f"hada_w{n}_b")[1] * kernel) for n in (1, 2)]
        else:
            pairs = [(size(f"hada_w{n}_a")[0], size(f"hada_w{n}_b")[1]) for n in (1, 2)]
        return pairs[0] if pairs[0] == pairs[1] else None
    except (KeyError, IndexError, ValueError):
        return None


def _flat(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) < 2:
        raise ValueError
    return shape[0], math.prod(shape[1:])


def _rank(keys: Mapping[str, str], tensors: Mapping[str, TensorInfo]) -> int:
    for role in ("down", "lokr_w2_b", "lokr_w1_b", "hada_w1_b"):
        if role in keys:
            return tensors[keys[role]].shape[0]
    return 0


def _format(stems: list[str], keys: Any) -> str:
    if any(_kind(roles) != "lora" for roles in keys):
        return "lycoris"
    first = stems[0] if stems else ""
    if first.startswith(tuple(_FLAT)):
        return "kohya"
    if first.startswith("base_model.model."):
        return "peft"
    if first.startswith(("diffusion_model.", "model.diffusion_model.", "text_encoders.")):
        return "comfyui"
    return "diffusers" if first.startswith(("unet.", "transformer.", "text_encoder")) else "original"


def _config(metadata: Mapping[str, str], beside: Path | None, parts: list[str]) -> dict[str, Any]:
    """PEFT's configuration by part, from the header (`part.lora_alpha`) or the file that PEFT writes beside."""
    try:
        if METADATA in metadata:
            plain = msgspec.json.decode(metadata[METADATA], type=dict[str, Any])
            found: dict[str, Any] = {part: {} for part in dict.fromkeys(parts)}
            for name, value in plain.items():
                part, _, rest = name.partition(".")
                if part in found and rest:
                    found[part][rest] = value
            return {part: values for part, values in found.items() if values}
        if beside is not None and beside.is_file():
            plain = msgspec.json.decode(beside.read_bytes(), type=dict[str, Any])
            return dict.fromkeys(parts, plain)
    except (msgspec.DecodeError, OSError, UnicodeDecodeError):
        return {}
    return {}
