"""The built-in base: Stable Diffusion 1's layout, small enough to be trained on a laptop's processor."""

from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn

WEIGHTS = Path(__file__).parent / "weights"


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of the three networks. The defaults are those of the weights that travel with Zen."""

    picture: int = 128
    vae: tuple[int, ...] = (16, 32, 64, 128)
    vae_groups: int = 1  # more groups would norm away the colours of so few channels
    unet: tuple[int, ...] = (128, 192, 256)
    unet_heads: tuple[int, ...] = (2, 3, 4)
    unet_groups: int = 32
    text_width: int = 256
    text_layers: int = 3
    text_heads: int = 4


def make_vae(shape: Shape) -> Any:
    """AutoencoderKL with a level per entry of `shape.vae`: 4 latent channels at an eighth of the side."""
    from diffusers import AutoencoderKL

    levels = len(shape.vae)
    return AutoencoderKL(
        block_out_channels=shape.vae,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=shape.vae_groups,
        sample_size=shape.picture,
        mid_block_add_attention=False,
        scaling_factor=1.0,  # the recipe folds the measured one into the weights
    )


def make_unet(shape: Shape) -> Any:
    """UNet2DConditionModel with cross-attention at the second level and in the middle, where it is cheap."""
    from diffusers import UNet2DConditionModel

    inner = len(shape.unet) - 2
    return UNet2DConditionModel(
        sample_size=shape.picture // 8,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=shape.unet,
        attention_head_dim=shape.unet_heads,  # how many heads; diffusers keeps the misnomer
        norm_num_groups=shape.unet_groups,
        cross_attention_dim=shape.text_width,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", *("DownBlock2D",) * inner),
        up_block_types=(*("UpBlock2D",) * inner, "CrossAttnUpBlock2D", "UpBlock2D"),
    )


def make_text_encoder(shape: Shape, tokenizer: Any) -> Any:
    """CLIPTextModel for this tokenizer."""
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.text_width,
        intermediate_size=3 * shape.text_width,
        num_hidden_layers=shape.text_layers,
        num_attention_heads=shape.text_heads,
        max_position_embeddings=tokenizer.model_max_length,
        projection_dim=shape.text_width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def make_scheduler() -> Any:
    """Stable Diffusion's noise levels, with v-prediction (Salimans and Ho, 2022)."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="trailing",
    )


def make_pipeline(vae: Any, unet: Any, text_encoder: Any, tokenizer: Any) -> Any:
    """A StableDiffusionPipeline of these parts, without a safety checker: it can draw nothing but mannequins."""
    from diffusers import StableDiffusionPipeline

    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=make_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def load_pipeline(folder: Path = WEIGHTS, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Any:
    """The built-in base, from files on this machine only.

    Raises:
        OSError: the folder is missing or incomplete.
    """
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(str(folder), local_files_only=True, dtype=dtype)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def size_of(*models: nn.Module) -> int:
    """How many numbers these models have."""
    return sum(p.numel() for model in models for p in model.parameters())
