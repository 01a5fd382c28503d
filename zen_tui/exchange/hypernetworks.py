"""Hypernetworks: small networks that bend what the keys and values of attention are made from.

Those of A1111 are pickles of 2022, `{768: (keys' weights, values' weights), "layer_structure": …}`: a pair for
each width of input. Zen converts one, inside the locked worker, to safetensors with keys `768.k.linear.0.weight`
and the settings in the header. Those that Zen trains are written so too; one that has a network for each layer has
the layer's own name in place of the width: `transformer_blocks.0.attn.to_k.linear.0.weight`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from zen_tui.exchange.base_layers import layers_of
from zen_tui.exchange.lora_match import Match, PartMatch, few
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.safetensors_header import Header
from zen_tui.exchange.source import Source
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.text import clean

SETTINGS = "zen.hypernetwork"  # the key in the header, with JSON
KEY = re.compile(
    r"(?P<place>\d+\.[kv]|.+\.(?:to_k|to_v|add_k_proj|add_v_proj))\.linear\.(?P<number>\d+)\.(?P<role>weight|bias)"
)
_SHARED = re.compile(r"(\d+)\.[kv]")
_BENT = {"to_k": "k", "to_v": "v", "add_k_proj": "k", "add_v_proj": "v"}
_FAMILIES = {768: ("sd15", ""), 1024: ("sd15", "2"), 2048: ("sdxl", "")}
ACTIVATIONS = {
    name.lower(): name
    for name in (
        "ReLU", "LeakyReLU", "ELU", "Tanh", "Sigmoid", "Hardswish", "ReLU6", "SELU", "CELU", "GELU", "SiLU",
        "Mish", "Softplus", "Softsign", "Hardsigmoid", "Hardtanh", "LogSigmoid", "Tanhshrink", "Softshrink",
        "Hardshrink",
    )
} | {"swish": "Hardswish", "linear": ""}  # fmt: skip
"""The class of torch.nn by the name in a file; A1111's `swish` is the hard one."""


class Hypernetwork(msgspec.Struct, frozen=True, kw_only=True):
    """`places` are what its networks bend and the width of that: all keys of a width as '768.k', or one layer by
    its name. `context` is the width of the text where that is known, else 0.

    `activation` is a class of torch.nn, '' for none.
    """

    family: str
    variant: str
    places: dict[str, int]
    context: int
    activation: str
    activates_output: bool


def bent(layer: str) -> str:
    """'k' or 'v' for a layer that makes keys or values of its input alone; '' for any other."""
    return _BENT.get(layer.rpartition(".")[2], "")


def shared(width: int, kind: str) -> str:
    """The place of all layers that make keys ('k') or values ('v') from `width` numbers."""
    return f"{width}.{kind}"


def places_in(inputs: Mapping[str, int], by: str) -> dict[str, int]:
    """What a new hypernetwork has a network for, and the width of each: of every 'layer', or one a 'width'.

    Args:
        inputs: the widths of what the layers of a denoiser take.
    """
    found = {layer: width for layer, width in inputs.items() if bent(layer)}
    if by == "layer":
        return found
    return {shared(width, kind): width for width in sorted(set(found.values())) for kind in "kv"}


def inputs_of(source: Source, family: str) -> dict[str, int]:
    """How wide the input of every layer of a base's denoiser is. Raises `BadFile`."""
    denoiser = PROFILES[family].denoiser
    return {layer: size[1] for layer, size in layers_of(source, family, (denoiser,)).get(denoiser, {}).items()}


def structure_of(text: str) -> tuple[float, ...]:
    """The sizes of a network's layers as factors of its width: '1,2,1'.

    Raises:
        WrongUse: it does not begin and end with 1, or has a factor of no sense.
    """
    try:
        factors = tuple(float(part) for part in text.split(","))
    except ValueError:
        factors = ()
    if len(factors) < 3 or factors[0] != 1 or factors[-1] != 1 or not all(0.01 <= f <= 8 for f in factors):
        raise WrongUse(
            f"{clean(text, 40)!r} is no structure of a network.",
            "Begin and end with 1, with factors from 0.01 to 8 between them: layer_structure=1,2,1.",
        )
    return factors


def sizes(width: int, structure: tuple[float, ...]) -> list[int]:
    """How many numbers there are before, between and after the layers of a network for `width`."""
    return [max(1, int(width * factor)) for factor in structure]


def recognise(header: Header) -> Hypernetwork | None:
    """The hypernetwork that a file is, or None when it is something else.

    Raises:
        Refused: its activation is not known.
    """
    found = {key: KEY.fullmatch(key) for key in header.tensors}
    if SETTINGS not in header.metadata or not found or None in found.values():
        return None
    places: dict[str, int] = {}
    for key, part in found.items():
        assert part is not None
        if whole := _SHARED.fullmatch(part["place"]):
            places[part["place"]] = int(whole[1])
        elif (part["number"], part["role"]) == ("0", "weight"):
            places[part["place"]] = header.tensors[key].shape[-1]
        else:
            places.setdefault(part["place"], 0)
    context = next((width for width in sorted(places.values()) if width in _FAMILIES), 0)
    family, variant = _FAMILIES.get(context, ("sd15", ""))
    try:
        settings = msgspec.json.decode(header.metadata[SETTINGS], type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    if settings.get("family") in PROFILES:
        family, variant = str(settings["family"]), clean(str(settings.get("variant", "")), 40)
    named = settings.get("activation_func") or "linear"
    activation = ACTIVATIONS.get(str(named).lower())
    if activation is None:
        raise Refused(
            f"The hypernetwork computes with {clean(str(named), 40)}, which Zen does not know.",
            "Train a LoRA in its place.",
        )
    return Hypernetwork(
        family=family,
        variant=variant,
        places=places,
        context=context,
        activation=activation,
        activates_output=settings.get("activate_output", True) is not False,
    )


def match(network: Hypernetwork, source: Source) -> Match:
    """Which of the networks find keys and values in the denoiser of a base to bend.

    Raises:
        BadFile: a file of the base is gone or damaged.
    """
    inputs = {layer: width for layer, width in inputs_of(source, network.family).items() if bent(layer)}
    there = {**places_in(inputs, "width"), **inputs}
    fit = [place for place, width in network.places.items() if there.get(place) == width]
    strange = [place for place in network.places if place not in fit]
    bends = sum(layer in fit or shared(width, bent(layer)) in fit for layer, width in inputs.items())
    return Match(
        parts=[
            PartMatch(
                part=PROFILES[network.family].denoiser, layers=bends, pieces=len(network.places), fit=len(fit)
            )
        ],
        applies=len(fit),
        keys=len(network.places),
        missing=[],
        misfit=strange,
        unknown=[],
    )


def in_words(network: Hypernetwork, strange: Sequence[str]) -> str:
    """What the networks at `strange` bend: 'inputs of 768 numbers', or the names of layers."""
    whole = next((place for place in strange if _SHARED.fullmatch(place)), "")
    return f"inputs of {network.places[whole]} numbers" if whole else few(strange)
