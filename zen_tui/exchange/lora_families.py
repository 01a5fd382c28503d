"""Which family a LoRA was made for: told by the names and sizes of its layers, and where they leave it open by
what its header says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Told = tuple[str, str, tuple[int, int]]  # part, name, (outputs, inputs)

_HEADER = (  # what `ss_base_model_version` and `modelspec.architecture` say, sd-scripts and ModelSpec
    (r"sdxl|stable-diffusion-xl", "sdxl"),
    (r"chroma", "chroma"),
    (r"flux[.-]?2", "flux2-klein"),
    (r"flux", "flux1"),
    (r"sd3|stable-diffusion-v?3", "sd35"),
    (r"z-?image", "z-image"),
    (r"qwen", "qwen-image"),
    (r"sd_v1|sd_v2|stable-diffusion-v[12]", "sd15"),
)
_CONTEXTS = {768: ("sd15", ""), 1024: ("sd15", "2"), 2048: ("sdxl", "")}


def family_of(layers: Iterable[Told], metadata: Mapping[str, str]) -> tuple[str, str]:
    """(family, variant) of a LoRA; ('', '') when no family of Zen's has such layers."""
    told = list(layers)
    possible = _possible(told)
    said = said_family(metadata)
    family = said if said in possible else (possible[0] if possible else "")
    return family, _variant(family, told)


def said_family(metadata: Mapping[str, str]) -> str:
    """The family that a header names, or ''."""
    text = f"{metadata.get('ss_base_model_version', '')} {metadata.get('modelspec.architecture', '')}".lower()
    return next((family for pattern, family in _HEADER if re.search(pattern, text)), "")


def _possible(told: list[Told]) -> list[str]:
    """Families that have layers of these names, the likeliest first."""
    names = [name for part, name, _ in told if not part.startswith("text_encoder")]
    parts = {part for part, _, _ in told}

    def any_name(pattern: str) -> bool:
        return any(re.search(pattern, name) for name in names)

    if any_name(r"^(down_blocks|up_blocks|mid_block|input_blocks|output_blocks|middle_block)\."):
        wide = context_of(told) == 2048 or "text_encoder_2" in parts or any_name(r"transformer_blocks\.[2-9]\.")
        return ["sdxl", "sd15"] if wide else ["sd15", "sdxl"]
    if any_name(r"^(layers|noise_refiner|context_refiner)\.\d+\.(attention|feed_forward|adaLN)"):
        return ["z-image"]
    if any_name(r"^joint_blocks\.|\.attn2\."):
        return ["sd35"]
    if any_name(r"(img|txt)_mlp\.net|^transformer_blocks\.\d+\.(img|txt)_mod\."):
        return ["qwen-image"]
    if any_name(r"to_qkv_mlp_proj|linear_in$|linear_out$|_stream_modulation"):
        return ["flux2-klein"]
    if any_name(r"^distilled_guidance_layer"):
        return ["chroma"]
    if any_name(r"^(double_blocks|single_blocks|single_transformer_blocks)\."):
        return _flux(told)
    if any_name(r"^transformer_blocks\."):
        return _plain_transformer(told)
    if names or not told:
        return []
    if "text_encoder_3" in parts:
        return ["flux1", "sd35", "chroma"]
    return ["sdxl", "flux1", "sd35"] if "text_encoder_2" in parts else ["sd15", "sdxl", "flux1", "sd35", "chroma"]


def _flux(told: list[Told]) -> list[str]:
    """FLUX.1 has an MLP four times as wide as the model, FLUX.2 three times and gated."""
    for _, name, (outputs, inputs) in told:
        if name.endswith("linear1"):
            return ["flux2-klein"] if outputs == 9 * inputs else ["flux1", "chroma"]
        if name.endswith("linear2"):
            return ["flux2-klein"] if inputs == 4 * outputs else ["flux1", "chroma"]
        if name.endswith(("img_mlp.0", "txt_mlp.0")):
            return ["flux2-klein"] if outputs == 6 * inputs else ["flux1", "chroma"]
        if name.startswith("single_transformer_blocks"):
            return ["flux1", "chroma"]
    return ["flux1", "chroma", "flux2-klein"] if _deepest(told) > 7 else ["flux2-klein", "flux1", "chroma"]


def _plain_transformer(told: list[Told]) -> list[str]:
    """Attention of double blocks alone: told apart by how wide and how deep the model is."""
    width = next((inputs for _, name, (_, inputs) in told if name.endswith(("to_q", "add_q_proj"))), 0)
    if width in (1536, 2432):
        return ["sd35"]
    if _deepest(told) > 18:
        return ["qwen-image", "sd35"]
    return ["flux1", "sd35", "qwen-image", "flux2-klein", "chroma"]


def _deepest(told: list[Told]) -> int:
    return max((int(n) for _, name, _ in told for n in re.findall(r"^\w+_blocks\.(\d+)\.", name)), default=0)


def context_of(told: list[Told]) -> int:
    """The width of the text that cross-attention reads; 0 when the LoRA does not touch it."""
    return next((inputs for _, name, (_, inputs) in told if name.endswith(("attn2.to_k", "attn2.to_v"))), 0)


def _variant(family: str, told: list[Told]) -> str:
    known = _CONTEXTS.get(context_of(told), ("", ""))
    return known[1] if known[0] == family else ""
