"""Stable Diffusion XL: two CLIP encoders, a pooled text and the size of the picture beside it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zen_tui.families.cond import Cond
from zen_tui.families.sd15 import SD15


class SDXL(SD15):
    """A Stable Diffusion XL. No words at all are zeros to it, as it was trained."""

    name = "sdxl"
    models = {
        **SD15.models,
        "text_encoder_2": "transformers.CLIPTextModelWithProjection",
        "tokenizer_2": "transformers.CLIPTokenizer",
    }

    def encode_learning(self, prompts: Sequence[str]) -> Cond:
        texts: list[Tensor] = []
        pooled = torch.empty(0)
        for tokenizer, encoder in zip(self.tokenizers, self.encoders(), strict=True):
            tokens = tokenizer(
                list(prompts),
                padding="max_length",
                truncation=True,
                max_length=tokenizer.model_max_length,
                return_tensors="pt",
            )
            answer = encoder(tokens.input_ids.to(self.text_device), output_hidden_states=True)
            texts.append(answer.hidden_states[-2])
            pooled = answer[0]  # of the second encoder: the pooled and projected text
        cond = Cond({"text": torch.cat(texts, -1), "pooled": pooled})
        silent = [row for row, prompt in enumerate(prompts) if not prompt]
        if self.zeros_for_silence:
            for tensor in cond.tensors.values():
                tensor[silent] = 0
        return cond

    @property
    def zeros_for_silence(self) -> bool:
        """Whether this base takes zeros for an empty prompt; Stability's own does, some others do not."""
        return bool(self.index.get("force_zeros_for_empty_prompt", True))

    def predict(
        self, noisy: Tensor, s: Tensor, cond: Cond, size: tuple[int, int], guidance: Tensor | None = None
    ) -> Tensor:
        width, height = size
        # original size, corner of the crop, size wanted; rows before columns
        sizes = torch.tensor([[height, width, 0, 0, height, width]], device=noisy.device, dtype=self.dtype)
        added = {"text_embeds": cond.tensors["pooled"].to(self.dtype), "time_ids": sizes.expand(len(noisy), 6)}
        with self.autocast():
            answer: Tensor = self.denoiser()(
                noisy.to(self.dtype),
                s,
                cond.tensors["text"].to(self.dtype),
                added_cond_kwargs=added,
                return_dict=False,
            )[0]
        return answer.float()
