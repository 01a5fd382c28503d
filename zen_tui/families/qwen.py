"""Qwen-Image: text from Qwen2.5-VL without its template, latents of a video VAE with one frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zen_tui.families.cond import Cond
from zen_tui.families.transformer import TransformerFamily, pack, unpack

# the words the model was trained under; their tokens are taken off the text
BEFORE = (
    "<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, quantity, text, "
    "spatial relationships of the objects and background:<|im_end|>\n<|im_start|>user\n"
)
AFTER = "<|im_end|>\n<|im_start|>assistant\n"
TAKEN_OFF = 34  # tokens of BEFORE in Qwen's vocabulary
READ = 1024  # tokens that the encoder is given after those


class QwenImage(TransformerFamily):
    """A Qwen-Image. Texts keep their own length: 'mask' says how long each is."""

    name = "qwen-image"
    models = {
        "transformer": "diffusers.QwenImageTransformer2DModel",
        "vae": "diffusers.AutoencoderKLQwenImage",
        "text_encoder": "transformers.Qwen2_5_VLForConditionalGeneration",
        "tokenizer": "transformers.Qwen2Tokenizer",
    }

    @property
    def overhead(self) -> int:
        return 0  # the limit counts what follows BEFORE

    @property
    def shrink(self) -> int:
        return int(2 ** len(self.config("vae")["temperal_downsample"]))

    @property
    def channels(self) -> int:
        return int(self.config("vae")["z_dim"])

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Cond:
        rows = []
        for prompt in prompts:  # one by one, so that none is filled up
            tokens = self.tokenizers[0](
                BEFORE + prompt + AFTER, truncation=True, max_length=READ + TAKEN_OFF, return_tensors="pt"
            ).to(self.text_device)
            model: Any = self.encoders()[0].model
            answer = model(
                input_ids=tokens.input_ids,
                attention_mask=tokens.attention_mask,
                output_hidden_states=True,
                use_cache=False,
            )
            text = answer.hidden_states[-1][:, TAKEN_OFF : TAKEN_OFF + self.token_limit]
            rows.append(
                Cond({"text": text, "mask": torch.ones(text.shape[:2], dtype=torch.bool, device=text.device)})
            )
        return Cond.join(rows)

    @torch.no_grad()
    def latents(self, pixels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        vae: Any = self.part("vae")
        posterior = vae.encode((pixels.to(self.device, torch.float32) * 2 - 1).unsqueeze(2)).latent_dist
        raw: Tensor = posterior.mode() if generator is None else posterior.sample(generator)
        mean, deviation = self._statistics()
        return (raw.squeeze(2) - mean) / deviation

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        vae: Any = self.part("vae")
        mean, deviation = self._statistics()
        raw = latents.to(self.device, torch.float32) * deviation + mean
        pixels: Tensor = vae.decode(raw.unsqueeze(2)).sample.squeeze(2)
        return (pixels / 2 + 0.5).clamp(0, 1)

    def guide(self, without: Tensor, with_prompt: Tensor, guidance: Tensor) -> Tensor:
        """Guided, then every token brought back to the length it had with the prompt alone."""
        wanted, guided = pack(with_prompt), pack(super().guide(without, with_prompt, guidance))
        scaled = guided * (wanted.norm(dim=-1, keepdim=True) / guided.norm(dim=-1, keepdim=True))
        return unpack(scaled, with_prompt.shape)

    def predict(
        self, noisy: Tensor, s: Tensor, cond: Cond, size: tuple[int, int], guidance: Tensor | None = None
    ) -> Tensor:
        longest = int(cond.tensors["mask"].sum(1).max())
        text, mask = cond.tensors["text"][:, :longest], cond.tensors["mask"][:, :longest]
        with self.autocast():
            answer: Tensor = self.denoiser()(
                hidden_states=pack(noisy.to(self.dtype)),
                timestep=s,
                encoder_hidden_states=text.to(self.dtype),
                encoder_hidden_states_mask=None if mask.all() else mask,
                img_shapes=[[(1, noisy.shape[2] // 2, noisy.shape[3] // 2)]] * len(noisy),
                return_dict=False,
            )[0]
        return unpack(answer.float(), noisy.shape)

    def _statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation of every channel of the latents, (1, C, 1, 1)."""
        settings = self.config("vae")
        mean, deviation = (
            torch.tensor(settings[name], device=self.device).view(1, -1, 1, 1)
            for name in ("latents_mean", "latents_std")
        )
        return mean, deviation
