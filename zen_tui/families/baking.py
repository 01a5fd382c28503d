"""A base with what DreamBooth learned worked into its denoiser: a folder of diffusers', and a base of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from zen_tui.exchange.bases import add_base
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.exchange.source import source_of
from zen_tui.families.difference import whole
from zen_tui.families.loading import load_family
from zen_tui.families.pipeline_folder import write_folder
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.durable import TEMPORARY, move
from zen_tui.library.errors import Refused
from zen_tui.library.paths import Home
from zen_tui.library.records import Base
from zen_tui.library.specs import AdapterSpec


def bake(spec: AdapterSpec, db: Database, home: Home) -> dict[str, Any]:
    """Write the folder `spec.out`, and list it as a base. Returns {"base", "out"}.

    Raises:
        Refused: the adapter is no difference, or the folder exists.
        NotFound, BadFile: the base, or a file, is gone or damaged, or they do not fit each other.
        DiskFull: nothing is left of it.
    """
    use, out = spec.adapters[0], Path(spec.out or "")
    adapter = models.adapter(db, use.name)
    if adapter.kind != "difference":
        raise Refused(
            f"{adapter.slug} is a {adapter.kind}, and Zen works only differences into a base.",
            "Generation adds any other adapter by itself.",
        )
    if out.exists():
        raise Refused(f"{out} exists already.", "Choose another name; Zen overwrites nothing.")
    base = models.base(db, spec.base) if spec.base else models.base_by_id(db, adapter.base_id)
    family = load_family(base, device="cpu", dtype=_kept_as(base))
    family.attach(home.resolve(adapter.path), adapter.slug)
    family.set_adapters([(adapter.slug, use.weight)])
    made = out.with_name(f"{TEMPORARY}{os.getpid()}-{out.name}")
    write_folder(made, family, whole(family.denoiser(), family.dtype))
    move(made, out)
    listed = add_base(db, home, out, spec.name or adapter.slug, variant=base.variant)
    return {"base": listed.slug, "out": str(out)}


def _kept_as(base: Base) -> torch.dtype:
    """The precision of the base's own files: fp32, or bf16 for all that is shorter."""
    part = source_of(base).parts[PROFILES[base.family].denoiser]
    kept = {tensor.dtype for file in part.files for tensor in read_header(file).tensors.values()}
    return torch.float32 if "F32" in kept else torch.bfloat16
