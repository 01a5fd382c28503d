"""From a base in the database to the family that runs it."""

from __future__ import annotations

import torch

from zen_tui.exchange.bases import base_folder
from zen_tui.families.base import Family
from zen_tui.families.devices import pick_device, pick_dtype
from zen_tui.families.sd15 import SD15
from zen_tui.library.errors import Refused
from zen_tui.library.records import Base

FAMILIES: dict[str, type[Family]] = {family.name: family for family in (SD15,)}


def load_family(
    base: Base,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    precision: str = "auto",
) -> Family:
    """The family of `base`; nothing is read until a part is used.

    Args:
        device: where to compute; the best there is if None.
        dtype: number format of the denoiser; what `precision` means on the device if None.

    Raises:
        Refused: no family of that name, or a precision the device cannot do.
        BadFile: the base's folder is gone.
    """
    if base.family not in FAMILIES:
        raise Refused(
            f"{base.slug} is a {base.family} base, which is not supported yet.",
            f"Bases that work: {', '.join(FAMILIES)}.",
        )
    place = torch.device(device) if device is not None else pick_device()
    return FAMILIES[base.family](base_folder(base), place, dtype or pick_dtype(precision, place))
