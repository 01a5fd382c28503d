"""Which model a folder or a file belongs to, told from the names of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from zen_tui.exchange.safetensors_header import TensorInfo
from zen_tui.library.text import clean

_PIPELINES = {
    "StableDiffusionXL": "an SDXL base",
    "StableDiffusion3": "a Stable Diffusion 3 base",
    "StableDiffusionInpaint": "a Stable Diffusion inpainting base",
    "StableDiffusion": "a Stable Diffusion base of another layout",
    "Flux2": "a FLUX.2 base",
    "Flux": "a FLUX.1 base",
    "Chroma": "a Chroma base",
    "ZImage": "a Z-Image base",
    "QwenImage": "a Qwen-Image base",
    "Krea": "a Krea base",
    "Sana": "a Sana base",
    "Lumina": "a Lumina base",
    "PixArt": "a PixArt base",
    "HiDream": "a HiDream base",
    "Kandinsky": "a Kandinsky base",
    "Wan": "a Wan video base",
}

_SINGLE_FILES = (
    ("double_blocks.0.img_attn", "a FLUX.1 checkpoint"),
    ("joint_blocks.0.", "a Stable Diffusion 3 checkpoint"),
    ("conditioner.embedders.", "an SDXL checkpoint"),
    ("cond_stage_model.", "a Stable Diffusion checkpoint"),
    ("model.diffusion_model.", "a diffusion checkpoint"),
)


def pipeline_name(class_name: str) -> str:
    """A diffusers pipeline class as a person calls it: 'an SDXL base'."""
    known = next((name for start, name in _PIPELINES.items() if class_name.startswith(start)), None)
    if known:
        return known
    return f"a {clean(class_name, 60)}" if class_name else "a folder whose model_index.json names no pipeline"


def architecture(keys: Iterable[str]) -> str:
    """What a single safetensors file is, by its keys: 'an SDXL checkpoint', 'a LoRA', 'a model …'."""
    names = list(keys)
    if is_lora(names):
        return "a LoRA"
    for mark, name in _SINGLE_FILES:
        if any(mark in key for key in names):
            return name
    return "a model that Zen does not know"


def is_lora(keys: Iterable[str]) -> bool:
    """Whether the keys are those of a LoRA, in any layout."""
    return any("lora" in key.lower() for key in keys)


def lora_family(tensors: Mapping[str, TensorInfo]) -> tuple[str, int]:
    """(family, width of the text it reads) of a LoRA; the family is 'sd15' or a name to refuse it by.

    Stable Diffusion 1 and XL share their layers' names; they differ in how wide the text embedding is.
    """
    names = list(tensors)
    if any("double_blocks" in n or "single_transformer_blocks" in n for n in names):
        return "FLUX", 0
    if any(n.startswith(("lora_te1_", "lora_te2_", "text_encoder_2.")) for n in names):
        return "SDXL", 2048
    width = next(
        (
            t.shape[1]
            for n, t in tensors.items()
            if "attn2" in n and "to_k" in n and _is_down(n) and len(t.shape) > 1
        ),
        0,
    )
    if width == 2048:
        return "SDXL", width
    if any(n.startswith(("unet.", "lora_unet_", "lora_te_", "text_encoder.")) for n in names):
        return "sd15", width
    return "an unknown model", width


def _is_down(key: str) -> bool:
    return key.endswith((".lora_A.weight", ".lora_down.weight", ".lora.down.weight", ".down.weight"))
