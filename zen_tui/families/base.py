"""What the training loop and the engine know of a model: the same few verbs for every architecture.

A family holds the parts of one base (text encoder, VAE, denoiser), loads each when first used, and gives
its memory back on `release`. Pixels are floats in 0..1, (N, 3, H, W); latents are what the denoiser sees,
already scaled; `s` is the family's own time, one number a picture.
"""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

Part = Literal["text", "vae", "denoiser"]
PARTS: tuple[Part, ...] = ("text", "vae", "denoiser")


class Cond:
    """Encoded prompts: named tensors with one row a prompt."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def __getitem__(self, rows: Sequence[int] | slice) -> Cond:
        """The rows named, as a new Cond; a row may be named more than once."""
        index: Any = rows if isinstance(rows, slice) else list(rows)
        return Cond({name: tensor[index] for name, tensor in self.tensors.items()})

    def to(self, device: torch.device, dtype: torch.dtype | None = None) -> Cond:
        return Cond({name: tensor.to(device, dtype) for name, tensor in self.tensors.items()})

    @classmethod
    def join(cls, parts: Sequence[Cond]) -> Cond:
        """The rows of `parts` one after another."""
        return cls({name: torch.cat([part.tensors[name] for part in parts]) for name in parts[0].tensors})


class Objective(ABC):
    """The noise process: how a clean latent is spoiled, what the model should answer, how much it counts."""

    @abstractmethod
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` random times, on the CPU."""

    @abstractmethod
    def grid(self, count: int) -> Tensor:
        """`count` fixed times spread evenly over the process, for scores that can be compared."""

    @abstractmethod
    def corrupt(self, clean: Tensor, noise: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """The noisy latents at times `s`, and the target of the prediction; both shaped like `clean`."""

    @abstractmethod
    def weight(self, s: Tensor) -> Tensor:
        """How much the squared error at each time counts, shape (N,)."""


class Family(ABC):
    """One base, loaded part by part onto `device`; the denoiser computes in `dtype`.

    Text encoder and VAE stay in fp32: they are small beside the denoiser, run once a caption or a picture,
    and what they produce is cached and must not depend on the precision of a run.
    """

    name: ClassVar[str]
    targets: ClassVar[dict[str, str]]
    """Which layers a LoRA learns, as one PEFT regex a preset; keys 'attn', 'attn+mlp', 'all'."""

    def __init__(self, folder: Path, device: torch.device, dtype: torch.dtype) -> None:
        self.folder = folder
        self.device = device
        self.dtype = dtype
        self._parts: dict[Part, nn.Module] = {}
        self._on_load: dict[str, Callable[[Part, nn.Module], int]] = {}  # adapters, applied to each loaded part
        self._active: list[tuple[str, float]] = []

    # what differs between architectures

    @property
    @abstractmethod
    def token_limit(self) -> int:
        """How many tokens of a prompt are read."""

    @property
    @abstractmethod
    def multiple(self) -> int:
        """Widths and heights must be multiples of this many pixels."""

    @abstractmethod
    def cut_text(self, prompt: str) -> str:
        """The end of `prompt` that the text encoder does not read; '' when it reads it all."""

    @abstractmethod
    def encode(self, prompts: Sequence[str]) -> Cond:
        """The prompts as the denoiser wants them; loads the text encoder."""

    @abstractmethod
    def latents(self, pixels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Pixels to latents: the mean of the posterior, or a draw from it with `generator`; loads the VAE."""

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Latents to pixels in 0..1; loads the VAE."""

    @abstractmethod
    def latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        """(channels, rows, columns) of the latents of a picture."""

    @abstractmethod
    def objective(self, min_snr_gamma: float = 0.0) -> Objective:
        """The noise process the base was trained with; `min_snr_gamma` 0 weighs every time alike."""

    @abstractmethod
    def predict(self, noisy: Tensor, s: Tensor, cond: Cond, size: tuple[int, int]) -> Tensor:
        """The denoiser's answer in fp32, same shape as `noisy`; `size` is (width, height) in pixels."""

    @abstractmethod
    def scheduler(self, name: str = "default") -> Any:
        """A fresh diffusers scheduler by name (`schedulers.NAMES`). Raises `WrongUse`."""

    @abstractmethod
    def _load(self, part: Part) -> nn.Module:
        """Read one part from disk onto the device, frozen and in evaluation mode."""

    @abstractmethod
    def save_adapter(self, path: Path, weights: dict[str, Tensor], config: dict[str, Any], trigger: str) -> None:
        """Write a LoRA in diffusers' layout, durably. `weights` are the denoiser's PEFT keys."""

    @abstractmethod
    def attach(self, path: Path, name: str) -> int:
        """Load an adapter file under `name`; it acts once `set_adapters` names it.

        Returns how many layers it changes. Raises `BadFile`, naming keys, unless every key found its layer.
        """

    # what is the same for all

    def part(self, part: Part) -> nn.Module:
        """The text encoder, VAE or denoiser, loaded if it is not."""
        if part not in self._parts:
            module = self._load(part)
            for apply in self._on_load.values():
                apply(part, module)
            self._parts[part] = module
            self._activate(part)
        return self._parts[part]

    def denoiser(self) -> nn.Module:
        return self.part("denoiser")

    def loaded(self) -> set[Part]:
        """Which parts are in memory."""
        return set(self._parts)

    def release(self, *parts: Part) -> None:
        """Give the memory of these parts back; they are loaded again when next used."""
        if not [part for part in parts if self._parts.pop(part, None) is not None]:
            return
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def replace_denoiser(self, module: nn.Module) -> None:
        """Let `module` (the denoiser wrapped for several processes) answer for it."""
        self._parts["denoiser"] = module

    def set_adapters(self, use: Sequence[tuple[str, float]]) -> None:
        """Make exactly these attached adapters act, each at its weight; weight 0 is as if it were not there."""
        self._active = [(name, weight) for name, weight in use if weight != 0]
        for part in self._parts:
            self._activate(part)

    def detach(self) -> None:
        """Forget every adapter."""
        self._active = []
        self._on_load.clear()
        for module in self._parts.values():
            delete_adapters(module)

    def autocast(self) -> torch.autocast:
        """The context in which the denoiser computes; adapters in fp32 meet a base in `dtype` here."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)

    def _activate(self, part: Part) -> None:
        module: Any = self._parts[part]
        if not getattr(module, "peft_config", None):
            return
        mine = [(name, weight) for name, weight in self._active if name in module.peft_config]
        if mine:
            module.enable_adapters()
            set_weights(module, mine)
        else:
            module.disable_adapters()


def set_weights(module: nn.Module, use: Sequence[tuple[str, float]]) -> None:
    """Activate the named PEFT adapters of `module` at their weights."""
    from diffusers.utils.peft_utils import set_weights_and_activate_adapters

    set_weights_and_activate_adapters(module, [name for name, _ in use], [weight for _, weight in use])


def delete_adapters(module: Any) -> None:
    """Remove every PEFT adapter of `module`; its layers compute as they did before."""
    names = list(getattr(module, "peft_config", None) or {})
    if not names:
        return
    # diffusers and transformers spell this differently
    delete = module.delete_adapters if hasattr(module, "delete_adapters") else module.delete_adapter
    delete(names)
