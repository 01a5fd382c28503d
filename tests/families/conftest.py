"""The tiny base as a family, and a LoRA for it with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from zen_tui.families.base import Family
from zen_tui.families.sd15 import SD15


@pytest.fixture
def family(tiny_base: Path) -> Family:
    """The tiny base in fp32 on the CPU, nothing loaded yet."""
    return SD15(tiny_base, torch.device("cpu"), torch.float32)


@pytest.fixture
def adapter(family: Family, tmp_path: Path) -> Path:
    """A LoRA of rank 2 on every kind of layer, alpha 4."""
    return write_lora(family, tmp_path / "adapter.safetensors", "all")


def write_lora(family: Family, path: Path, targets: str, seed: int = 0) -> Path:
    """Write a random LoRA for `family`, leaving `family` itself as it was."""
    from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model

    config = LoraConfig(r=2, lora_alpha=4, target_modules=family.targets[targets])
    fresh = SD15(family.folder, family.device, family.dtype)
    denoiser = inject_adapter_in_model(config, fresh.denoiser())
    generator = torch.Generator().manual_seed(seed)
    weights = {
        key: torch.randn(tensor.shape, generator=generator)
        for key, tensor in get_peft_model_state_dict(denoiser).items()
    }
    family.save_adapter(path, weights, config.to_dict(), "ohwx woman")
    return path


@torch.no_grad()
def answer(family: Family, prompts: tuple[str, ...] = ("a photo of ohwx woman",)) -> Tensor:
    """What the denoiser says to fixed noise: changes whenever anything in the base or its adapters does."""
    count = len(prompts)
    noise = torch.randn((count, *family.latent_shape(64, 64)), generator=torch.Generator().manual_seed(7))
    return family.predict(noise, torch.full((count,), 500), family.encode(prompts), (64, 64))
