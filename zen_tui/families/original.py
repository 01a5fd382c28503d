"""Models out of single-file checkpoints: the tensors under the names that the libraries' own classes use.

Diffusers' converters for each architecture do the renaming; the file is mapped, not read at once, and each
tensor is copied when it is put into the model, so that no second copy of a model is ever in memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from zen_tui.exchange.source import Part
from zen_tui.library.text import clean

Tensors = dict[str, Tensor]

SCALES = (".scale_weight", ".weight_scale")  # of a layer in fp8: the weight is fp8 times this
MARKS = re.compile(r"scaled_fp8|.*\.(comfy_quant|input_scale|scale_input)")
LEFT_OUT = re.compile(
    r"(.*\.)?(position_ids|logit_scale)|lm_head\..*|decoder\.(block|embed_tokens|final).*|v_pred|ztsnr|text_projection.*"
)
"""What checkpoints carry and no model needs."""


def load_original(part: Part, cls: Any, dtype: torch.dtype) -> nn.Module:
    """The part as a `cls` in `dtype`, on the CPU.

    Raises:
        ValueError: tensors are missing, left over or of another shape; the message names one.
    """
    config = msgspec.json.decode((part.config / "config.json").read_bytes(), type=dict[str, Any])
    module: Any = empty_model(cls, config)
    tensors = _mapped(part)
    tensors = renamed(cls.__name__, tensors, config) if part.layout == "original" else _up_to_date(tensors)
    if (
        "model.visual.blocks.0.norm1.weight" not in tensors
        and cls.__name__ == "Qwen2_5_VLForConditionalGeneration"
    ):
        module.model.visual = None  # pictures are not read; files for text alone leave their reader out
    wanted = module.state_dict()
    precise = tuple(getattr(cls, "_keep_in_fp32_modules", None) or ()) if dtype == torch.float16 else ()
    taken: Tensors = {}
    for name in list(tensors):
        tensor = tensors.pop(name)
        if name not in wanted:
            if LEFT_OUT.fullmatch(name):
                continue
            raise ValueError(f"it holds {clean(name, 100)}, which its model does not have")
        if tensor.shape != wanted[name].shape:
            raise ValueError(f"{name} is {tuple(tensor.shape)} and should be {tuple(wanted[name].shape)}")
        kept = torch.float32 if any(word in name.split(".") for word in precise) else dtype
        taken[name] = tensor.to(kept if tensor.is_floating_point() else tensor.dtype, copy=True)
    module.load_state_dict(taken, strict=False, assign=True)
    del taken
    _tie(module)
    missing = [name for name, tensor in module.named_parameters() if tensor.is_meta]
    if missing:
        raise ValueError(f"{len(missing)} of its tensors are missing, as {missing[0]}")
    whole: nn.Module = module
    return whole


def empty_model(cls: Any, config: dict[str, Any]) -> Any:
    """The model without memory for its weights; small tables that are computed are there."""
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False):
        if hasattr(cls, "from_config"):
            return cls.from_config(config)
        return cls(cls.config_class.from_dict(config))


def _mapped(part: Part) -> Tensors:
    """The tensors of the part by name without its prefix, fp8 with its scale worked in."""
    from safetensors import safe_open

    found: Tensors = {}
    for path in part.files:
        with safe_open(path, framework="pt", device="cpu") as file:
            for key in file.keys():  # noqa: SIM118  (this is no dict)
                if key.startswith(part.prefix):
                    found[key[len(part.prefix) :]] = file.get_tensor(key)
    for key in [key for key in found if key.endswith(SCALES)]:
        scale, layer = found.pop(key), next(key.removesuffix(end) for end in SCALES if key.endswith(end))
        weight = found[f"{layer}.weight"]
        found[f"{layer}.weight"] = (weight.to(torch.float32) * scale.to(torch.float32)).to(torch.bfloat16)
    return {key: tensor for key, tensor in found.items() if not MARKS.fullmatch(key)}


def renamed(kind: str, tensors: Tensors, config: dict[str, Any]) -> Tensors:
    """The tensors of a checkpoint under the names of the library's class `kind`; fused ones are split."""
    from diffusers.loaders import single_file_utils as converters

    def unet(tensors: Tensors) -> Tensors:
        whole = {f"model.diffusion_model.{key}": tensor for key, tensor in tensors.items()}
        return dict(converters.convert_ldm_unet_checkpoint(whole, {"layers_per_block": 2, **config}))

    def vae(tensors: Tensors) -> Tensors:
        # FLUX.2 keeps these two inside; everyone else beside
        inner = {"encoder.quant_conv": "quant_conv", "decoder.post_quant_conv": "post_quant_conv"}
        flat = {
            next((k.replace(a, b) for a, b in inner.items() if k.startswith(a)), k): tensors[k] for k in tensors
        }
        blocks = {"down_block_types": [0] * 4, "up_block_types": [0] * 4, **config}
        normal = {key: tensor for key, tensor in flat.items() if key.startswith("bn.")}
        return {**normal, **converters.convert_ldm_vae_checkpoint(flat, blocks)}

    by_class: dict[str, Callable[[Tensors], Tensors]] = {
        "UNet2DConditionModel": unet,
        "AutoencoderKL": vae,
        "AutoencoderKLFlux2": vae,
        "AutoencoderKLQwenImage": converters.convert_wan_vae_to_diffusers,
        "FluxTransformer2DModel": converters.convert_flux_transformer_checkpoint_to_diffusers,
        "Flux2Transformer2DModel": converters.convert_flux2_transformer_checkpoint_to_diffusers,
        "ChromaTransformer2DModel": converters.convert_chroma_transformer_checkpoint_to_diffusers,
        "ZImageTransformer2DModel": converters.convert_z_image_transformer_checkpoint_to_diffusers,
        "SD3Transformer2DModel": converters.convert_sd3_transformer_checkpoint_to_diffusers,
        "CLIPTextModel": lambda tensors: _clip(tensors, config, ""),
        "CLIPTextModelWithProjection": lambda tensors: _clip(tensors, config, "text_model."),
        "Qwen3Model": lambda tensors: {key.removeprefix("model."): tensors[key] for key in tensors},
        "Qwen2_5_VLForConditionalGeneration": _qwen_vl,
    }
    return dict(by_class.get(kind, dict)(tensors))


def _clip(tensors: Tensors, config: dict[str, Any], prefix: str) -> Tensors:
    """CLIP's text model from OpenCLIP's names or transformers'; later layers than `config` has are left out."""
    from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint

    projection = prefix != ""
    if "positional_embedding" in tensors:
        # under this name the converter leaves out what Stable Diffusion 2 does not use
        start = "open." if projection else "cond_stage_model.model."
        shape = msgspec.defstruct("Shape", [("config", Any)])(config)
        tensors = dict(convert_open_clip_checkpoint(shape, {start + k: tensors[k] for k in tensors}, start))
    beyond = re.compile(r"encoder\.layers\.(\d+)\.")
    found: Tensors = {}
    for key, tensor in tensors.items():
        name = key.removeprefix("text_model.")
        layer = beyond.match(name)
        if layer and int(layer[1]) >= config["num_hidden_layers"]:
            continue
        found[name if name.startswith("text_projection") else prefix + name] = tensor
    if projection and "text_projection.weight" not in found:
        found["text_projection.weight"] = torch.eye(config["hidden_size"])  # CLIP-L for SD 3 comes without one
    return found


def _qwen_vl(tensors: Tensors) -> Tensors:
    """Names of before transformers 4.52, which files keep, to those of now."""
    if any(key.startswith("model.language_model.") for key in tensors):
        return tensors
    renamed = {}
    for key, tensor in tensors.items():
        name = f"model.{key}" if key.startswith("visual.") else key
        renamed[re.sub(r"^model\.(?!visual\.)", "model.language_model.", name)] = tensor
    return renamed


def _up_to_date(tensors: Tensors) -> Tensors:
    """The attention of a VAE that was saved before diffusers 0.18, under today's names."""
    names = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}
    pattern = re.compile("|".join(re.escape(name) for name in names))
    return {pattern.sub(lambda match: names[match.group()], key): tensor for key, tensor in tensors.items()}


def _tie(module: Any) -> None:
    """Let tied layers share their weights, and a head that nobody asks for words share those of the embedding."""
    if hasattr(module, "tie_weights"):
        module.tie_weights()
    head = getattr(module, "lm_head", None)
    if head is not None and head.weight.is_meta:
        head.weight = module.get_input_embeddings().weight
