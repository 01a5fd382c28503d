"""Stable Diffusion 1 and 2: a UNet with cross-attention on CLIP text, latents from an 8x autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zen_tui.families import schedulers
from zen_tui.families.base import Family
from zen_tui.families.cond import Cond
from zen_tui.families.epsilon import Epsilon


class SD15(Family):
    """A Stable Diffusion 1 or 2 that predicts noise or velocity. `s` is a step of its noise schedule."""

    name = "sd15"
    models = {
        "unet": "diffusers.UNet2DConditionModel",
        "vae": "diffusers.AutoencoderKL",
        "text_encoder": "transformers.CLIPTextModel",
        "tokenizer": "transformers.CLIPTokenizer",
    }

    @property
    def token_limit(self) -> int:
        return int(self.tokenizers[0].model_max_length)

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Cond:
        return self.encode_learning(prompts)

    def encode_learning(self, prompts: Sequence[str]) -> Cond:
        """`encode` with gradients, for a word or a text encoder that learns."""
        encoder = self.encoders()[0]
        tokens = self.tokenizers[0](
            list(prompts), padding="max_length", truncation=True, max_length=self.token_limit, return_tensors="pt"
        )
        mask = tokens.attention_mask.to(self.text_device) if _uses_mask(encoder) else None
        return Cond({"text": encoder(tokens.input_ids.to(self.text_device), attention_mask=mask)[0]})

    def objective(self, min_snr_gamma: float = 0.0, size: tuple[int, int] | None = None) -> Epsilon:
        scheduler = schedulers.build(self.source.folder("scheduler"), "ddim")
        return Epsilon(scheduler.alphas_cumprod, scheduler.config.prediction_type, min_snr_gamma)

    def predict(
        self, noisy: Tensor, s: Tensor, cond: Cond, size: tuple[int, int], guidance: Tensor | None = None
    ) -> Tensor:
        with self.autocast():
            answer: Tensor = self.denoiser()(
                noisy.to(self.dtype), s, cond.tensors["text"].to(self.dtype), return_dict=False
            )[0]
        return answer.float()

    def scheduler(self, name: str = "default") -> Any:
        return schedulers.build(self.source.folder("scheduler"), name)

    def start(self, scheduler: Any, steps: int, size: tuple[int, int]) -> None:
        scheduler.set_timesteps(steps, device=self.device)


def _uses_mask(encoder: Any) -> bool:
    return bool(getattr(encoder.config, "use_attention_mask", False))
