"""FLUX.1: text from T5, a pooled text from CLIP, and (dev) the guidance told to the denoiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zen_tui.families.cond import Cond
from zen_tui.families.transformer import TransformerFamily, pack, unpack

TRAINED_AT = 1.0  # guidance while training; the default of drawing, 3.5, would be learned as if it were none


class Flux1(TransformerFamily):
    """A FLUX.1 dev or schnell."""

    name = "flux1"
    own_sigmas = True
    models = {
        "transformer": "diffusers.FluxTransformer2DModel",
        "vae": "diffusers.AutoencoderKL",
        "text_encoder": "transformers.CLIPTextModel",
        "tokenizer": "transformers.CLIPTokenizer",
        "text_encoder_2": "transformers.T5EncoderModel",
        "tokenizer_2": "transformers.T5Tokenizer",
    }

    @property
    def overhead(self) -> int:
        return 1

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Cond:
        clip, t5 = self.encoders()
        ids, _ = self.read(0, prompts, int(self.tokenizers[0].model_max_length))
        pooled = clip(ids).pooler_output
        ids, _ = self.read(1, prompts, self.token_limit)
        return Cond({"text": t5(ids)[0], "pooled": pooled})

    def is_guided(self, guidance: float) -> bool:
        return False

    def predict(
        self, noisy: Tensor, s: Tensor, cond: Cond, size: tuple[int, int], guidance: Tensor | None = None
    ) -> Tensor:
        extra: dict[str, Any] = {"pooled_projections": cond.tensors["pooled"].to(self.dtype)}
        if self.guidance_embeds:
            extra["guidance"] = torch.full_like(s, TRAINED_AT) if guidance is None else guidance
        return self.ask(noisy, s, cond, extra)

    @property
    def guidance_embeds(self) -> bool:
        """Whether the denoiser is told the guidance."""
        return bool(self.config("transformer").get("guidance_embeds", False))

    def ask(self, noisy: Tensor, s: Tensor, cond: Cond, extra: dict[str, Any]) -> Tensor:
        """The denoiser's answer, with arguments of its own."""
        text = cond.tensors["text"].to(self.dtype)
        rows, columns = noisy.shape[2] // 2, noisy.shape[3] // 2
        places = torch.cartesian_prod(torch.zeros(1), torch.arange(rows).float(), torch.arange(columns).float())
        with self.autocast():
            answer: Tensor = self.denoiser()(
                hidden_states=pack(noisy.to(self.dtype)),
                timestep=s,
                encoder_hidden_states=text,
                txt_ids=torch.zeros(text.shape[1], 3, device=noisy.device),
                img_ids=places.to(noisy.device),
                return_dict=False,
                **extra,
            )[0]
        return unpack(answer.float(), noisy.shape)
