"""A difference as an adapter: what a denoiser learned as a whole, added to its weights and taken back again."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from zen_tui.exchange import differences
from zen_tui.exchange.adapters import TRIGGER
from zen_tui.exchange.lora_match import few
from zen_tui.exchange.profiles import PROFILES
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.library.durable import replacing, require_space
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.text import clean


@dataclass(frozen=True)
class Difference:
    """The file of a difference; its numbers stay on the disk until they are added."""

    path: Path
    part: str

    @classmethod
    def read(cls, path: Path, found: differences.Difference) -> Difference:
        return cls(path, PROFILES[found.family].denoiser)

    def touches(self, prefix: str) -> bool:
        return prefix == self.part

    def check(self, models: dict[str, nn.Module]) -> int:
        """How many tensors it changes. Raises `BadFile` unless each of them is in the base, in the same shape."""
        model = models.get(self.part)
        own = {name: parameter.shape for name, parameter in learnable(model).items()} if model is not None else {}
        told = read_header(self.path).tensors
        wrong = [key for key, tensor in told.items() if own.get(key.removeprefix(f"{self.part}.")) != tensor.shape]
        if wrong:
            raise BadFile(
                f"{self.path.name} was made for another base: {few(wrong)} finds no place in this one.",
                "Use it with the base it was trained on.",
            )
        return len(told)

    def hang(self, prefix: str, model: nn.Module, name: str) -> None:
        """Nothing: it acts through `Sum`."""


class Sum:
    """The weights of a denoiser with differences added."""

    def __init__(self) -> None:
        self._before: list[tuple[nn.Parameter, Tensor]] = []

    def take_back(self) -> None:
        """Let the weights be, to the bit, what they were before `add`."""
        while self._before:
            parameter, before = self._before.pop()
            parameter.data = before.to(parameter.device)

    @torch.no_grad()
    def add(self, model: nn.Module, use: Sequence[tuple[Difference, float]]) -> None:
        """Add each difference at its weight.

        Raises:
            Refused: the weights are kept in fewer bits than can be added to.
            BadFile: a file is gone or damaged; nothing is added.
        """
        try:
            for parameter, sum_ in sums(model, use):
                self._before.append((parameter, parameter.detach().to("cpu", copy=True)))
                parameter.data = sum_
        except BaseException:
            self.take_back()
            raise


@torch.no_grad()
def sums(model: nn.Module, use: Sequence[tuple[Difference, float]]) -> Iterator[tuple[nn.Parameter, Tensor]]:
    """Each weight of a denoiser that differences change, and what it becomes when they are added.

    One after another, so that hardly more than the base is in memory.

    Raises:
        Refused, BadFile: as `Sum.add`.
    """
    own = learnable(model) if use else {}
    with contextlib.ExitStack() as stack:
        files = [(stack.enter_context(_opened(found)), found, weight) for found, weight in use]
        keys = dict.fromkeys(key for file, _, _ in files for key in file.keys())  # noqa: SIM118
        for key in keys:
            parts = [(file, found, weight) for file, found, weight in files if key in file.keys()]  # noqa: SIM118
            parameter = own[key.removeprefix(f"{parts[0][1].part}.")]
            if not parameter.dtype.is_floating_point or parameter.dtype.itemsize < 2:
                raise Refused(
                    f"{parts[0][1].path.stem} changes all of the base, whose weights are rounded here.",
                    "Choose quantize none, or train a LoRA.",
                )
            sum_ = parameter.float()
            for file, _, weight in parts:
                sum_ = sum_ + weight * file.get_tensor(key).to(parameter.device, torch.float32)
            yield parameter, sum_.to(parameter.dtype)


def learnable(denoiser: nn.Module) -> dict[str, nn.Parameter]:
    """The denoiser's own weights by the names of the library's model, whatever hangs on its layers."""
    return {
        name.replace(".base_layer.", "."): parameter
        for name, parameter in denoiser.named_parameters()
        if ".lora_" not in name and ".lokr_" not in name
    }


def whole(denoiser: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """All that the library's model keeps of a denoiser, in `dtype` on the CPU."""
    return {
        name.replace(".base_layer.", "."): tensor.to("cpu", dtype if tensor.is_floating_point() else tensor.dtype)
        for name, tensor in denoiser.state_dict().items()
        if ".lora_" not in name and ".lokr_" not in name
    }


def write(path: Path, family: str, variant: str, numbers: dict[str, Tensor], trigger: str, licence: str) -> None:
    """Write a difference durably; `numbers` by the names of the denoiser's weights.

    Raises:
        DiskFull: there is no room.
    """
    part = PROFILES[family].denoiser
    header = {
        "format": "pt",
        differences.SETTINGS: msgspec.json.encode(differences.Difference(family, variant)).decode(),
        TRIGGER: clean(trigger, 200),
        "modelspec.license": clean(licence, 200),
    }
    require_space(path.parent, sum(math.prod(n.shape) * n.element_size() for n in numbers.values()))
    held = {f"{part}.{name}": tensor.detach().cpu().contiguous() for name, tensor in numbers.items()}
    with replacing(path) as temporary:
        save_file(held, temporary, metadata=header)


def _opened(difference: Difference) -> Any:
    try:
        return safe_open(difference.path, "pt")
    except (OSError, SafetensorError):
        raise BadFile(f"{difference.path.name} cannot be read.", "Train it again.") from None
