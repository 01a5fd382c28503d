"""A denoiser whose blocks lie in the computer's memory and come to the card one after another, as they compute.

The hooks are the library's; where the card has streams, a block comes while the one before it computes. They
keep hold of the tensors they found, so they are set anew whenever an adapter comes or goes. Drawing only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

CPU = torch.device("cpu")
_HOOKS = ("group_offloading", "layer_execution_tracker", "lazy_prefetch_group_offloading")
_LEVELS = ["down_blocks", "mid_block", "up_blocks", *"0123"]
"""Parts of a UNet that are no blocks themselves: the blocks are inside, its levels being too large to be one."""


def carry(model: nn.Module, device: torch.device) -> None:
    """Let the blocks of `model` come to `device` when they compute; call it again when its adapters change."""
    from diffusers.hooks import apply_group_offloading

    _put_down(model)
    streams = device.type == "cuda"
    apply_group_offloading(
        model,
        onload_device=device,
        offload_device=CPU,
        offload_type="block_level",
        num_blocks_per_group=1,
        use_stream=streams,
        record_stream=streams,
        low_cpu_mem_usage=True,
        block_modules=_LEVELS if hasattr(model, "up_blocks") else None,
    )


def _put_down(model: nn.Module) -> None:
    """Take the hooks off, and bring back what a run that ended early left on the card."""
    from diffusers.hooks import HookRegistry

    registry: Any = HookRegistry.check_if_exists_or_initialize(model)
    for name in _HOOKS:
        registry.remove_hook(name, recurse=True)
    nn.Module.to(model, CPU)
