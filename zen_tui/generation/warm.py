"""The base used last stays loaded between jobs of one worker, and so do its adapters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from zen_tui.exchange.profiles import PROFILES, variant_of
from zen_tui.exchange.source import source_of
from zen_tui.families import Family, load_family
from zen_tui.families.base import Part
from zen_tui.families.devices import pick_device, pick_dtype, precision_name
from zen_tui.generation import memory
from zen_tui.generation.fit import Fit, for_drawing, sizes_of
from zen_tui.library.records import Base

ATTACHED_AT_MOST = 8  # beyond that, unused adapters would only fill the memory


class Attachment(msgspec.Struct, frozen=True):
    """An adapter file by its content, and the weight it acts with."""

    slug: str
    path: Path
    hash: str
    weight: float

    @property
    def name(self) -> str:
        """A name that changes when the file does."""
        return f"{self.slug}-{self.hash[:12]}"


_kept: tuple[str, Family, Fit] | None = None
_attached: set[str] = set()


def family(base: Base, precision: str = "auto", *, quantize: str = "auto", offload: str = "auto") -> Family:
    """The family of `base`, the one that is loaded already if it is the same.

    Errors are those of `load_family`, and of `for_drawing`, which says what `quantize` and `offload` mean.
    """
    return fitting(base, precision, quantize=quantize, offload=offload)[0]


def fitting(
    base: Base, precision: str = "auto", *, quantize: str = "auto", offload: str = "auto"
) -> tuple[Family, Fit]:
    """`family`, and how it was made to fit when it was opened."""
    global _kept
    key = f"{base.family} {base.path} {precision} {quantize} {offload}"
    if _kept is None or _kept[0] != key:
        drop()
        _kept = (key, *_open(base, precision, quantize, offload))
    return _kept[1:]


def _open(base: Base, precision: str, quantize: str, offload: str) -> tuple[Family, Fit]:
    """The family of `base`, with what does not fit into the memory kept smaller."""
    variant_of(base)  # refuses a family that Zen does not run
    device = pick_device()
    dtype = pick_dtype(precision, device)
    pixels = PROFILES[base.family].resolution ** 2
    sizes = sizes_of(source_of(base), base.family)
    machine, computes = memory.machine(device), precision_name(dtype)
    fit = for_drawing(sizes, machine, pixels=pixels, precision=computes, quantize=quantize, offload=offload)
    stored: dict[Part, str] = {"denoiser": fit.denoiser, "text": fit.texts}
    return load_family(base, device=device, dtype=dtype, stored=stored, offload=fit.offload), fit


def use(family: Family, adapters: Sequence[Attachment]) -> None:
    """Make exactly these adapters act on the kept `family`. Raises `BadFile` when one does not fit it."""
    missing = [adapter for adapter in adapters if adapter.name not in _attached]
    if missing and len(_attached) + len(missing) > ATTACHED_AT_MOST:
        family.detach()
        _attached.clear()
        missing = list(adapters)
    for adapter in missing:
        family.attach(adapter.path, adapter.name)
        _attached.add(adapter.name)
    family.set_adapters([(adapter.name, adapter.weight) for adapter in adapters])


def drop() -> None:
    """Give all the memory back."""
    global _kept
    if _kept is not None:
        _kept[1].detach()
        _kept[1].release("text", "vae", "denoiser")
    _kept = None
    _attached.clear()
