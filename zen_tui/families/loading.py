"""From a base in the database to the family that runs it."""

from __future__ import annotations

import torch

from zen_tui.exchange.profiles import licence_of
from zen_tui.exchange.source import source_of
from zen_tui.families.base import Family, Part
from zen_tui.families.chroma import Chroma
from zen_tui.families.devices import pick_device, pick_dtype
from zen_tui.families.flux1 import Flux1
from zen_tui.families.flux2 import Flux2Klein
from zen_tui.families.qwen import QwenImage
from zen_tui.families.sd15 import SD15
from zen_tui.families.sd35 import SD35
from zen_tui.families.sdxl import SDXL
from zen_tui.families.zimage import ZImage
from zen_tui.library.records import Base

FAMILIES: dict[str, type[Family]] = {
    family.name: family for family in (SD15, SDXL, Flux2Klein, ZImage, Flux1, Chroma, SD35, QwenImage)
}


def load_family(
    base: Base,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    precision: str = "auto",
    stored: dict[Part, str] | None = None,
    offload: bool = False,
) -> Family:
    """The family of `base`; nothing is read until a part is used.

    Args:
        device: where to compute; the best there is if None.
        dtype: number format of the denoiser; what `precision` means on the device if None.
        stored: parts to keep in less memory (`Family.stored`).
        offload: whether the denoiser's blocks stay in the computer's memory (`Family.offload`).

    Raises:
        Refused: no family of that name, or a precision the device cannot do.
        BadFile: something of the base is gone.
    """
    licence, _ = licence_of(base)
    place = torch.device(device) if device is not None else pick_device()
    family = FAMILIES[base.family](source_of(base), place, dtype or pick_dtype(precision, place), base.variant)
    family.licence = licence
    family.stored = dict(stored or {})
    family.offload = offload
    return family
