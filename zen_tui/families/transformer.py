"""What the transformer families share: a flow, schedulers that take sigma, patches of two by two latents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from zen_tui.families import schedulers
from zen_tui.families.base import Family
from zen_tui.families.flow import Flow, linear_mu, shift


class TransformerFamily(Family):
    """A rectified flow. `s` is sigma, from 0 (picture) to 1 (noise)."""

    own_sigmas: ClassVar[bool] = False
    """Whether the library's pipeline leaves the times to a scheduler that has its own."""

    def objective(self, min_snr_gamma: float = 0.0, size: tuple[int, int] | None = None) -> Flow:
        own = self.profile.resolution
        steps = int(self.variant.generate["steps"])
        return Flow(shift(self.schedule, self.mu(size or (own, own), steps)))

    def scheduler(self, name: str = "default") -> Any:
        return schedulers.build_flow(self.source.folder("scheduler"), name)

    def start(self, scheduler: Any, steps: int, size: tuple[int, int]) -> None:
        mu = self.mu(size, steps)
        schedulers.start_flow(scheduler, steps, mu, self.device, own_sigmas=self.own_sigmas)

    def time(self, t: Tensor) -> Tensor:
        return t / 1000

    def clean(self, scheduler: Any, result: Any, noisy: Tensor, answer: Tensor, s: Tensor) -> Tensor:
        return noisy - s.view(-1, 1, 1, 1) * answer

    def mu(self, size: tuple[int, int], steps: int) -> float:
        """The exponent of the scheduler's shift for a picture of `size`, where it has a dynamic one."""
        return linear_mu(self.schedule, self.tokens(size))

    def tokens(self, size: tuple[int, int]) -> int:
        """How many tokens a picture is to the denoiser."""
        return (size[0] // self.multiple) * (size[1] // self.multiple)

    @cached_property
    def schedule(self) -> dict[str, Any]:
        """The settings of the base's own scheduler."""
        return schedulers.settings(self.source.folder("scheduler"))

    def read(self, number: int, prompts: Sequence[str], length: int) -> tuple[Tensor, Tensor]:
        """The tokens of `prompts` by tokenizer `number`, each filled up or cut to `length`, and their mask."""
        tokens = self.tokenizers[number](
            list(prompts), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        )
        return tokens.input_ids.to(self.text_device), tokens.attention_mask.to(self.text_device)

    def words_before(self, template: Callable[[str], str]) -> int:
        """How many tokens of `template` come before the prompt."""
        return len(self.tokenizers[0](template("\0").partition("\0")[0]).input_ids)


def pack(latents: Tensor) -> Tensor:
    """(N, C, h, w) to one token for every two by two latents, (N, h/2 * w/2, 4C)."""
    count, channels, rows, columns = latents.shape
    patches = latents.view(count, channels, rows // 2, 2, columns // 2, 2).permute(0, 2, 4, 1, 3, 5)
    return patches.reshape(count, (rows // 2) * (columns // 2), 4 * channels)


def unpack(tokens: Tensor, shape: torch.Size) -> Tensor:
    """What `pack` made, as latents of `shape` again."""
    count, channels, rows, columns = shape
    patches = tokens.view(count, rows // 2, columns // 2, channels, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return patches.reshape(shape)
