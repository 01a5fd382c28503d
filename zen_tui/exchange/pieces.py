"""Which models a safetensors file holds, told from the names and shapes of its tensors.

A checkpoint may hold one model or several: the denoiser, the VAE, the text encoders, each under a prefix of its
own. `find_pieces` splits the file at the prefixes that checkpoints use and names each piece; nothing is loaded.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from zen_tui.exchange.denoisers import denoiser_kind
from zen_tui.exchange.safetensors_header import Header, TensorInfo
from zen_tui.exchange.shards import read_headers, shards_of

Tensors = Mapping[str, TensorInfo]

_PREFIX = re.compile(
    r"model\.diffusion_model\.|diffusion_model\.|first_stage_model\.|vae\."
    r"|cond_stage_model\.(?:transformer|model)\.|conditioner\.embedders\.\d\.(?:transformer|model)\."
    r"|text_encoders\.[\w-]+(?:\.[\d.]+[\w-]*)?\.(?:transformer|model)\."
)


class Piece(msgspec.Struct, frozen=True):
    """One model in `file`. `kind` is its name, as 'flux1-dev', 'vae-16' or 't5-xxl', and '' if unknown.

    `title` is what a person calls it. `more` are its further files, where it has several. `layout` is 'diffusers'
    or 'original', as in `source.Part`.
    """

    kind: str
    title: str
    role: str  # 'denoiser', 'vae', 'text'; '' for what Zen cannot use
    file: Path
    prefix: str = ""
    layout: str = "original"
    parameters: int = 0
    bytes: int = 0
    precision: str = ""
    more: tuple[Path, ...] = ()


def read_pieces(path: Path) -> list[Piece]:
    """The models in the file at `path`; a model in several files is whole, whichever of them it is.

    Raises:
        BadFile: a file is damaged or missing.
    """
    first, *more = shards_of(path)
    header = read_headers((first, *more))
    return [msgspec.structs.replace(piece, more=tuple(more)) for piece in find_pieces(first, header)]


def find_pieces(path: Path, header: Header) -> list[Piece]:
    """The models in the file at `path`; those that Zen does not know have no kind."""
    groups: dict[str, dict[str, TensorInfo]] = defaultdict(dict)
    for key, tensor in header.tensors.items():
        match = _PREFIX.match(key)
        prefix = match.group() if match else ""
        groups[prefix][key[len(prefix) :]] = tensor
    return [piece for prefix, tensors in groups.items() if (piece := _piece(path, prefix, tensors))]


def _piece(path: Path, prefix: str, tensors: Tensors) -> Piece | None:
    for role, name in _ROLES.items():
        kind, title, layout = name(tensors)
        if title:
            sizes = [tensor.data_offsets[1] - tensor.data_offsets[0] for tensor in tensors.values()]
            return Piece(
                kind, title, role if kind else "", path, prefix, layout, Header(dict(tensors), {}).parameters,
                sum(sizes), _precision(tensors),
            )  # fmt: skip
    return None


def _precision(tensors: Tensors) -> str:
    """The format that most of the numbers are in: 'F16', 'BF16', 'F8_E4M3' …"""
    bytes_of: dict[str, int] = defaultdict(int)
    for tensor in tensors.values():
        bytes_of[tensor.dtype] += tensor.data_offsets[1] - tensor.data_offsets[0]
    return max(bytes_of, key=lambda name: bytes_of[name], default="")


def _denoiser(tensors: Tensors) -> tuple[str, str, str]:
    kind, title = denoiser_kind(tensors)
    return kind, title, "original"


def _vae(tensors: Tensors) -> tuple[str, str, str]:
    layout = "diffusers" if "decoder.mid_block.resnets.0.conv1.weight" in tensors else "original"
    if "decoder.middle.0.residual.0.gamma" in tensors:
        known = _width(tensors, "conv2.weight") == 16
        return ("vae-qwen", "the VAE of Qwen-Image", layout) if known else ("", "the VAE of a video model", layout)
    entry = tensors.get("decoder.conv_in.weight")
    if entry is None or len(entry.shape) != 4:
        return "", "", ""
    channels = entry.shape[1]
    if "bn.running_mean" in tensors and channels == 32:
        return "vae-flux2", "the VAE of FLUX.2", layout
    if channels in (4, 16):
        return f"vae-{channels}", f"a VAE of {channels} channels", layout
    return "", f"a VAE of {channels} channels", layout


def _text(tensors: Tensors) -> tuple[str, str, str]:
    for name, sizes in _TEXTS.items():
        if name in tensors:
            kind, title = sizes.get(tensors[name].shape, ("", "a text encoder that no family of Zen reads"))
            return kind, title, "original"
    return "", "", ""


def _width(tensors: Tensors, key: str) -> int:
    return tensors[key].shape[0] if key in tensors and tensors[key].shape else 0


_Titles = dict[tuple[int, ...], tuple[str, str]]
_CLIP: _Titles = {
    (49408, 768): ("clip-l", "the text encoder CLIP-L"),
    (49408, 1024): ("clip-h", "the text encoder OpenCLIP-H"),
    (49408, 1280): ("clip-g", "the text encoder OpenCLIP-bigG"),
}
_OPEN_CLIP: _Titles = {
    shape: (f"open-{kind}", title) for shape, (kind, title) in _CLIP.items() if kind != "clip-l"
}
_LANGUAGE: _Titles = {
    (151936, 2560): ("qwen3-4b", "the text encoder Qwen3-4B"),
    (151936, 4096): ("qwen3-8b", "the text encoder Qwen3-8B"),
    (152064, 3584): ("qwen2.5-vl-7b", "the text encoder Qwen2.5-VL-7B"),
}
_TEXTS: dict[str, _Titles] = {
    "text_model.embeddings.token_embedding.weight": _CLIP,
    "embeddings.token_embedding.weight": _CLIP,
    "token_embedding.weight": _OPEN_CLIP,
    "shared.weight": {(32128, 4096): ("t5-xxl", "the text encoder T5-XXL")},
    "model.embed_tokens.weight": _LANGUAGE,
    "model.language_model.embed_tokens.weight": _LANGUAGE,
}
"""By the key of the embedding of words, and its (words, width): kind and title."""

_ROLES: dict[str, Callable[[Tensors], tuple[str, str, str]]] = {"denoiser": _denoiser, "vae": _vae, "text": _text}
