"""Where a model that looks at photos computes, and in which number format."""

from __future__ import annotations

import torch

from zen_tui.library.errors import ZenError

LARGE = 2_000_000_000  # parameters; beyond it a CPU computes in bf16, or the weights would not fit


def best_device() -> torch.device:
    """The first CUDA GPU, else Apple's GPU, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def number_format(device: torch.device, parameters: int) -> torch.dtype:
    """Half precision on a graphics card, fp32 on a CPU unless the model is a large one."""
    if device.type == "cpu":
        return torch.float32 if parameters < LARGE else torch.bfloat16
    native = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native else torch.float16


def too_large(title: str) -> ZenError:
    """The sentence for a model that does not fit on the card."""
    return ZenError(
        f"{title} does not fit in the graphics card's memory.",
        "Choose a smaller model, or close what else uses the card.",
    )
