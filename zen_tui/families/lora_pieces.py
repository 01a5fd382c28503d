"""From the tensors of a piece to the change they make, after the formulas of LyCORIS and PEFT.

LoKr: github.com/KohakuBlueleaf/LyCORIS, `functional/lokr.py`; LoHa: `functional/loha.py`; the Tucker form, with
a small core in the middle, is folded into the factors beside it, which changes nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zen_tui.exchange.lora_layouts import Piece
from zen_tui.families.changes import Change
from zen_tui.library.errors import BadFile


def change_of(piece: Piece, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Change:
    """The change of one layer; `config` is PEFT's, from which alpha comes when there is no key for it.

    Raises:
        BadFile: a DoRA over the inputs, which cannot be hung on a layer.
    """
    made = {"lora": _lora, "lokr": _lokr, "loha": _loha, "full": _full}[piece.kind]
    held = {role: tensors[key] for role, key in piece.keys.items()}
    change = made(piece, held, _scale(piece, held, config))
    return change.rows(piece.rows)


def _scale(piece: Piece, held: Mapping[str, Tensor], config: Mapping[str, Any]) -> float:
    """alpha / rank, or alpha / √rank where PEFT was told so; 1 when nothing is said."""
    if piece.rank == 0:  # a full difference, or a Kronecker product of two full factors
        return 1.0
    if "alpha" in held:
        return float(held["alpha"].float().reshape(-1)[0]) / piece.rank
    alpha = config.get("lora_alpha", config.get("alpha"))
    for pattern, value in (config.get("alpha_pattern") or {}).items():
        if pattern == piece.layer or re.fullmatch(rf"(.*\.)?({re.escape(pattern)})", piece.layer):
            alpha = value
    if not isinstance(alpha, (int, float)):
        return 1.0
    return float(alpha) / (math.sqrt(piece.rank) if config.get("use_rslora") else piece.rank)


def _lora(piece: Piece, held: Mapping[str, Tensor], scale: float) -> Change:
    down = held["down"]
    if "mid" in held:
        down = torch.einsum("rshw,si->rihw", held["mid"].float(), down.float().flatten(1)).to(down.dtype)
    magnitude = held.get("magnitude")
    if magnitude is not None:
        outputs = held["up"].shape[0]
        rows = (
            magnitude.shape[1] if "magnitude_vector" in piece.keys["magnitude"] and magnitude.dim() == 4 else None
        )
        if magnitude.numel() != outputs or (magnitude.dim() > 1 and outputs not in (rows, magnitude.shape[0])):
            raise BadFile(f"{piece.stem} is a DoRA over the inputs of its layer, which Zen cannot use.")
        magnitude = magnitude.reshape(-1)
    return Change(piece.part, piece.layer, held["up"], down, scale=scale, magnitude=magnitude)


def _lokr(piece: Piece, held: Mapping[str, Tensor], scale: float) -> Change:
    _refuse_dora(piece, held)
    mix = held["lokr_w1"] if "lokr_w1" in held else held["lokr_w1_a"].float() @ held["lokr_w1_b"].float()
    if "lokr_w2" in held:
        second = held["lokr_w2"]
    elif "lokr_t2" in held:
        core, a, b = (held[f"lokr_{name}"].float() for name in ("t2", "w2_a", "w2_b"))
        second = torch.einsum("ijhw,ip,jr->prhw", core, a, b)
    else:
        second = held["lokr_w2_a"].float() @ held["lokr_w2_b"].float()
        kernel = _kernel(piece, second)
        second = second if kernel is None else second.reshape(second.shape[0], -1, *kernel)
    return Change(piece.part, piece.layer, second, mix=mix, scale=scale)


def _kernel(piece: Piece, second: Tensor) -> tuple[int, int] | None:
    """The kernel that a convolution's second factor was flattened with; only 3x3 is, as 1x1 is no difference."""
    if not re.search(r"(conv\d?|conv_in|conv_out)$", piece.layer) or second.shape[1] % 9:
        return None
    return 3, 3


def _loha(piece: Piece, held: Mapping[str, Tensor], scale: float) -> Change:
    """The elementwise product of two products of rank r is a product of rank r²; beyond use, the whole of it."""
    _refuse_dora(piece, held)
    one_a, one_b, two_a, two_b = (held[f"hada_{name}"].float() for name in ("w1_a", "w1_b", "w2_a", "w2_b"))
    if "hada_t1" in held:
        cores = [held["hada_t1"].float(), held["hada_t2"].float()]
        pairs = [(one_a, one_b), (two_a, two_b)]
        first, second = (
            torch.einsum("ijhw,jr,ip->prhw", core, b, a) for core, (a, b) in zip(cores, pairs, strict=True)
        )
        return Change(piece.part, piece.layer, first * second, scale=scale)
    rank = one_a.shape[1] * two_a.shape[1]
    if rank >= min(piece.shape):
        return Change(piece.part, piece.layer, (one_a @ one_b) * (two_a @ two_b), scale=scale)
    up = torch.einsum("op,oq->opq", one_a, two_a).flatten(1)
    down = torch.einsum("pi,qi->pqi", one_b, two_b).flatten(0, 1)
    return Change(piece.part, piece.layer, up, down, scale=scale)


def _full(piece: Piece, held: Mapping[str, Tensor], scale: float) -> Change:
    _refuse_dora(piece, held)
    return Change(piece.part, piece.layer, held["diff"], scale=scale)


def _refuse_dora(piece: Piece, held: Mapping[str, Tensor]) -> None:
    if "magnitude" in held:
        raise BadFile(f"{piece.stem} is a DoRA of another kind than LoRA's, which Zen cannot use.")
