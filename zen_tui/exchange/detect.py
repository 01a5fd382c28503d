"""What things are called that are no base: pipelines that Zen cannot run, and adapters."""

from __future__ import annotations

from collections.abc import Iterable

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


def pipeline_name(class_name: str) -> str:
    """A diffusers pipeline class as a person calls it: 'an SDXL base'."""
    known = next((name for start, name in _PIPELINES.items() if class_name.startswith(start)), None)
    if known:
        return known
    return f"a {clean(class_name, 60)}" if class_name else "a folder whose model_index.json names no pipeline"


def is_lora(keys: Iterable[str]) -> bool:
    """Whether these are the keys of a LoRA or one of its relatives, whole or not."""
    return any(mark in key.lower() for key in keys for mark in ("lora", "lokr_w", "hada_w", "oft_blocks"))
