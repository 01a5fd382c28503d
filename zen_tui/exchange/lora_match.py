"""Whether a LoRA fits a base: every piece of it is looked for among the base's layers, from headers alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from zen_tui.exchange.base_layers import Layers, blocks_per_level, layers_of
from zen_tui.exchange.lora_layouts import Layout, Piece, read_layout
from zen_tui.exchange.source import source_of
from zen_tui.library.records import Base
from zen_tui.library.text import clean


class PartMatch(msgspec.Struct, kw_only=True):
    """Of one part of the base: how many layers it has, how many pieces the LoRA has for it, how many fit."""

    part: str
    layers: int
    pieces: int
    fit: int


class Match(msgspec.Struct, kw_only=True):
    """What of a LoRA a base can take: by part, and by name what it cannot."""

    parts: list[PartMatch]
    applies: int
    keys: int
    missing: list[str]
    misfit: list[str]
    unknown: list[str]

    @property
    def whole(self) -> bool:
        return self.applies > 0 and not (self.missing or self.misfit or self.unknown)


def match(layout: Layout, layers: Layers) -> Match:
    """Hold every piece of `layout` against the layer that it names."""
    missing, misfit, fitting = [], [], []
    for piece in layout.pieces:
        size = layers.get(piece.part, {}).get(piece.layer)
        if size is None:
            missing.append(piece.stem)
        elif size != (piece.outputs, piece.shape[1]):
            misfit.append(piece.stem)
        else:
            fitting.append(piece)
    return Match(
        parts=[_of_part(part, layout.pieces, fitting, layers) for part in layout.parts()],
        applies=len(fitting),
        keys=len({key for piece in layout.pieces for key in piece.keys.values()}) + len(layout.unknown),
        missing=list(dict.fromkeys(missing)),
        misfit=list(dict.fromkeys(misfit)),
        unknown=list(layout.unknown),
    )


def _of_part(part: str, pieces: tuple[Piece, ...], fitting: list[Piece], layers: Layers) -> PartMatch:
    return PartMatch(
        part=part,
        layers=len(layers.get(part, {})),
        pieces=sum(piece.part == part for piece in pieces),
        fit=sum(piece.part == part for piece in fitting),
    )


def match_base(path: Path, base: Base) -> tuple[Layout, Match]:
    """The LoRA at `path`, and what of it `base` can take.

    Raises:
        BadFile: the LoRA or the base is damaged.
    """
    source = source_of(base)
    layout = read_layout(path, depth=blocks_per_level(source))
    return layout, match(layout, layers_of(source, base.family, layout.parts()))


def misfit_text(name: str, layout: Layout, found: Match, base: str) -> str:
    """The sentence that says why a LoRA is not used with a base."""
    if not layout.pieces:
        return f"{name} changes no layer of any base: {few(found.unknown)} is not understood."
    total = len(layout.pieces)
    if found.applies == 0:
        return f"{name} was made for another base than {base}: {few(found.misfit + found.missing)} does not fit."
    if found.misfit or found.missing:
        few_of_them = few(found.misfit + found.missing)
        return f"Only {found.applies} of {total} layers of {name} fit {base}: {few_of_them} does not."
    return f"{name} holds more than Zen understands, and part of it would be lost: {few(found.unknown)}."


def few(keys: Sequence[str]) -> str:
    """Some of `keys`, safe to show."""
    shown = ", ".join(clean(key, 80) for key in keys[:3])
    return f"{shown} and {len(keys) - 3} more" if len(keys) > 3 else shown
