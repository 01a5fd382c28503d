"""FLUX.2 klein: text from three layers of Qwen3, latents of two by two patches normalised by batch statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zen_tui.families.cond import Cond
from zen_tui.families.transformer import TransformerFamily

LAYERS = (9, 18, 27)  # of Qwen3, as Flux2KleinPipeline has them; FLUX.2 dev takes 10, 20 and 30 of another model


class Flux2Klein(TransformerFamily):
    """A FLUX.2 klein, base or distilled."""

    name = "flux2-klein"
    own_sigmas = True
    models = {
        "transformer": "diffusers.Flux2Transformer2DModel",
        "vae": "diffusers.AutoencoderKLFlux2",
        "text_encoder": "transformers.Qwen3Model",
        "tokenizer": "transformers.Qwen2Tokenizer",
    }

    @property
    def distilled(self) -> bool:
        return not self.variant.trains

    @property
    def overhead(self) -> int:
        return self.words_before(self.chat)

    @property
    def shrink(self) -> int:
        return 2 * super().shrink

    @property
    def channels(self) -> int:
        return 4 * super().channels

    @property
    def multiple(self) -> int:
        return self.shrink  # the patches are in the latents already

    def chat(self, prompt: str) -> str:
        """`prompt` as something said to Qwen3."""
        said = [{"role": "user", "content": prompt}]
        chat: str = self.tokenizers[0].apply_chat_template(
            said, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        return chat

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Cond:
        ids, mask = self.read(0, [self.chat(prompt) for prompt in prompts], self.token_limit)
        answer = self.encoders()[0](input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False)
        return Cond({"text": torch.cat([answer.hidden_states[layer] for layer in LAYERS], dim=-1)})

    @torch.no_grad()
    def latents(self, pixels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        vae: Any = self.part("vae")
        posterior = vae.encode(pixels.to(self.device, torch.float32) * 2 - 1).latent_dist
        raw: Tensor = posterior.mode() if generator is None else posterior.sample(generator)
        count, channels, rows, columns = raw.shape
        patches = raw.view(count, channels, rows // 2, 2, columns // 2, 2).permute(0, 1, 3, 5, 2, 4)
        mean, deviation = self._statistics()
        return (patches.reshape(count, 4 * channels, rows // 2, columns // 2) - mean) / deviation

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        vae: Any = self.part("vae")
        mean, deviation = self._statistics()
        raw = latents.to(self.device, torch.float32) * deviation + mean
        count, channels, rows, columns = raw.shape
        patches = raw.view(count, channels // 4, 2, 2, rows, columns).permute(0, 1, 4, 2, 5, 3)
        pixels: Tensor = vae.decode(patches.reshape(count, channels // 4, 2 * rows, 2 * columns)).sample
        return (pixels / 2 + 0.5).clamp(0, 1)

    def mu(self, size: tuple[int, int], steps: int) -> float:
        return empirical_mu(self.tokens(size), steps)

    def is_guided(self, guidance: float) -> bool:
        return guidance > 1 and not self.distilled

    def predict(
        self, noisy: Tensor, s: Tensor, cond: Cond, size: tuple[int, int], guidance: Tensor | None = None
    ) -> Tensor:
        text = cond.tensors["text"].to(self.dtype)
        with self.autocast():
            answer: Tensor = self.denoiser()(
                hidden_states=noisy.to(self.dtype).flatten(2).transpose(1, 2),
                timestep=s,
                encoder_hidden_states=text,
                txt_ids=_grid((1, 1, 1, text.shape[1]), noisy.device),
                img_ids=_grid((1, *noisy.shape[2:], 1), noisy.device),
                return_dict=False,
            )[0]
        return answer.float().transpose(1, 2).reshape(noisy.shape)

    def _statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation of every channel of the patches, (1, 4C, 1, 1)."""
        vae: Any = self.part("vae")
        mean, variance = (part.view(1, -1, 1, 1) for part in (vae.bn.running_mean, vae.bn.running_var))
        return mean, (variance + vae.config.batch_norm_eps).sqrt()


def empirical_mu(tokens: int, steps: int) -> float:
    """The exponent of FLUX.2's shift: measured at 10 and at 200 steps, and a line between them over the steps.

    The numbers are those of diffusers' `compute_empirical_mu`, and so of Black Forest Labs' own sampler.
    """
    many = 0.00016927 * tokens + 0.45666666
    if tokens > 4300:
        return many
    few = 8.73809524e-05 * tokens + 1.89833333
    return few + (many - few) * (steps - 10) / 190


def _grid(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """The position of every token in time, row, column and text, (tokens, 4)."""
    return torch.cartesian_prod(*(torch.arange(length, device=device) for length in shape))
