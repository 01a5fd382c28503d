"""Chroma: FLUX.1 without CLIP and without guidance told; the text is masked, and guidance is real."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from zen_tui.families.base import Family
from zen_tui.families.cond import Cond
from zen_tui.families.flux1 import Flux1
from zen_tui.families.twice import is_twice


class Chroma(Flux1):
    """A Chroma1. Of the filling after a text it sees the first token alone: 'mask', in floats."""

    name = "chroma"
    own_sigmas = False
    models = {
        "transformer": "diffusers.ChromaTransformer2DModel",
        "vae": "diffusers.AutoencoderKL",
        "text_encoder": "transformers.T5EncoderModel",
        "tokenizer": "transformers.T5Tokenizer",
    }

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Cond:
        ids, mask = self.read(0, prompts, self.token_limit)
        text = self.encoders()[0](ids, attention_mask=mask)[0]
        seen = torch.arange(mask.shape[1], device=mask.device) <= mask.sum(1, keepdim=True)
        return Cond({"text": text, "mask": seen.to(text.dtype)})

    def is_guided(self, guidance: float) -> bool:
        return Family.is_guided(self, guidance)

    def compute_twice(self, share: float = 1.0) -> None:
        denoiser: Any = self.denoiser()
        # diffusers 0.42 forgets the mask of the single blocks when it computes them twice
        for number, block in enumerate((*denoiser.transformer_blocks, *denoiser.single_transformer_blocks)):
            if is_twice(number, share):
                block.forward = partial(checkpoint, block.forward, use_reentrant=False)

    def predict(
        self, noisy: Tensor, s: Tensor, cond: Cond, size: tuple[int, int], guidance: Tensor | None = None
    ) -> Tensor:
        text_mask = cond.tensors["mask"].to(self.dtype)
        tokens = noisy.shape[2] * noisy.shape[3] // 4
        # added to the attention as it is, as in the library's pipeline
        mask = torch.cat([text_mask, text_mask.new_ones(len(noisy), tokens)], dim=1)
        return self.ask(noisy, s, cond, {"attention_mask": mask})
