"""How many pictures fit into the memory at one time."""

from __future__ import annotations

import gc

import torch

from zen_tui.families.base import Family
from zen_tui.generation.fit import BYTES_PER_PIXEL, Machine, free_memory, has_bitsandbytes
from zen_tui.ranks.links import OutOfMemory

SMALL = 200_000_000  # parameters of a denoiser that a CPU runs better in batches
LARGEST = 32


def ran_out(error: Exception) -> bool:
    """Whether PyTorch failed for want of memory, here or in another process of the job: CUDA, MPS and CPU each say
    it in their own way."""
    if isinstance(error, OutOfMemory):
        return True
    said = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in said or "can't allocate memory" in said


def collect() -> None:
    """Give back what nobody holds any more."""
    gc.collect()
    torch.cuda.empty_cache()  # nothing where CUDA has not been started


def free_bytes(device: torch.device) -> int:
    """Bytes free for new tensors on `device`, counting what PyTorch holds but does not use."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    return free_memory()


def machine(device: torch.device) -> Machine:
    """The place of the work, as the rule in `fit` takes it."""
    return Machine(device.type, free_bytes(device), has_bitsandbytes())


def is_tight(family: Family) -> bool:
    """Whether the text encoder should make room now that the prompts are encoded."""
    if "text" not in family.loaded():
        return False
    size = sum(p.numel() * p.element_size() for p in family.part("text").parameters())
    return size > free_bytes(family.device) // 4


def batch_size(family: Family, width: int, height: int) -> int:
    """A number of pictures of this size that should fit; loads the denoiser."""
    parameters = sum(p.numel() for p in family.denoiser().parameters())
    if family.device.type != "cuda":
        return 8 if parameters < SMALL else 1
    room = int(free_bytes(family.device) * 0.7)
    return max(1, min(LARGEST, room // (BYTES_PER_PIXEL * width * height)))
