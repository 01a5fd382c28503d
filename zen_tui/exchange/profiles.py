"""What is known of each family before any file is read: names, parts, licence, settings, layers a LoRA learns.

Data, not code; without torch. The class that runs a family lies in `zen_tui.families`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from zen_tui.library.errors import Refused
from zen_tui.library.records import Base


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of a family's bases.

    `generate` holds what drawing with it wants: steps, guidance and scheduler. `refusal` says why it cannot
    be trained, '' if it can, and `train_on` names the base to train instead.
    """

    title: str
    licence: str
    licence_note: str
    generate: dict[str, Any]
    refusal: str = ""
    train_on: str = ""

    @property
    def trains(self) -> bool:
        return not self.refusal


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A family.

    `denoiser`, `vae`, `text_encoders` and `tokenizers` name the sub-folders of a diffusers folder, of which
    `pipeline` is the class. Widths and heights are multiples of `multiple` pixels: what the VAE shrinks by,
    times `patch`, the side of the denoiser's patches. `targets` is one regex a preset over the full names of
    the denoiser's layers, as PEFT takes it. `modelspec` is the architecture in an adapter's header. `flows`
    says whether the denoiser learned a straight line from picture to noise, and not noise by steps.
    """

    title: str
    pipeline: str
    denoiser: str = "transformer"
    vae: str = "vae"
    text_encoders: tuple[str, ...]
    tokenizers: tuple[str, ...]
    multiple: int = 16
    patch: int = 2
    resolution: int = 1024
    token_limit: int
    modelspec: str
    flows: bool = True
    train: dict[str, Any]
    targets: dict[str, str]
    variants: dict[str, Variant]

    def variant(self, name: str) -> Variant:
        """The variant of that name, or the first, which is the one to train."""
        return self.variants.get(name) or next(iter(self.variants.values()))


_RAIL = "Free to use, also to earn money with; it forbids certain harmful uses, and so must what you pass on."
_APACHE = "Free to use, change and pass on, also to earn money with."
_STABILITY = "Free for people and companies that earn less than one million US dollars a year."
_KLEIN = "The 4B model is free to use, change and pass on, also to earn money with; the 9B model is not."
_DEV = "The model and what you train from it may not be used to earn money; pictures may, within its terms."
_FEW_STEPS = "it was distilled to draw in a few steps, and training it takes that away"

_BLOCKS = r"(down_blocks|up_blocks|mid_block)\..*"
_ATTENTION = r"attn[12]\.(to_q|to_k|to_v|to_out\.0)"
_FEED_FORWARD = r"ff\.net\.(0\.proj|2)"
_RESIDUAL = r"resnets\.\d+\.(conv1|conv2|conv_shortcut|time_emb_proj)"
_UNET = {
    "attn": f"{_BLOCKS}{_ATTENTION}",
    "attn+mlp": f"{_BLOCKS}({_ATTENTION}|{_FEED_FORWARD})",
    "all": f"{_BLOCKS}({_ATTENTION}|{_FEED_FORWARD}|proj_in|proj_out|{_RESIDUAL})",
}

_BOTH = r"attn2?\.(to_q|to_k|to_v|to_out\.0|add_q_proj|add_k_proj|add_v_proj|to_add_out)"
_BOTH_FEED_FORWARD = r"(ff|ff_context)\.net\.(0\.proj|2)"


def _layers(attention: str, feed_forward: str) -> dict[str, str]:
    """Presets of a transformer; beyond attention and MLP there are only embeddings and modulation."""
    both = f"{attention}|{feed_forward}"
    return {"attn": attention, "attn+mlp": both, "all": both}


_FLUX1 = _layers(
    rf"transformer_blocks\.\d+\.{_BOTH}|single_transformer_blocks\.\d+\.attn\.(to_q|to_k|to_v)",
    rf"transformer_blocks\.\d+\.{_BOTH_FEED_FORWARD}|single_transformer_blocks\.\d+\.(proj_mlp|proj_out)",
)
# a single block of FLUX.2 has attention and MLP in one matrix
_FLUX2 = _layers(
    rf"transformer_blocks\.\d+\.{_BOTH}|single_transformer_blocks\.\d+\.attn\.(to_qkv_mlp_proj|to_out)",
    r"transformer_blocks\.\d+\.(ff|ff_context)\.linear_(in|out)",
)
_Z_BLOCKS = r"(layers|noise_refiner|context_refiner)\.\d+"

_TRAIN = {"steps": 1000, "learning_rate": 1e-4, "rank": 16, "alpha": 16.0, "batch_size": 1}
_TRAIN_BIG = {**_TRAIN, "steps": 1500, "resolution": 768}


def _drawing(steps: int, guidance: float) -> dict[str, Any]:
    return {"steps": steps, "guidance": guidance, "scheduler": "default"}


PROFILES: dict[str, Profile] = {
    "sd15": Profile(
        title="Stable Diffusion 1",
        pipeline="StableDiffusionPipeline",
        denoiser="unet",
        flows=False,
        text_encoders=("text_encoder",),
        tokenizers=("tokenizer",),
        multiple=8,
        patch=1,
        resolution=512,
        token_limit=77,
        modelspec="stable-diffusion-v1/lora",
        train=_TRAIN,
        targets=_UNET,
        variants={
            "": Variant(
                title="Stable Diffusion 1",
                licence="CreativeML OpenRAIL-M",
                licence_note=_RAIL,
                generate=_drawing(25, 7.0),
            ),
            "2": Variant(
                title="Stable Diffusion 2",
                licence="CreativeML OpenRAIL++-M",
                licence_note=_RAIL,
                generate=_drawing(25, 7.0),
            ),
        },
    ),
    "sdxl": Profile(
        title="Stable Diffusion XL",
        pipeline="StableDiffusionXLPipeline",
        denoiser="unet",
        flows=False,
        text_encoders=("text_encoder", "text_encoder_2"),
        tokenizers=("tokenizer", "tokenizer_2"),
        multiple=8,
        patch=1,
        token_limit=77,
        modelspec="stable-diffusion-xl-v1-base/lora",
        train=_TRAIN,
        targets=_UNET,
        variants={
            "": Variant(
                title="Stable Diffusion XL",
                licence="CreativeML OpenRAIL++-M",
                licence_note=_RAIL,
                generate=_drawing(30, 5.0),
            ),
        },
    ),
    "flux2-klein": Profile(
        title="FLUX.2 klein",
        pipeline="Flux2KleinPipeline",
        text_encoders=("text_encoder",),
        tokenizers=("tokenizer",),
        token_limit=512,
        modelspec="Flux.2-klein-4b/lora",
        train=_TRAIN_BIG,
        targets=_FLUX2,
        variants={
            "base": Variant(
                title="FLUX.2 klein base",
                licence="Apache 2.0 (4B); FLUX Non-Commercial License (9B)",
                licence_note=_KLEIN,
                generate=_drawing(50, 4.0),
            ),
            "distilled": Variant(
                title="FLUX.2 klein",
                licence="Apache 2.0 (4B); FLUX Non-Commercial License (9B)",
                licence_note=_KLEIN,
                generate=_drawing(4, 1.0),
                refusal=_FEW_STEPS,
                train_on="FLUX.2-klein-base-4B (or 9B, where this is a 9B model)",
            ),
        },
    ),
    "z-image": Profile(
        title="Z-Image",
        pipeline="ZImagePipeline",
        text_encoders=("text_encoder",),
        tokenizers=("tokenizer",),
        token_limit=512,
        modelspec="Z-Image/lora",
        train=_TRAIN_BIG,
        targets=_layers(
            rf"{_Z_BLOCKS}\.attention\.(to_q|to_k|to_v|to_out\.0)", rf"{_Z_BLOCKS}\.feed_forward\.w[123]"
        ),
        variants={
            "": Variant(title="Z-Image", licence="Apache 2.0", licence_note=_APACHE, generate=_drawing(50, 5.0)),
            "turbo": Variant(
                title="Z-Image-Turbo",
                licence="Apache 2.0",
                licence_note=_APACHE,
                generate=_drawing(9, 0.0),
                refusal=_FEW_STEPS,
                train_on="Z-Image",
            ),
        },
    ),
    "flux1": Profile(
        title="FLUX.1",
        pipeline="FluxPipeline",
        text_encoders=("text_encoder", "text_encoder_2"),
        tokenizers=("tokenizer", "tokenizer_2"),
        token_limit=512,
        modelspec="flux-1-dev/lora",
        train=_TRAIN_BIG,
        targets=_FLUX1,
        variants={
            "dev": Variant(
                title="FLUX.1 dev",
                licence="FLUX.1 [dev] Non-Commercial License",
                licence_note=_DEV,
                generate=_drawing(28, 3.5),
            ),
            "schnell": Variant(
                title="FLUX.1 schnell",
                licence="Apache 2.0",
                licence_note=_APACHE,
                generate=_drawing(4, 0.0),
                refusal=_FEW_STEPS,
                train_on="FLUX.1-dev",
            ),
        },
    ),
    "chroma": Profile(
        title="Chroma",
        pipeline="ChromaPipeline",
        text_encoders=("text_encoder",),
        tokenizers=("tokenizer",),
        token_limit=512,
        modelspec="chroma/lora",
        train=_TRAIN_BIG,
        targets=_FLUX1,
        variants={
            "": Variant(title="Chroma", licence="Apache 2.0", licence_note=_APACHE, generate=_drawing(35, 5.0))
        },
    ),
    "sd35": Profile(
        title="Stable Diffusion 3.5",
        pipeline="StableDiffusion3Pipeline",
        text_encoders=("text_encoder", "text_encoder_2", "text_encoder_3"),
        tokenizers=("tokenizer", "tokenizer_2", "tokenizer_3"),
        token_limit=256,
        modelspec="stable-diffusion-v3.5/lora",
        train=_TRAIN_BIG,
        targets=_layers(rf"transformer_blocks\.\d+\.{_BOTH}", rf"transformer_blocks\.\d+\.{_BOTH_FEED_FORWARD}"),
        variants={
            "": Variant(
                title="Stable Diffusion 3.5",
                licence="Stability AI Community License",
                licence_note=_STABILITY,
                generate=_drawing(28, 7.0),
            ),
            "turbo": Variant(
                title="Stable Diffusion 3.5 Large Turbo",
                licence="Stability AI Community License",
                licence_note=_STABILITY,
                generate=_drawing(4, 0.0),
                refusal=_FEW_STEPS,
                train_on="Stable Diffusion 3.5 Large",
            ),
        },
    ),
    "qwen-image": Profile(
        title="Qwen-Image",
        pipeline="QwenImagePipeline",
        text_encoders=("text_encoder",),
        tokenizers=("tokenizer",),
        token_limit=512,
        modelspec="qwen-image/lora",
        train=_TRAIN_BIG,
        targets=_layers(
            rf"transformer_blocks\.\d+\.{_BOTH}", r"transformer_blocks\.\d+\.(img_mlp|txt_mlp)\.net\.(0\.proj|2)"
        ),
        variants={
            "": Variant(title="Qwen-Image", licence="Apache 2.0", licence_note=_APACHE, generate=_drawing(50, 4.0))
        },
    ),
}
"""By `Base.family`, in the order in which they were taken up."""


def variant_of(base: Base) -> Variant:
    """What is known of bases like `base`. Raises `Refused` when it is of no family that Zen runs."""
    if base.family not in PROFILES:
        raise Refused(
            f"{base.slug} is a {base.family} base, which is not supported yet.",
            f"Bases that work: {', '.join(PROFILES)}.",
        )
    return PROFILES[base.family].variant(base.variant)


def require_trainable(base: Base) -> None:
    """Raise `Refused`, with the reason and the base to take instead, if `base` must not be trained."""
    variant = variant_of(base)
    if not variant.trains:
        raise Refused(
            f"{base.slug} is {variant.title}, which cannot be trained: {variant.refusal}.",
            f"Train {variant.train_on} instead. What is learned there also works when you draw with {base.slug}.",
        )


def licence_of(base: Base) -> tuple[str, str]:
    """The name of the licence of `base`, and what it means; '' where its own files name another than is known."""
    variant = variant_of(base)
    own = str(base.facts.get("licence", ""))
    return (own, "") if own and own != variant.licence else (variant.licence, variant.licence_note)
