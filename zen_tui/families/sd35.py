"""Stable Diffusion 3.5: two CLIP texts and one of T5 in a row, and a pooled text of both CLIPs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from zen_tui.families.cond import Cond
from zen_tui.families.transformer import TransformerFamily


class SD35(TransformerFamily):
    """A Stable Diffusion 3.5, medium or large."""

    name = "sd35"
    models = {
        "transformer": "diffusers.SD3Transformer2DModel",
        "vae": "diffusers.AutoencoderKL",
        "text_encoder": "transformers.CLIPTextModelWithProjection",
        "tokenizer": "transformers.CLIPTokenizer",
        "text_encoder_2": "transformers.CLIPTextModelWithProjection",
        "tokenizer_2": "transformers.CLIPTokenizer",
        "text_encoder_3": "transformers.T5EncoderModel",
        "tokenizer_3": "transformers.T5Tokenizer",
    }

    @property
    def overhead(self) -> int:
        return 1

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Cond:
        *clips, t5 = self.encoders()
        texts, pooled = [], []
        for number, clip in enumerate(clips):
            ids, _ = self.read(number, prompts, int(self.tokenizers[number].model_max_length))
            answer = clip(ids, output_hidden_states=True)
            texts.append(answer.hidden_states[-2])
            pooled.append(answer[0])
        ids, _ = self.read(2, prompts, self.token_limit)
        long: Tensor = t5(ids)[0]
        short = torch.cat(texts, dim=-1).to(long.dtype)
        wide = pad(short, (0, long.shape[-1] - short.shape[-1]))
        return Cond({"text": torch.cat([wide, long], dim=1), "pooled": torch.cat(pooled, dim=-1)})

    def start(self, scheduler: Any, steps: int, size: tuple[int, int]) -> None:
        moved = {"mu": self.mu(size, steps)} if self.schedule.get("use_dynamic_shifting") else {}
        scheduler.set_timesteps(steps, device=self.device, **moved)

    def predict(
        self, noisy: Tensor, s: Tensor, cond: Cond, size: tuple[int, int], guidance: Tensor | None = None
    ) -> Tensor:
        with self.autocast():
            answer: Tensor = self.denoiser()(
                hidden_states=noisy.to(self.dtype),
                timestep=s * 1000,
                encoder_hidden_states=cond.tensors["text"].to(self.dtype),
                pooled_projections=cond.tensors["pooled"].to(self.dtype),
                return_dict=False,
            )[0]
        return answer.float()
