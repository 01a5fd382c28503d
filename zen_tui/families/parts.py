"""One sub-model of a base, from its file to the CPU: without a second copy in memory, and never from a network."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from zen_tui.exchange.base_layers import tensors_of
from zen_tui.exchange.source import Part, Source
from zen_tui.families.original import load_original
from zen_tui.library.errors import BadFile
from zen_tui.library.text import clean

PRECISE = 2_000_000_000  # parameters of a text encoder; CLIP has at most 0.7 billion, T5-XXL and Qwen3 over 4


def model_class(name: str) -> Any:
    """The class called 'library.Class', imported now: the libraries take seconds to load."""
    library, _, kind = name.partition(".")
    return getattr(importlib.import_module(library), kind)


def encoder_dtype(part: Part) -> torch.dtype:
    """What a text encoder computes in: fp32, or bf16 where fp32 would take a graphics card for itself."""
    return torch.float32 if numbers_in(part) < PRECISE else torch.bfloat16


def numbers_in(part: Part) -> int:
    """How many numbers a part has."""
    return sum(math.prod(tensor.shape) for tensor in tensors_of(part).values())


def load_part(source: Source, sub: str, cls: Any, dtype: torch.dtype) -> nn.Module:
    """The sub-model `sub` of `source` as a `cls`, in `dtype` on the CPU, frozen and in evaluation mode.

    Raises:
        BadFile: its files are gone or damaged, or do not hold what `cls` needs.
    """
    part = source.parts[sub]
    try:
        in_folder = all(file.parent == part.config for file in part.files)
        module = _from_folder(part, cls, dtype) if in_folder else load_original(part, cls, dtype)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        reason = clean(str(error).splitlines()[0], 200)
        raise BadFile(f"The {sub} of {source.root.name} cannot be loaded: {reason}.", "Get it again.") from error
    return module.requires_grad_(False).eval()


def _from_folder(part: Part, cls: Any, dtype: torch.dtype) -> nn.Module:
    """A part as the library itself saves it; it maps one file at a time."""
    module: nn.Module = cls.from_pretrained(
        str(part.config), dtype=dtype, local_files_only=True, use_safetensors=True, variant=_variant(part.files)
    )
    return module


def _variant(files: tuple[Path, ...]) -> str | None:
    """'fp16' when there are only half-precision weights under that name."""
    return "fp16" if files and all(".fp16." in file.name for file in files) else None
