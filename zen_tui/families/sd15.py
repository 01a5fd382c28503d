"""Stable Diffusion 1: a UNet with cross-attention on CLIP text, latents from an 8x autoencoder.

Reads the folder that `StableDiffusionPipeline.save_pretrained` writes, one part at a time, safetensors only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from zen_tui.exchange.layers import TARGETS
from zen_tui.families import lora_file, schedulers
from zen_tui.families.base import Cond, Family, Part
from zen_tui.families.epsilon import Epsilon


class SD15(Family):
    """A Stable Diffusion 1 checkpoint that predicts noise or velocity."""

    name = "sd15"
    targets = TARGETS["sd15"]

    @property
    def token_limit(self) -> int:
        return int(self.tokenizer.model_max_length)

    @property
    def multiple(self) -> int:
        return int(2 ** (len(self._vae_config["block_out_channels"]) - 1))

    def cut_text(self, prompt: str) -> str:
        words = self.tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        offsets = words["offset_mapping"][self.token_limit - 2 :]  # two are taken by start and end
        return prompt[offsets[0][0] :].strip() if offsets else ""

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Cond:
        encoder: Any = self.part("text")
        tokens = self.tokenizer(
            list(prompts), padding="max_length", truncation=True, max_length=self.token_limit, return_tensors="pt"
        )
        mask = tokens.attention_mask.to(self.device) if _uses_mask(encoder) else None
        return Cond({"text": encoder(tokens.input_ids.to(self.device), attention_mask=mask)[0]})

    @torch.no_grad()
    def latents(self, pixels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        vae: Any = self.part("vae")
        posterior = vae.encode(pixels.to(self.device, torch.float32) * 2 - 1).latent_dist
        latents: Tensor = posterior.mode() if generator is None else posterior.sample(generator)
        shifted: Tensor = latents - (vae.config.get("shift_factor") or 0.0)
        return shifted * float(vae.config.scaling_factor)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        vae: Any = self.part("vae")
        raw = latents.to(self.device, torch.float32) / vae.config.scaling_factor
        pixels: Tensor = vae.decode(raw + (vae.config.get("shift_factor") or 0.0)).sample
        return (pixels / 2 + 0.5).clamp(0, 1)

    def latent_shape(self, width: int, height: int) -> tuple[int, int, int]:
        return int(self._vae_config["latent_channels"]), height // self.multiple, width // self.multiple

    def objective(self, min_snr_gamma: float = 0.0) -> Epsilon:
        scheduler = schedulers.build(self.folder / "scheduler", "ddim")
        return Epsilon(scheduler.alphas_cumprod, scheduler.config.prediction_type, min_snr_gamma)

    def predict(self, noisy: Tensor, s: Tensor, cond: Cond, size: tuple[int, int]) -> Tensor:
        with self.autocast():
            answer: Tensor = self.denoiser()(
                noisy.to(self.dtype), s, cond.tensors["text"].to(self.dtype), return_dict=False
            )[0]
        return answer.float()

    def scheduler(self, name: str = "default") -> Any:
        return schedulers.build(self.folder / "scheduler", name)

    def save_adapter(self, path: Path, weights: dict[str, Tensor], config: dict[str, Any], trigger: str) -> None:
        lora_file.write(path, "unet", weights, config, trigger, architecture="stable-diffusion-v1/lora")

    def attach(self, path: Path, name: str) -> int:
        lora = lora_file.read(path)
        parts: dict[str, Part] = {"unet": "denoiser"}
        if lora.touches("text_encoder"):
            parts["text_encoder"] = "text"
        lora_file.check(lora, {prefix: self.part(part) for prefix, part in parts.items()})

        def apply(part: Part, module: nn.Module) -> int:
            prefixes = [prefix for prefix, its_part in parts.items() if its_part == part]
            return sum(lora_file.apply(lora, prefix, module, name) for prefix in prefixes)

        try:
            count = sum(apply(part, module) for part, module in self._parts.items())
        except Exception:
            self.release("denoiser", "text")  # half an adapter may hang on them
            raise
        self._on_load[name] = apply
        for part in self._parts:
            self._activate(part)  # a freshly loaded adapter must not act before it is named
        return count

    @cached_property
    def tokenizer(self) -> Any:
        from transformers import CLIPTokenizer

        return CLIPTokenizer.from_pretrained(str(self.folder / "tokenizer"), local_files_only=True)

    @cached_property
    def _vae_config(self) -> dict[str, Any]:
        return msgspec.json.decode((self.folder / "vae" / "config.json").read_bytes(), type=dict[str, Any])

    def _load(self, part: Part) -> nn.Module:
        from diffusers import AutoencoderKL, UNet2DConditionModel
        from transformers import CLIPTextModel

        kind, subfolder, dtype = {
            "text": (CLIPTextModel, "text_encoder", torch.float32),
            "vae": (AutoencoderKL, "vae", torch.float32),
            "denoiser": (UNet2DConditionModel, "unet", self.dtype),
        }[part]
        folder = self.folder / subfolder
        module: nn.Module = kind.from_pretrained(
            str(folder), dtype=dtype, local_files_only=True, use_safetensors=True, variant=_variant(folder)
        )
        return module.to(self.device).requires_grad_(False).eval()


def _uses_mask(encoder: Any) -> bool:
    return bool(getattr(encoder.config, "use_attention_mask", False))


def _variant(folder: Path) -> str | None:
    """'fp16' when the folder holds only half-precision weights under that name."""
    files = [path.name for path in folder.glob("*.safetensors")]
    return "fp16" if files and all(".fp16." in name for name in files) else None
