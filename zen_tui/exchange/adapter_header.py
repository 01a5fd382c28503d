"""The header of an adapter that leaves: what other tools need to recognise it, and nothing that tells on a person.

Trainers write captions, folder names (often a person's name), working hours and paths into a LoRA's header. Zen
writes the six keys that sd-scripts calls the minimum, the fields of ModelSpec that describe the file, and the
trigger; every other key of the original is left out unless it is asked for by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from zen_tui.exchange.adapters import TRIGGER
from zen_tui.exchange.lora_layouts import METADATA
from zen_tui.exchange.profiles import PROFILES
from zen_tui.library.errors import WrongUse
from zen_tui.library.text import clean, nearest

_BASE_VERSION = {"sd15": "sd_v1", "sdxl": "sdxl_base_v1-0", "sd35": "sd3"}
_IMPLEMENTATION = {
    "kohya": {
        "sd15": "https://github.com/Stability-AI/generative-models",
        "sdxl": "https://github.com/Stability-AI/generative-models",
        "flux1": "https://github.com/black-forest-labs/flux",
    },
    "comfyui": {},
    "diffusers": {},
}


class HeaderPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What will stand in the header, and which keys of the original will not."""

    kept: dict[str, str]
    dropped: list[str]


def plan_header(
    original: Mapping[str, str],
    *,
    family: str,
    variant: str = "",
    format: str,
    title: str,
    trigger: str,
    licence: str = "",
    rank: str,
    alpha: str,
    keep: Sequence[str] = (),
) -> HeaderPlan:
    """The header for an adapter of `family` in `format`.

    `title` is what the file will be called, `rank` and `alpha` are the numbers that readers will find, `keep`
    names keys of the original that stay.

    Raises:
        WrongUse: a key to keep is not in the original; the nearest is suggested.
    """
    for key in keep:
        if key not in original:
            close = nearest(key, original)
            hint = f"Did you mean {clean(close, 80)}?" if close else "Its header has no such keys."
            raise WrongUse(f"There is no key {clean(key, 80)} in the header.", hint)
    profile = PROFILES[family]
    second = family == "sd15" and variant == "2"
    flux = family in ("flux1", "chroma")
    header = {
        "format": "pt",
        "ss_v2": "True" if second else "False",
        "ss_base_model_version": "sd_v2" if second else _BASE_VERSION.get(family, family),
        "ss_network_module": "networks.lora_flux" if flux else "networks.lora",
        "ss_network_dim": rank,
        "ss_network_alpha": alpha,
        "ss_network_args": "{}",
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "stable-diffusion-v2-512/lora" if second else profile.modelspec,
        "modelspec.implementation": _IMPLEMENTATION[format].get(family, "diffusers"),
        "modelspec.title": clean(title, 120),
        "modelspec.resolution": f"{profile.resolution}x{profile.resolution}",
    }
    licence = licence or original.get("modelspec.license", "")
    if licence:
        header["modelspec.license"] = clean(licence, 200)
    if trigger:
        header[TRIGGER] = clean(trigger, 200)
    kept = header | {key: original[key] for key in keep}
    replaced = {*kept, METADATA}  # rank and alpha are written anew
    return HeaderPlan(kept=kept, dropped=sorted(key for key in original if key not in replaced))
