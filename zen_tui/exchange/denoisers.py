"""Which denoiser a checkpoint holds: the families that Zen runs, and the names of those it does not.

Names and shapes are those of the models' first releases; Diffusers' single-file loader and ComfyUI's
model detection tell them apart by the same marks.
"""

from __future__ import annotations

from collections.abc import Mapping

from zen_tui.exchange.safetensors_header import TensorInfo

Tensors = Mapping[str, TensorInfo]


def denoiser_kind(tensors: Tensors) -> tuple[str, str]:
    """(kind, title) of the denoiser with these tensors, their prefix taken off.

    The kind is '' for a model that Zen knows by name and cannot run; both are '' if it is no denoiser.
    """
    for mark, title in _OTHERS.items():
        if mark in tensors:
            return "", title
    for mark, name in _KNOWN.items():
        if mark in tensors:
            return name(tensors)
    if any(mark in tensors for mark in _DIFFUSERS):
        return "", "one part of a diffusers folder"
    return "", ""


def _unet(tensors: Tensors) -> tuple[str, str]:
    """Stable Diffusion 1, 2 and XL share their names; they differ in channels and in the text they read."""
    if any("time_stack" in key or "time_mixer" in key or "motion_modules" in key for key in tensors):
        return "", "a video model"
    channels = _shape(tensors, "input_blocks.0.0.weight", 1)
    if channels != 4:
        return "", _UNET_CHANNELS.get(channels, "a Stable Diffusion model of another kind")
    text = next((t.shape[-1] for k, t in tensors.items() if k.endswith("attn2.to_k.weight")), 0)
    sized = "label_emb.0.0.weight" in tensors
    if _shape(tensors, "input_blocks.0.0.weight", 0) != 320:
        return "", "a Stable Diffusion model of another size"
    if text == 2048 and sized:
        whole = "middle_block.1.transformer_blocks.9.attn2.to_k.weight" in tensors
        return ("sdxl", "Stable Diffusion XL") if whole else ("", "a smaller relative of Stable Diffusion XL")
    if text == 1280 and sized:
        return "", "the refiner of Stable Diffusion XL"
    whole = "output_blocks.11.1.transformer_blocks.0.attn2.to_k.weight" in tensors
    if not sized and whole and text in (768, 1024):
        return ("sd15", "Stable Diffusion 1") if text == 768 else ("sd2", "Stable Diffusion 2")
    return "", "a Stable Diffusion model of another size"


def _flux1(tensors: Tensors) -> tuple[str, str]:
    channels = _shape(tensors, "img_in.weight", 1)
    if channels != 64:
        inputs = {384: "FLUX.1 Fill, an inpainting model", 128: "FLUX.1 with a control picture"}
        return "", inputs.get(channels, "a relative of FLUX.1")
    if not _deep(tensors, "double_blocks", 19) or not _deep(tensors, "single_blocks", 38):
        return "", "a FLUX.1 with some of its layers taken out"
    if "guidance_in.in_layer.weight" in tensors:
        return "flux1-dev", "FLUX.1 dev"
    return "flux1-schnell", "FLUX.1 schnell"


def _flux2(tensors: Tensors) -> tuple[str, str]:
    width = _shape(tensors, "img_in.weight", 0)
    if width == 3072 and _deep(tensors, "double_blocks", 5) and _deep(tensors, "single_blocks", 20):
        return "flux2-klein-4b", "FLUX.2 klein 4B"
    if width == 4096 and _deep(tensors, "double_blocks", 8) and _deep(tensors, "single_blocks", 24):
        return "flux2-klein-9b", "FLUX.2 klein 9B"
    return "", "FLUX.2 dev" if width == 6144 else "a FLUX.2 of another size"


def _chroma(tensors: Tensors) -> tuple[str, str]:
    if any(key.startswith("nerf_") for key in tensors):
        return "", "Chroma Radiance, which draws pixels"
    whole = _deep(tensors, "double_blocks", 19) and _deep(tensors, "single_blocks", 38)
    return ("chroma", "Chroma") if whole else ("", "a Chroma of another size")


def _sd3(tensors: Tensors) -> tuple[str, str]:
    if _deep(tensors, "joint_blocks", 38):
        return "sd35-large", "Stable Diffusion 3.5 Large"
    if _deep(tensors, "joint_blocks", 24) and "joint_blocks.0.x_block.attn2.qkv.weight" in tensors:
        return "sd35-medium", "Stable Diffusion 3.5 Medium"
    return "", "Stable Diffusion 3, which version 3.5 replaced"


def _z_image(tensors: Tensors) -> tuple[str, str]:
    if _shape(tensors, "x_embedder.weight", 0) == 3840 and _deep(tensors, "layers", 30):
        return "z-image", "Z-Image"
    return "", "a relative of Z-Image"


def _qwen_image(tensors: Tensors) -> tuple[str, str]:
    if "time_text_embed.addition_t_embedding.weight" in tensors:
        return "", "Qwen-Image-Layered, which draws in layers"
    if "__index_timestep_zero__" in tensors:
        return "", "Qwen-Image-Edit, which changes pictures"
    if _shape(tensors, "img_in.weight", 0) == 3072 and _deep(tensors, "transformer_blocks", 60):
        return "qwen-image", "Qwen-Image"
    return "", "a relative of Qwen-Image"


def _shape(tensors: Tensors, key: str, axis: int) -> int:
    shape = tensors[key].shape if key in tensors else ()
    return shape[axis] if axis < len(shape) else 0


def _deep(tensors: Tensors, block: str, count: int) -> bool:
    """Whether there are exactly `count` blocks of that name."""
    found = {key.split(".")[1] for key in tensors if key.startswith(f"{block}.")}
    return found == {str(number) for number in range(count)}


_UNET_CHANNELS = {
    5: "Stable Diffusion with a depth picture",
    7: "a Stable Diffusion upscaler",
    8: "InstructPix2Pix, which changes pictures",
    9: "a Stable Diffusion inpainting model",
}

_KNOWN = {
    "input_blocks.0.0.weight": _unet,
    "single_stream_modulation.lin.weight": _flux2,
    "distilled_guidance_layer.in_proj.bias": _chroma,
    "double_blocks.0.img_attn.norm.key_norm.scale": _flux1,
    "joint_blocks.0.x_block.attn.qkv.weight": _sd3,
    "layers.0.adaLN_modulation.0.weight": _z_image,
    "transformer_blocks.0.img_mod.1.weight": _qwen_image,
}

_OTHERS = {
    "head.modulation": "a Wan video model",
    "patchify_proj.weight": "an LTX video model",
    "blocks.0.attn.qkv_x.weight": "a Mochi video model",
    "txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1.bias": "a Hunyuan model",
    "net.x_embedder.proj.1.weight": "a Cosmos model",
    "double_stream_blocks.0.block.adaLN_modulation.1.bias": "HiDream",
    "cond_seq_linear.weight": "AuraFlow",
    "clip_txt_mapper.weight": "Stable Cascade",
    "down_blocks.1.0.channelwise.0.weight": "Stable Cascade",
    "early_stream_modulations.image.lin.weight": "FLUX.3",
    "txtfusion.projector.weight": "Krea 2",
    "txt_in.text_norm.weight": "Qwen-Image 2.1",
    "layers.0.adaLN_modulation.1.weight": "Lumina 2",
    "blocks.0.cross_attn.q_linear.weight": "Sana or PixArt",
    "input_hint_block.0.weight": "a ControlNet",
    "control_model.input_blocks.0.0.weight": "a ControlNet",
    "controlnet_cond_embedding.conv_in.weight": "a ControlNet",
    "controlnet_x_embedder.weight": "a ControlNet",
    "control_all_x_embedder.2-1.weight": "a ControlNet",
    "edm_mean": "Playground 2.5",
}
"""By a key that only this model has: what to call it."""

_DIFFUSERS = (
    "conv_in.weight",
    "time_text_embed.timestep_embedder.linear_1.weight",
    "time_guidance_embed.timestep_embedder.linear_1.weight",
    "all_x_embedder.2-1.weight",
    "distilled_guidance_layer.layers.0.linear_1.weight",
)
