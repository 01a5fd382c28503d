"""One builder a family: the library's own pipeline around tiny models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffusers
import torch

from tests.tiny import text


def autoencoder(channels: int, blocks: tuple[int, ...], **changed: Any) -> Any:
    """A VAE that shrinks by 2 for every block but the first."""
    return diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * len(blocks),
        up_block_types=("UpDecoderBlock2D",) * len(blocks),
        block_out_channels=blocks,
        layers_per_block=1,
        latent_channels=channels,
        norm_num_groups=4,
        sample_size=64,
        **changed,
    ).eval()


def flux_autoencoder(channels: int = 16) -> Any:
    return autoencoder(
        channels,
        (8, 16),
        shift_factor=0.1159,
        scaling_factor=0.3611,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )


def flow(**changed: Any) -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(**changed)


def stable_diffusion(variant: str = "", prediction_type: str = "") -> Any:
    """Version 1, or 2 with its wider text and its velocity."""
    second = variant == "2"
    return diffusers.StableDiffusionPipeline(
        vae=autoencoder(4, (8, 16, 16)),
        text_encoder=text.clip(width=1024, hidden_act="gelu") if second else text.clip(),
        tokenizer=text.clip_tokenizer(),
        unet=diffusers.UNet2DConditionModel(
            sample_size=16,
            block_out_channels=(16, 32),
            layers_per_block=1,
            cross_attention_dim=1024 if second else 16,
            attention_head_dim=2,
            norm_num_groups=8,
            use_linear_projection=second,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        ),
        scheduler=diffusers.DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
            prediction_type=prediction_type or ("v_prediction" if second else "epsilon"),
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_xl(variant: str = "") -> Any:
    return diffusers.StableDiffusionXLPipeline(
        vae=autoencoder(4, (8, 16, 16)),
        text_encoder=text.clip(),
        text_encoder_2=text.clip(projected=True, hidden_act="gelu"),
        tokenizer=text.clip_tokenizer(),
        tokenizer_2=text.clip_tokenizer(),
        unet=diffusers.UNet2DConditionModel(
            sample_size=16,
            block_out_channels=(16, 32),
            layers_per_block=1,
            cross_attention_dim=32,
            attention_head_dim=(2, 4),
            norm_num_groups=8,
            use_linear_projection=True,
            transformer_layers_per_block=(1, 2),
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=16 + 6 * 8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        ),
        scheduler=diffusers.EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            steps_offset=1,
            timestep_spacing="leading",
        ),
    )


def flux2_klein(variant: str = "base") -> Any:
    transformer = diffusers.Flux2Transformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=48,
        timestep_guidance_channels=256,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )
    vae = diffusers.AutoencoderKLFlux2(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 8),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=64,
        use_quant_conv=False,
        use_post_quant_conv=False,
    ).eval()
    vae.bn.running_mean.normal_(0, 0.1)
    vae.bn.running_var.uniform_(0.5, 2.0)
    return diffusers.Flux2KleinPipeline(
        transformer=transformer,
        scheduler=flow(use_dynamic_shifting=True, shift=3.0),
        vae=vae,
        text_encoder=text.qwen3(28, causal=True),
        tokenizer=text.qwen_tokenizer(),
        is_distilled=variant == "distilled",
    )


def z_image(variant: str = "") -> Any:
    transformer = diffusers.ZImageTransformer2DModel(
        all_patch_size=(2,),
        all_f_patch_size=(1,),
        in_channels=16,
        dim=32,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=16,
        axes_dims=[8, 4, 4],
        axes_lens=[1024, 64, 64],
    )
    with torch.no_grad():
        for pad in (transformer.x_pad_token, transformer.cap_pad_token):  # the library leaves them unset
            pad.fill_(0.1)
    return diffusers.ZImagePipeline(
        transformer=transformer,
        scheduler=flow(shift=3.0 if variant == "turbo" else 6.0),
        vae=autoencoder(16, (8, 16), scaling_factor=0.3611, shift_factor=0.1159),
        text_encoder=text.qwen3(3, causal=False),
        tokenizer=text.qwen_tokenizer(),
    )


def flux1(variant: str = "dev") -> Any:
    dev = variant != "schnell"
    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=1,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=16,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=dev,
    )
    return diffusers.FluxPipeline(
        transformer=transformer,
        scheduler=flow(use_dynamic_shifting=dev, shift=3.0 if dev else 1.0),
        vae=flux_autoencoder(),
        text_encoder=text.clip(),
        tokenizer=text.clip_tokenizer(),
        text_encoder_2=text.t5(),
        tokenizer_2=text.t5_tokenizer(),
    )


def chroma(variant: str = "") -> Any:
    transformer = diffusers.ChromaTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=1,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        axes_dims_rope=(4, 4, 8),
        approximator_num_channels=8,
        approximator_hidden_dim=32,
        approximator_layers=1,
    )
    return diffusers.ChromaPipeline(
        transformer=transformer,
        scheduler=flow(use_beta_sigmas=False),
        vae=flux_autoencoder(),
        text_encoder=text.t5(),
        tokenizer=text.t5_tokenizer(),
    )


def stable_diffusion_35(variant: str = "") -> Any:
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=32,
        patch_size=2,
        in_channels=16,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=32,
        joint_attention_dim=64,
        pooled_projection_dim=32,
        out_channels=16,
        pos_embed_max_size=32,
        dual_attention_layers=(0,),
        qk_norm="rms_norm",
    )
    return diffusers.StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=flow(shift=3.0),
        vae=autoencoder(
            16,
            (8, 16),
            shift_factor=0.0609,
            scaling_factor=1.5305,
            use_quant_conv=False,
            use_post_quant_conv=False,
        ),
        text_encoder=text.clip(projected=True),
        tokenizer=text.clip_tokenizer(),
        text_encoder_2=text.clip(projected=True, hidden_act="gelu"),
        tokenizer_2=text.clip_tokenizer(),
        text_encoder_3=text.t5(64),
        tokenizer_3=text.t5_tokenizer(),
    )


def qwen_image(variant: str = "") -> Any:
    channels = 4
    transformer = diffusers.QwenImageTransformer2DModel(
        patch_size=2,
        in_channels=4 * channels,
        out_channels=channels,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        axes_dims_rope=(8, 4, 4),
    )
    vae = diffusers.AutoencoderKLQwenImage(
        base_dim=24,
        z_dim=channels,
        dim_mult=[1, 2, 4],
        num_res_blocks=1,
        temperal_downsample=[False, True],
        latents_mean=[0.1, -0.2, 0.0, 0.3],
        latents_std=[1.3, 0.8, 1.0, 2.0],
    ).eval()
    return diffusers.QwenImagePipeline(
        transformer=transformer,
        scheduler=flow(use_dynamic_shifting=True, base_shift=0.5, max_shift=0.9, shift_terminal=0.02),
        vae=vae,
        text_encoder=text.qwen25_vl(),
        tokenizer=text.qwen_tokenizer(),
    )


BUILDERS: dict[str, Callable[[str], Any]] = {
    "sd15": stable_diffusion,
    "sdxl": stable_diffusion_xl,
    "flux2-klein": flux2_klein,
    "z-image": z_image,
    "flux1": flux1,
    "chroma": chroma,
    "sd35": stable_diffusion_35,
    "qwen-image": qwen_image,
}
