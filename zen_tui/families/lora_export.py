"""Writing a LoRA for another tool, and reading it back to see that nothing changed on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import torch
from safetensors.torch import save_file
from torch import Tensor

from zen_tui.exchange.lora_layouts import METADATA
from zen_tui.exchange.lora_match import few
from zen_tui.exchange.lora_names_out import FORMATS, Place, formats_for, place
from zen_tui.exchange.profiles import PROFILES
from zen_tui.families import lora_file
from zen_tui.families.changes import Change
from zen_tui.library.durable import replacing
from zen_tui.library.errors import BadFile, Refused, WrongUse

ENDS = {"kohya": (".lora_down.weight", ".lora_up.weight"), "other": (".lora_A.weight", ".lora_B.weight")}
TOLERANCE = 1e-3  # relative, of the Frobenius norm of a layer's difference; what bf16 files are held to


@dataclass(frozen=True)
class Compared:
    """Two files' differences of weights, layer by layer: how many, and the worst of them."""

    layers: int
    absolute: float
    relative: float
    worst: str


def require_format(family: str, format: str) -> None:
    """Raise `WrongUse` when `format` is not what other tools read for `family`."""
    if format not in FORMATS:
        raise WrongUse(f"There is no format {format}.", f"Formats are {', '.join(FORMATS)}.")
    if format not in formats_for(family):
        raise WrongUse(
            f"{format} is not how a LoRA for {PROFILES[family].title} is written.",
            f"Use --format {formats_for(family)[0]}.",
        )


def tensors_for(changes: Sequence[Change], family: str, format: str, name: str) -> dict[str, Tensor]:
    """The tensors of a file of `format` that makes `changes`; kohya says alpha, the others need none.

    Raises:
        Refused: a change is no LoRA, or its layer has no name in this format.
    """
    groups: dict[str, list[tuple[Place, Change]]] = {}
    for change in changes:
        if change.down is None:
            raise Refused(
                f"{name} is not made of low-rank factors, and {format} files are.",
                f"`zen adapters resize {name} --rank 32` makes a LoRA of it first.",
            )
        try:
            where = place(family, format, change.part, change.layer)
        except (KeyError, ValueError):
            raise Refused(
                f"{name} changes {few([change.layer])}, which has no name in {format} files.",
                "Use --format diffusers.",
            ) from None
        groups.setdefault(where.stem, []).append((where, change))
    down_end, up_end = ENDS["kohya" if format == "kohya" else "other"]
    found: dict[str, Tensor] = {}
    for stem, members in groups.items():
        whole = members[0][1] if members[0][0].of == 1 else _fused(members, name)
        alpha = whole.scale * whole.rank
        if format != "kohya":
            whole = folded(whole)
        assert whole.down is not None
        found[stem + down_end] = whole.down
        found[stem + up_end] = whole.up
        if format == "kohya":
            found[f"{stem}.alpha"] = torch.tensor(alpha)
        if whole.magnitude is not None:
            end = ".lora_magnitude_vector" if format == "diffusers" else ".dora_scale"
            found[stem + end] = whole.magnitude if format == "diffusers" else whole.magnitude[:, None]
    return {key: tensor.contiguous().clone() for key, tensor in found.items()}


def folded(change: Change) -> Change:
    """The same change at scale 1, so that readers who know of no alpha are right as well.

    Where the product cannot be kept in the file's own precision, it is kept in fp32.
    """
    if change.scale == 1:
        return change
    exact = change.up.float() * change.scale
    short = exact.to(change.up.dtype)
    same = torch.equal(short.float() / change.scale, change.up.float())
    return replace(change, up=short if same else exact, scale=1.0)


def _fused(members: Sequence[tuple[Place, Change]], name: str) -> Change:
    """Several layers as the one matrix that they are elsewhere: factors side by side, ups along a diagonal.

    Where the layers share their first factor, as they do in files that came from there, the rank stays what it is.
    """
    slots: list[Change | None] = [None] * members[0][0].of
    for where, change in members:
        slots[where.slot] = change
    present = [change for change in slots if change is not None]
    scales = {change.scale for change in present}
    if len(scales) > 1:
        present = [folded(change) for change in present]
        slots = [None if slot is None else folded(slot) for slot in slots]
    first = present[0]
    assert first.down is not None
    inputs = first.down.shape[1]
    if any(change.magnitude is not None for change in present) and None in slots:
        raise Refused(
            f"{name} is a DoRA of only some of the layers that are one matrix elsewhere.",
            "Use --format diffusers.",
        )
    magnitudes = [change.magnitude for change in present if change.magnitude is not None]
    magnitude = torch.cat(magnitudes) if magnitudes else None
    if None not in slots and all(_same(first.down, change.down) for change in present):
        return replace(first, up=torch.cat([change.up for change in present]), magnitude=magnitude)
    rank = sum(change.rank for change in present)
    sizes = [
        slot.up.shape[0] if slot is not None else inputs * (4 if n == 3 else 1) for n, slot in enumerate(slots)
    ]
    dtype = torch.promote_types(*(change.up.dtype for change in (present[0], present[-1])))
    up = torch.zeros(sum(sizes), rank, dtype=dtype)
    row = column = 0
    for slot, size in zip(slots, sizes, strict=True):
        if slot is not None:
            up[row : row + size, column : column + slot.rank] = slot.up
            column += slot.rank
        row += size
    down = torch.cat([change.down for change in present if change.down is not None])
    return replace(first, up=up, down=down, magnitude=magnitude)


def _same(one: Tensor, other: Tensor | None) -> bool:
    return other is not None and torch.equal(one, other)


def write_lora(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str], format: str) -> None:
    """Write the file durably. Raises `DiskFull`, `ZenError`."""
    own = dict(header)
    if format == "diffusers":
        own[METADATA] = msgspec.json.encode(_config(tensors)).decode()
    with replacing(path) as temporary:
        save_file(dict(tensors), temporary, metadata=own)


def _config(tensors: Mapping[str, Tensor]) -> dict[str, object]:
    """Rank and alpha by part as diffusers wants them; every scale is 1, so alpha is the rank of each layer.

    Names are ends of names to PEFT, so that CLIP's fit with and without the level that transformers 5 dropped.
    """
    found: dict[str, object] = {}
    end = ENDS["other"][0]
    for part in dict.fromkeys(key.split(".")[0] for key in tensors):
        ranks = {
            key.removeprefix(f"{part}.").removeprefix("text_model.").removesuffix(end): tensor.shape[0]
            for key, tensor in tensors.items()
            if key.startswith(f"{part}.") and key.endswith(end)
        }
        usual = max(set(ranks.values()), key=list(ranks.values()).count)
        unusual = {layer: rank for layer, rank in ranks.items() if rank != usual}
        found |= {
            f"{part}.r": usual,
            f"{part}.lora_alpha": usual,
            f"{part}.target_modules": list(ranks),
            f"{part}.rank_pattern": unusual,
            f"{part}.alpha_pattern": unusual,
            f"{part}.use_dora": any(key.endswith("magnitude_vector") for key in tensors),
        }
    return found


def compare(
    one: Sequence[Change], other: Sequence[Change], told: Callable[[int, int], None] | None = None
) -> Compared:
    """Reconstruct every difference of weights that two files make, and hold them against each other.

    Raises:
        BadFile: they do not change the same layers; some are named.
    """
    mine = {(change.part, change.layer): change for change in one}
    theirs = {(change.part, change.layer): change for change in other}
    apart = [
        f"{part}.{layer}" for part, layer in mine.keys() ^ theirs.keys() if not _nothing(mine, theirs, part, layer)
    ]
    if apart:
        raise BadFile(f"What was written changes other layers than what was read: {few(sorted(apart))}.")
    absolute = relative = 0.0
    worst = ""
    shared = [where for where in mine if where in theirs]
    for count, where in enumerate(shared, 1):
        first, second = mine[where].delta(), theirs[where].delta()
        gap = (first - second).abs().max().item()
        share = ((first - second).norm() / first.norm().clamp_min(1e-30)).item()
        if share > relative or not worst:
            worst = ".".join(where)
        absolute, relative = max(absolute, gap), max(relative, share)
        if told:
            told(count, len(shared))
    return Compared(len(shared), absolute, relative, worst)


def _nothing(
    mine: Mapping[tuple[str, str], Change], theirs: Mapping[tuple[str, str], Change], part: str, layer: str
) -> bool:
    """Whether a layer that only one file has is not changed by it: the empty rows of a fused matrix."""
    change = mine.get((part, layer)) or theirs[part, layer]
    return not bool(change.up.any()) or (change.down is not None and not bool(change.down.any()))


def proven(path: Path, changes: Sequence[Change], told: Callable[[int, int], None] | None = None) -> Compared:
    """Read what was written and compare it with `changes`; the file is removed when it is not the same.

    Raises:
        BadFile: it is not the same.
    """
    try:
        found = compare(changes, lora_file.read(path).changes, told)
        if found.relative > TOLERANCE:
            raise BadFile(
                f"What was written differs from what was read by {found.relative:.1e}, most in {found.worst}.",
                "Nothing was kept.",
            )
    except BadFile:
        path.unlink(missing_ok=True)
        raise
    return found
