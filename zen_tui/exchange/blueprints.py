"""What a single-file checkpoint needs to become a base, and what of it travels with Zen.

A file holds weights alone. Its settings, scheduler and tokenizers are taken from `configs/`, whose numbers
are those of the models' public configurations; its other models come from the file itself, from files that lie
where ComfyUI keeps them, or from files that are named.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from zen_tui.library.text import clean

CONFIGS = Path(__file__).parent / "configs"


class Need(msgspec.Struct, frozen=True):
    """A model that belongs to a base: the kinds of pieces that fit, its settings, what its file is usually called.

    `told_by` is a pattern that the file's name must match where the tensors alone do not tell which VAE it is.
    """

    kinds: tuple[str, ...]
    config: str
    title: str
    usually: str
    told_by: str = ""


class Blueprint(msgspec.Struct, frozen=True, kw_only=True):
    """How a denoiser of one kind is completed. `needs` and `tokenizers` are keyed by sub-folder."""

    family: str
    variant: str = ""
    title: str
    config: str
    scheduler: str
    needs: dict[str, Need]
    tokenizers: dict[str, str]
    prediction_type: str = "flow"


class Choice(msgspec.Struct, frozen=True):
    """One variant that the tensors do not tell from another: what it is called with `--variant`, and in names."""

    option: str
    told_by: str
    blueprint: Blueprint


_CLIP_L = Need(("clip-l",), "texts/clip-l", "the text encoder CLIP-L", "clip_l.safetensors")
_CLIP_G = Need(("clip-g", "open-clip-g"), "texts/clip-g", "the text encoder OpenCLIP-bigG", "clip_g.safetensors")
_CLIP_H = Need(("open-clip-h", "clip-h"), "texts/clip-h", "the text encoder OpenCLIP-H", "clip_h.safetensors")
_T5 = Need(("t5-xxl",), "texts/t5-xxl", "the text encoder T5-XXL", "t5xxl_fp16.safetensors")
_QWEN3 = Need(("qwen3-4b",), "texts/qwen3-4b", "the text encoder Qwen3-4B", "qwen_3_4b.safetensors")
_QWEN3_8B = Need(("qwen3-8b",), "texts/qwen3-8b", "the text encoder Qwen3-8B", "qwen_3_8b.safetensors")
_QWEN_VL = Need(
    ("qwen2.5-vl-7b",), "texts/qwen2.5-vl-7b", "the text encoder Qwen2.5-VL-7B", "qwen_2.5_vl_7b.safetensors"
)

_VAE_1 = Need(("vae-4",), "vaes/sd", "its VAE", "vae-ft-mse-840000-ema-pruned.safetensors", r"(?!.*xl)")
_VAE_2 = Need(("vae-4",), "vaes/sd2", "its VAE", "vae-ft-mse-840000-ema-pruned.safetensors", r"(?!.*xl)")
_VAE_XL = Need(("vae-4",), "vaes/sdxl", "its VAE", "sdxl_vae.safetensors", r".*xl")
_VAE_FLUX = Need(("vae-16",), "vaes/flux1", "the VAE of FLUX.1", "ae.safetensors", r"(?!.*sd3)")
_VAE_3 = Need(("vae-16",), "vaes/sd3", "the VAE of Stable Diffusion 3", "sd3_vae.safetensors", r".*sd3")
_VAE_FLUX2 = Need(("vae-flux2",), "vaes/flux2", "the VAE of FLUX.2", "flux2-vae.safetensors")
_VAE_QWEN = Need(
    ("vae-qwen",), "vaes/qwen-image", "the VAE of Qwen-Image", "qwen_image_vae.safetensors", r".*qwen"
)

_SD15 = Blueprint(
    family="sd15",
    title="Stable Diffusion 1",
    config="denoisers/sd15",
    scheduler="schedulers/sd",
    needs={"vae": _VAE_1, "text_encoder": _CLIP_L},
    tokenizers={"tokenizer": "tokenizers/clip"},
    prediction_type="epsilon",
)
_SD2 = Blueprint(
    family="sd15",
    variant="2",
    title="Stable Diffusion 2",
    config="denoisers/sd2",
    scheduler="schedulers/sd",
    needs={"vae": _VAE_2, "text_encoder": _CLIP_H},
    tokenizers={"tokenizer": "tokenizers/clip-0"},
    prediction_type="epsilon",
)
_SD2_V = msgspec.structs.replace(
    _SD2, config="denoisers/sd2-v", scheduler="schedulers/sd-v", prediction_type="v_prediction"
)
_SDXL = Blueprint(
    family="sdxl",
    title="Stable Diffusion XL",
    config="denoisers/sdxl",
    scheduler="schedulers/sdxl",
    needs={"vae": _VAE_XL, "text_encoder": _CLIP_L, "text_encoder_2": _CLIP_G},
    tokenizers={"tokenizer": "tokenizers/clip", "tokenizer_2": "tokenizers/clip-0"},
    prediction_type="epsilon",
)
_SDXL_V = msgspec.structs.replace(_SDXL, scheduler="schedulers/sdxl-v", prediction_type="v_prediction")
_FLUX1 = Blueprint(
    family="flux1",
    variant="dev",
    title="FLUX.1 dev",
    config="denoisers/flux1-dev",
    scheduler="schedulers/flux1-dev",
    needs={"vae": _VAE_FLUX, "text_encoder": _CLIP_L, "text_encoder_2": _T5},
    tokenizers={"tokenizer": "tokenizers/clip", "tokenizer_2": "tokenizers/t5"},
)
_KLEIN = Blueprint(
    family="flux2-klein",
    variant="base",
    title="FLUX.2 klein 4B",
    config="denoisers/flux2-klein-4b",
    scheduler="schedulers/flux2",
    needs={"vae": _VAE_FLUX2, "text_encoder": _QWEN3},
    tokenizers={"tokenizer": "tokenizers/qwen"},
)
_KLEIN_9B = msgspec.structs.replace(
    _KLEIN,
    title="FLUX.2 klein 9B",
    config="denoisers/flux2-klein-9b",
    needs={"vae": _VAE_FLUX2, "text_encoder": _QWEN3_8B},
)
_Z_IMAGE = Blueprint(
    family="z-image",
    title="Z-Image",
    config="denoisers/z-image",
    scheduler="schedulers/z-image",
    needs={"vae": _VAE_FLUX, "text_encoder": _QWEN3},
    tokenizers={"tokenizer": "tokenizers/qwen"},
)
_SD35 = Blueprint(
    family="sd35",
    title="Stable Diffusion 3.5 Medium",
    config="denoisers/sd35-medium",
    scheduler="schedulers/sd3",
    needs={"vae": _VAE_3, "text_encoder": _CLIP_L, "text_encoder_2": _CLIP_G, "text_encoder_3": _T5},
    tokenizers={
        "tokenizer": "tokenizers/clip",
        "tokenizer_2": "tokenizers/clip-0",
        "tokenizer_3": "tokenizers/t5",
    },
)

_SD35_LARGE = msgspec.structs.replace(_SD35, title="Stable Diffusion 3.5 Large", config="denoisers/sd35-large")

BLUEPRINTS: dict[str, Blueprint] = {
    "sd15": _SD15,
    "flux1-dev": _FLUX1,
    "flux1-schnell": msgspec.structs.replace(
        _FLUX1,
        variant="schnell",
        title="FLUX.1 schnell",
        config="denoisers/flux1-schnell",
        scheduler="schedulers/flux1-schnell",
    ),
    "chroma": Blueprint(
        family="chroma",
        title="Chroma",
        config="denoisers/chroma",
        scheduler="schedulers/flux1-dev",
        needs={"vae": _VAE_FLUX, "text_encoder": _T5},
        tokenizers={"tokenizer": "tokenizers/t5"},
    ),
    "sd35-medium": _SD35,
    "qwen-image": Blueprint(
        family="qwen-image",
        title="Qwen-Image",
        config="denoisers/qwen-image",
        scheduler="schedulers/qwen-image",
        needs={"vae": _VAE_QWEN, "text_encoder": _QWEN_VL},
        tokenizers={"tokenizer": "tokenizers/qwen"},
    ),
}
"""By the kind of the denoiser, where its tensors say all."""


def _distilled(blueprint: Blueprint) -> tuple[Choice, ...]:
    distilled = msgspec.structs.replace(blueprint, variant="distilled")
    # the distilled one has no word for it in its name: 'flux-2-klein-4b' beside 'flux-2-klein-base-4b'
    return (
        Choice("base", r"(?<![a-z])base(?![a-z])", blueprint),
        Choice("distilled", r"distill|turbo|flux[._-]?2[._-]klein[._-]\d+b(?![a-z])", distilled),
    )


_TURBO = msgspec.structs.replace(
    _Z_IMAGE, variant="turbo", title="Z-Image-Turbo", scheduler="schedulers/z-image-turbo"
)
CHOICES: dict[str, tuple[Choice, ...]] = {
    "sd2": (
        Choice("epsilon", r"512|base|eps", _SD2),
        Choice("v", r"768|nonema|v[._-]?pred|(?<![a-z])v(?![a-z0-9])", _SD2_V),
    ),
    "sdxl": (Choice("epsilon", r"", _SDXL), Choice("v", r"v[._-]?pred", _SDXL_V)),
    "flux2-klein-4b": _distilled(_KLEIN),
    "flux2-klein-9b": _distilled(_KLEIN_9B),
    "z-image": (Choice("base", r"z[._-]?image[._-](base|bf16|fp\d)|(?<![a-z])base(?![a-z])", _Z_IMAGE),
                Choice("turbo", r"turbo|distill", _TURBO)),
    "sd35-large": (
        # an architecture called 'stable-diffusion-v3.5-large' says nothing: both have it
        Choice("large", r"(sd|diffusion[ _-])3[._-]?5[ ._-]?large|(?<![a-z])base(?![a-z])", _SD35_LARGE),
        Choice("turbo", r"turbo|distill", msgspec.structs.replace(
            _SD35_LARGE, variant="turbo", title="Stable Diffusion 3.5 Large Turbo")),
    ),
}  # fmt: skip
"""By the kind of the denoiser, where the tensors do not tell; the more telling name comes last and wins."""


def choose(kind: str, hints: list[str], wanted: str | None) -> Blueprint | list[str]:
    """The blueprint of a denoiser, or the options to choose from when nothing tells which it is.

    Args:
        hints: what may name the variant, the surest first: the file's metadata, then its name.
        wanted: what the person asked for; it is believed.
    """
    choices = CHOICES.get(kind)
    if choices is None:
        return BLUEPRINTS[kind]
    options = [choice.option for choice in choices]
    if wanted:
        return next((c.blueprint for c in choices if c.option == wanted), options)
    for hint in hints:
        for choice in reversed(choices):
            if choice.told_by and re.search(choice.told_by, clean(hint).lower()):
                return choice.blueprint
    plain = next((choice.blueprint for choice in choices if not choice.told_by), None)
    return plain or options
