"""Differences: what a whole denoiser learned beyond its base, number for number, in one safetensors file.

The keys are those of the library's own model under its sub-folder, `unet.conv_in.weight`; the header says of which
family it is. Nothing of the base is in the file, and added at weight 1 it gives the model that was trained.
"""

from __future__ import annotations

import math

import msgspec

from zen_tui.exchange.base_layers import layers_of
from zen_tui.exchange.lora_match import Match, PartMatch
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.safetensors_header import Header
from zen_tui.exchange.source import Source

SETTINGS = "zen.difference"  # the key in the header, with JSON


class Difference(msgspec.Struct, frozen=True):
    """The family and variant of the base that it was learned on."""

    family: str
    variant: str = ""


def recognise(header: Header) -> Difference | None:
    """The difference that a file is, or None when it is something else."""
    if SETTINGS not in header.metadata:
        return None
    try:
        found = msgspec.json.decode(header.metadata[SETTINGS], type=Difference)
    except msgspec.MsgspecError:
        return None
    prefix = f"{PROFILES[found.family].denoiser}." if found.family in PROFILES else "\0"
    return found if all(key.startswith(prefix) for key in header.tensors) else None


def match(found: Difference, header: Header, source: Source) -> Match:
    """Which of its matrices the denoiser of a base has, in the same size. Raises `BadFile` for a damaged base."""
    part = PROFILES[found.family].denoiser
    layers = layers_of(source, found.family, (part,)).get(part, {})
    missing, misfit, fit = [], [], 0
    matrices = {key: tensor.shape for key, tensor in header.tensors.items() if len(tensor.shape) > 1}
    for key, shape in matrices.items():
        layer = key.removeprefix(f"{part}.").removesuffix(".weight").removeprefix("text_model.")
        size = layers.get(layer)
        if size is None:
            missing.append(key)
        elif size != (shape[0], math.prod(shape[1:])):
            misfit.append(key)
        else:
            fit += 1
    return Match(
        parts=[PartMatch(part=part, layers=len(layers), pieces=len(matrices), fit=fit)],
        applies=fit,
        keys=len(header.tensors),
        missing=missing,
        misfit=misfit,
        unknown=[],
    )
