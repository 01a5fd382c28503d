"""A base with adapters worked into its weights: a folder of diffusers', and a base of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zen_tui.exchange.adapters import wordless
from zen_tui.exchange.base_layers import blocks_per_level, tensors_of
from zen_tui.exchange.bases import add_base
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.source import Part
from zen_tui.families.adapters import Lora, open_adapter
from zen_tui.families.base import Family
from zen_tui.families.changes import Change
from zen_tui.families.difference import Difference, sums, whole
from zen_tui.families.loading import load_family
from zen_tui.families.lora_file import layers_in
from zen_tui.families.parts import encoder_dtype, load_part, model_class
from zen_tui.families.pipeline_folder import write_folder
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Adapter, Base
from zen_tui.library.specs import AdapterSpec

Acting = Sequence[tuple[Lora | Difference, float]]
"""What is worked in, each at its weight."""

PRECISE = {"F32": torch.float32, "F16": torch.float16}
"""More precise than bf16, the most precise first, as headers call them."""


def bake(spec: AdapterSpec, told: Callable[[int, int], None], db: Database, home: Home) -> dict[str, Any]:
    """Write the folder `spec.out`, and list it as a base. Returns {"base", "out"}.

    Raises:
        Refused: an adapter, or a word in it, is no part of a base's weights, or the folder exists.
        WrongUse: it is not clear into which base.
        NotFound, BadFile: the base, or a file, is gone or damaged, or they do not fit each other.
        DiskFull: nothing is left of it.
    """
    out, adapters = Path(spec.out or ""), [wordless(models.adapter(db, use.name)) for use in spec.adapters]
    if out.exists():
        raise Refused(f"{out} exists already.", "Choose another name; Zen overwrites nothing.")
    base = models.base(db, spec.base) if spec.base else _base_of(adapters, db)
    family = load_family(base, device="cpu")
    acting = [
        (_opened(adapter, home, family), use.weight) for adapter, use in zip(adapters, spec.adapters, strict=True)
    ]
    told(0, 3)
    dtype = _kept_as(family.source.parts[family.profile.denoiser])
    parts = _loaded(family, acting, dtype)
    for found, _ in acting:
        found.check(parts)
    told(1, 3)
    _work_in(family, parts, acting)
    told(2, 3)
    write_folder(out, family, whole(parts.pop(family.profile.denoiser), dtype), parts)
    try:
        listed = add_base(db, home, out, spec.name or adapters[0].slug, variant=base.variant)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise
    told(3, 3)
    return {"base": listed.slug, "out": str(out)}


def _base_of(adapters: Sequence[Adapter], db: Database) -> Base:
    bases = {adapter.base_id for adapter in adapters if adapter.base_id is not None}
    if len(bases) != 1:
        raise WrongUse("It is not clear which base this is to be worked into.", "Name it with --base.")
    return models.base_by_id(db, bases.pop())


def _opened(adapter: Adapter, home: Home, family: Family) -> Lora | Difference:
    if adapter.family != family.name:
        raise Refused(
            f"{adapter.slug} is for {PROFILES[adapter.family].title}, and the base is of {family.profile.title}.",
            "Name another base with --base.",
        )
    found = open_adapter(home.resolve(adapter.path), depth=blocks_per_level(family.source))
    if isinstance(found, (Lora, Difference)):
        return found
    raise Refused(
        f"{adapter.slug} is of the kind {adapter.kind}, which no weights of a base can hold.",
        "Generation adds it by itself.",
    )


def _loaded(family: Family, acting: Acting, dtype: torch.dtype) -> dict[str, nn.Module]:
    """The denoiser in `dtype`, and those text encoders that something touches, by their sub-folders."""
    parts, profile = family.source.parts, family.profile
    touched = [sub for sub in profile.text_encoders if any(found.touches(sub) for found, _ in acting)]
    wanted = {profile.denoiser: dtype, **{sub: encoder_dtype(parts[sub]) for sub in touched if sub in parts}}
    return {
        sub: load_part(family.source, sub, model_class(family.models[sub]), kept) for sub, kept in wanted.items()
    }


def _kept_as(part: Part) -> torch.dtype:
    """The precision of a part's own files; bf16 where they are rounded further."""
    found = {tensor.dtype for tensor in tensors_of(part).values()}
    return next((dtype for name, dtype in PRECISE.items() if name in found), torch.bfloat16)


@torch.no_grad()
def _work_in(family: Family, parts: Mapping[str, nn.Module], acting: Acting) -> None:
    """Give the weights of `parts` what `acting` adds to them; each is rounded once."""
    acting = [(found, weight) for found, weight in acting if weight != 0]  # as if it were not there
    differences = [(found, weight) for found, weight in acting if isinstance(found, Difference)]
    for parameter, sum_ in sums(parts[family.profile.denoiser], differences):
        _put(parameter, sum_)
    loras = [(found.file, weight) for found, weight in acting if isinstance(found, Lora)]
    for sub, model in parts.items():
        layers = layers_in(model)
        changes: dict[str, list[tuple[Change, float]]] = {}
        for file, weight in loras:
            for change in file.of(sub):
                changes.setdefault(change.layer, []).append((change, weight))
        for layer, together in changes.items():
            place: nn.Parameter = layers[layer][1].weight
            own = changed = place.float()
            for change, weight in together:
                changed = change.on(changed, own, weight)
            _put(place, changed)


def _put(parameter: nn.Parameter, numbers: Tensor) -> None:
    short = numbers.to(parameter.dtype)
    if not short.isfinite().all():
        raise Refused("At these weights the base would hold numbers that are not finite.", "Choose lower ones.")
    parameter.data = short
