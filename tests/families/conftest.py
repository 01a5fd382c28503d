"""Tiny bases as families, and LoRAs for them with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from zen_tui.exchange.source import diffusers_source
from zen_tui.families import lora_file
from zen_tui.families.base import Family
from zen_tui.families.loading import FAMILIES

CPU = torch.device("cpu")


def open_family(folder: Path, name: str = "sd15", variant: str = "", dtype: torch.dtype = torch.float32) -> Family:
    """The base in `folder` on the CPU, nothing loaded yet."""
    return FAMILIES[name](diffusers_source(folder, name), CPU, dtype, variant)


@pytest.fixture
def family(tiny_base: Path) -> Family:
    """The tiny Stable Diffusion 1 in fp32."""
    return open_family(tiny_base)


@pytest.fixture
def adapter(family: Family, tmp_path: Path) -> Path:
    """A LoRA of rank 2 on every kind of layer, alpha 4."""
    return write_lora(family, tmp_path / "adapter.safetensors", "all")


def write_lora(family: Family, path: Path, targets: str, seed: int = 0) -> Path:
    """Write a random LoRA for `family`, leaving `family` itself as it was."""
    from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model

    config = LoraConfig(r=2, lora_alpha=4, target_modules=family.targets[targets])
    fresh = type(family)(family.source, family.device, family.dtype)
    denoiser = inject_adapter_in_model(config, fresh.denoiser())
    generator = torch.Generator().manual_seed(seed)
    weights = {
        key: torch.randn(tensor.shape, generator=generator)
        for key, tensor in get_peft_model_state_dict(denoiser).items()
    }
    parts = {family.profile.denoiser: (weights, config.to_dict())}
    lora_file.write(path, parts, "ohwx woman", family.profile.modelspec, family.licence)
    return path


@torch.no_grad()
def answer(family: Family, prompts: tuple[str, ...] = ("a photo of ohwx woman",)) -> Tensor:
    """What the denoiser says to fixed noise: changes whenever anything in the base or its adapters does."""
    count = len(prompts)
    noise = torch.randn((count, *family.latent_shape(64, 64)), generator=torch.Generator().manual_seed(7))
    middle = family.objective().grid(1).expand(count)
    return family.predict(noise, middle, family.encode(prompts), (64, 64))
