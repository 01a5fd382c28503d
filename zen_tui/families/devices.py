"""Which device to compute on, and in which precision."""

from __future__ import annotations

from pathlib import Path

import torch

from zen_tui.library.errors import Refused
from zen_tui.ranks.cards import on_processor

CARD = Path("/dev/nvidiactl")  # there when NVIDIA's driver is
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def pick_device() -> torch.device:
    """The first CUDA GPU, else Apple's GPU, else the CPU; with `ZEN_DEVICE=cpu` the CPU in any case."""
    if on_processor():
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def idle_card() -> str:
    """Why an NVIDIA card that is there is not computed on, as a sentence; '' if it is, or if there is none."""
    if torch.cuda.is_available() or not CARD.exists():
        return ""
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
        reason = ""
    except (RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split(". ")[0].split())[:160]
    return f"There is an NVIDIA card, but PyTorch cannot use it, and the CPU does the work. It says: {reason}."


def pick_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The number format of the denoiser for `precision` ('auto', 'fp32', 'bf16' or 'fp16').

    'auto' is bf16 where the hardware multiplies it natively (CUDA from Ampere on; CPUs with AVX-512 bf16
    or AMX), fp16 on older CUDA cards, and fp32 everywhere else.

    Raises:
        Refused: fp16 was asked for on a CPU, where its small range makes training fail.
    """
    if precision != "auto":
        if precision == "fp16" and device.type == "cpu":
            raise Refused("fp16 does not work on a CPU.", "Set precision to auto, fp32 or bf16.")
        return PRECISIONS[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if device.type == "cpu" and cpu_has_bf16() else torch.float32


def cpu_has_bf16() -> bool:
    """Whether this CPU multiplies bf16 in hardware."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def precision_name(dtype: torch.dtype) -> str:
    """'fp32', 'bf16' or 'fp16'."""
    return next(name for name, known in PRECISIONS.items() if known == dtype)
