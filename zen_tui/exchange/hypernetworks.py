"""A1111's hypernetworks: small networks that bend the text before the keys and values of cross-attention.

Their files are pickles of 2022, `{768: (keys' weights, values' weights), "layer_structure": …}`. Zen converts one,
inside the locked worker, to safetensors with keys `768.k.linear.0.weight` and the settings in the header.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from zen_tui.exchange.base_layers import layers_of
from zen_tui.exchange.lora_match import Match, PartMatch
from zen_tui.exchange.safetensors_header import Header
from zen_tui.exchange.source import Source
from zen_tui.library.errors import Refused
from zen_tui.library.text import clean

SETTINGS = "zen.hypernetwork"  # the key in the header, with JSON
_KEY = re.compile(r"(\d+)\.([kv])\.linear\.\d+\.(weight|bias)")
_FAMILIES = {768: ("sd15", ""), 1024: ("sd15", "2"), 2048: ("sdxl", "")}
_ACTIVATIONS = {
    name.lower(): name
    for name in (
        "ReLU", "LeakyReLU", "ELU", "Tanh", "Sigmoid", "Hardswish", "ReLU6", "SELU", "CELU", "GELU", "SiLU",
        "Mish", "Softplus", "Softsign", "Hardsigmoid", "Hardtanh", "LogSigmoid", "Tanhshrink", "Softshrink",
        "Hardshrink",
    )
} | {"swish": "Hardswish", "linear": ""}  # fmt: skip
"""The class of torch.nn by the name in a file; A1111's `swish` is the hard one."""


class Hypernetwork(msgspec.Struct, frozen=True, kw_only=True):
    """`widths` are those of the inputs it bends; `context`, one of them, is that of the text.

    `activation` is a class of torch.nn, '' for none.
    """

    family: str
    variant: str
    widths: tuple[int, ...]
    context: int
    activation: str
    activates_output: bool


def recognise(header: Header) -> Hypernetwork | None:
    """The hypernetwork that a converted file is, or None when it is something else.

    Raises:
        Refused: its activation is not known.
    """
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
    named = settings.get("activation_func") or "linear"
    activation = _ACTIVATIONS.get(str(named).lower())
    if activation is None:
        raise Refused(
            f"The hypernetwork computes with {clean(str(named), 40)}, which Zen does not know.",
            "Train a LoRA in its place.",
        )
    return Hypernetwork(
        family=family,
        variant=variant,
        widths=widths,
        context=context,
        activation=activation,
        activates_output=settings.get("activate_output", True) is not False,
    )


def match(network: Hypernetwork, source: Source) -> Match:
    """Which of the networks, two a width, find keys and values in the UNet of a base to bend.

    Raises:
        BadFile: a file of the base is gone or damaged.
    """
    layers = layers_of(source, network.family, ("unet",)).get("unet", {})
    inputs = [size[1] for layer, size in layers.items() if layer.endswith((".to_k", ".to_v"))]
    strange = [width for width in network.widths if width not in inputs]
    fit = 2 * (len(network.widths) - len(strange))
    return Match(
        parts=[
            PartMatch(
                part="unet",
                layers=sum(width in network.widths for width in inputs),
                pieces=2 * len(network.widths),
                fit=fit,
            )
        ],
        applies=fit,
        keys=2 * len(network.widths),
        missing=[],
        misfit=[f"{width}.{kind}" for width in strange for kind in "kv"],
        unknown=[],
    )
