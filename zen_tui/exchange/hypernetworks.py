"""A1111's hypernetworks: small networks that bend the text before the keys and values of cross-attention.

Their files are pickles of 2022, `{768: (keys' weights, values' weights), "layer_structure": …}`. Zen converts one,
inside the locked worker, to safetensors with keys `768.k.linear.0.weight` and the settings in the header.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from zen_tui.exchange.safetensors_header import Header

SETTINGS = "zen.hypernetwork"  # the key in the header, with JSON
_KEY = re.compile(r"(\d+)\.([kv])\.linear\.\d+\.(weight|bias)")
_FAMILIES = {768: ("sd15", ""), 1024: ("sd15", "2"), 2048: ("sdxl", "")}


class Hypernetwork(msgspec.Struct, frozen=True, kw_only=True):
    """`widths` are those of the inputs it bends; `context`, one of them, is that of the text."""

    family: str
    variant: str
    widths: tuple[int, ...]
    context: int
    settings: dict[str, Any]


def recognise(header: Header) -> Hypernetwork | None:
    """The hypernetwork that a converted file is, or None when it is something else."""
    found = [_KEY.fullmatch(key) for key in header.tensors]
    if SETTINGS not in header.metadata or not found or None in found:
        return None
    widths = tuple(sorted({int(match[1]) for match in found if match}))
    context = next((width for width in widths if width in _FAMILIES), 0)
    family, variant = _FAMILIES.get(context, ("sd15", ""))
    try:
        settings = msgspec.json.decode(header.metadata[SETTINGS], type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    return Hypernetwork(family=family, variant=variant, widths=widths, context=context, settings=settings)
