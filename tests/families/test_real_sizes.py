"""The settings that travel with Zen, held against the tensors of the models they are for, in their real sizes."""

from __future__ import annotations

import json

import pytest
import torch

from tests.originals import Shapes, clip, open_clip, qwen, t5, unet, vae, wan_vae
from tests.originals_flow import chroma, flux1, flux2, qwen_image, sd3, z_image
from zen_tui.exchange.blueprints import CONFIGS
from zen_tui.families.original import empty_model, renamed
from zen_tui.families.parts import model_class

REAL: dict[str, tuple[str, Shapes]] = {
    "denoisers/sd15": ("diffusers.UNet2DConditionModel", unet(768)),
    "denoisers/sd2": ("diffusers.UNet2DConditionModel", unet(1024, flat=True)),
    "denoisers/sd2-v": ("diffusers.UNet2DConditionModel", unet(1024, flat=True)),
    "denoisers/sdxl": (
        "diffusers.UNet2DConditionModel",
        unet(2048, multipliers=(1, 2, 4), depth=(0, 2, 10), middle=10, flat=True, label=2816),
    ),
    "denoisers/flux1-dev": ("diffusers.FluxTransformer2DModel", flux1(guidance=True)),
    "denoisers/flux1-schnell": ("diffusers.FluxTransformer2DModel", flux1(guidance=False)),
    "denoisers/chroma": ("diffusers.ChromaTransformer2DModel", chroma()),
    "denoisers/flux2-klein-4b": ("diffusers.Flux2Transformer2DModel", flux2(3072, 5, 20, 7680)),
    "denoisers/flux2-klein-9b": ("diffusers.Flux2Transformer2DModel", flux2(4096, 8, 24, 12288)),
    "denoisers/z-image": ("diffusers.ZImageTransformer2DModel", z_image()),
    "denoisers/sd35-medium": ("diffusers.SD3Transformer2DModel", sd3(24, dual=13, positions=384)),
    "denoisers/sd35-large": ("diffusers.SD3Transformer2DModel", sd3(38, positions=192)),
    "denoisers/qwen-image": ("diffusers.QwenImageTransformer2DModel", qwen_image()),
    "vaes/sd": ("diffusers.AutoencoderKL", vae(4)),
    "vaes/sdxl": ("diffusers.AutoencoderKL", vae(4)),
    "vaes/flux1": ("diffusers.AutoencoderKL", vae(16, quant=False)),
    "vaes/sd3": ("diffusers.AutoencoderKL", vae(16, quant=False)),
    "vaes/flux2": (
        "diffusers.AutoencoderKLFlux2",
        vae(32, inner_quant=True) | {"bn.running_mean": (128,), "bn.running_var": (128,)},
    ),
    "vaes/qwen-image": ("diffusers.AutoencoderKLQwenImage", wan_vae()),
    "texts/clip-l": ("transformers.CLIPTextModel", clip(768, 12)),
    "texts/clip-g": ("transformers.CLIPTextModelWithProjection", clip(1280, 32, True)),
    "texts/clip-h": ("transformers.CLIPTextModel", open_clip(1024, 24)),
    "texts/t5-xxl": ("transformers.T5EncoderModel", t5()),
    "texts/qwen3-4b": ("transformers.Qwen3Model", qwen(2560, 9728, 36, 32, 151936, keys=8)),
    "texts/qwen3-8b": ("transformers.Qwen3Model", qwen(4096, 12288, 36, 32, 151936, keys=8)),
}
"""Class and tensors of every model whose settings travel with Zen, in its real size."""

COMPUTED = {"bn.num_batches_tracked", "encoder.embed_tokens.weight"}  # a counter, and what T5 shares


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if "sd35" in name else []) for name in REAL]
)
def test_the_settings_that_travel_with_zen_fit_the_real_sizes(name: str) -> None:
    """Names and shapes of the whole model, without memory for its numbers."""
    kind, shapes = REAL[name]
    cls = model_class(kind)
    config = json.loads((CONFIGS / name / "config.json").read_text())
    whole = empty_model(cls, config).state_dict()
    tensors = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
    found = {key: tensor.shape for key, tensor in renamed(cls.__name__, tensors, config).items()}
    assert {key: shape for key, shape in found.items() if key not in whole or shape != whole[key].shape} == {}
    assert whole.keys() - found.keys() <= COMPUTED
