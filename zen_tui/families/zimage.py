"""Z-Image: one stream of text and picture; its time runs backwards and its answer is negated."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zen_tui.families.cond import Cond
from zen_tui.families.transformer import TransformerFamily


class ZImage(TransformerFamily):
    """A Z-Image or Z-Image-Turbo. Texts keep their own length: 'mask' says how long each is."""

    name = "z-image"
    models = {
        "transformer": "diffusers.ZImageTransformer2DModel",
        "vae": "diffusers.AutoencoderKL",
        "text_encoder": "transformers.Qwen3Model",
        "tokenizer": "transformers.Qwen2Tokenizer",
    }

    @property
    def overhead(self) -> int:
        return self.words_before(self.chat)

    def chat(self, prompt: str) -> str:
        """`prompt` as something said to Qwen3, which may think before it answers."""
        said = [{"role": "user", "content": prompt}]
        chat: str = self.tokenizers[0].apply_chat_template(
            said, tokenize=False, add_generation_prompt=True, enable_thinking=True
        )
        return chat

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Cond:
        ids, mask = self.read(0, [self.chat(prompt) for prompt in prompts], self.token_limit)
        answer = self.encoders()[0](input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False)
        text = answer.hidden_states[-2]
        rows = [
            {"text": row[kept][None], "mask": kept[kept][None]}
            for row, kept in zip(text, mask.bool(), strict=True)
        ]
        return Cond.join([Cond(row) for row in rows])

    def is_guided(self, guidance: float) -> bool:
        return guidance > 0 and self.variant.trains  # Turbo was distilled with its guidance

    def guide(self, without: Tensor, with_prompt: Tensor, guidance: Tensor) -> Tensor:
        return with_prompt + guidance * (with_prompt - without)  # one more than others write it

    def predict(
        self, noisy: Tensor, s: Tensor, cond: Cond, size: tuple[int, int], guidance: Tensor | None = None
    ) -> Tensor:
        texts = cond.tensors["text"].to(self.dtype)
        with self.autocast():
            answers = self.denoiser()(
                list(noisy.to(self.dtype).unsqueeze(2)),
                1 - s,
                [text[kept] for text, kept in zip(texts, cond.tensors["mask"], strict=True)],
                return_dict=False,
            )[0]
        return -torch.stack([answer.float() for answer in answers]).squeeze(2)
