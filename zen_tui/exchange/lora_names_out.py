"""The names under which other tools look for a layer, written from their documentation; the way back is
`lora_names`, which is another piece of code on purpose: what is written here is read back there.
"""

from __future__ import annotations

import msgspec

FORMATS = ("kohya", "comfyui", "diffusers")
KOHYA = ("sd15", "sdxl", "flux1", "chroma")
COMFYUI = ("flux2-klein", "z-image", "qwen-image")


def formats_for(family: str) -> list[str]:
    """The formats in which other tools read LoRAs for `family`, the one that most of them read first."""
    found = ["kohya"] if family in KOHYA else []
    found += ["comfyui"] if family in COMFYUI else []
    return [*found, "diffusers"]


class Place(msgspec.Struct, frozen=True):
    """Where a layer goes: the key without its end, and which of `of` fused matrices it is, from above."""

    stem: str
    slot: int = 0
    of: int = 1


def place(family: str, format: str, part: str, layer: str) -> Place:
    """Where `layer` of `part` goes in a file of `format`, which must be one that is written for the family.

    Raises:
        KeyError: the layer has no name there.
    """
    if format == "diffusers":
        return Place(f"{part}.{_with_model(layer)}" if part.startswith("text_encoder") else f"{part}.{layer}")
    if part.startswith("text_encoder"):
        if format != "kohya":
            raise KeyError(layer)
        return Place(_text(family, part) + _flat(_with_model(layer)))
    if family in ("flux1", "chroma"):
        return _flux(layer, "lora_unet_{}", _FLUX1, flat=True)
    if family == "flux2-klein":
        return _flux(layer, "diffusion_model.{}", _FLUX2, flat=False)
    if format == "comfyui":
        return Place(f"diffusion_model.{layer}")
    return Place("lora_unet_" + _flat(_stability(layer) if family == "sdxl" else layer))


def _text(family: str, part: str) -> str:
    """kohya's prefixes: one encoder is `te`, CLIP-L and bigG are `te1` and `te2`, T5 is `te3`."""
    if family == "sd15":
        return "lora_te_"
    if part == "text_encoder_2":
        return "lora_te3_" if family == "flux1" else "lora_te2_"
    return "lora_te3_" if family == "chroma" else "lora_te1_"


def _with_model(layer: str) -> str:
    """CLIP's layers lie one level deeper in files than in transformers 5; T5's do not."""
    return f"text_model.{layer}" if layer.startswith("encoder.layers.") else layer


def _flat(name: str) -> str:
    return name.replace(".", "_")


_DOUBLE = {
    "attn.to_q": ("img_attn.qkv", 0, 3),
    "attn.to_k": ("img_attn.qkv", 1, 3),
    "attn.to_v": ("img_attn.qkv", 2, 3),
    "attn.add_q_proj": ("txt_attn.qkv", 0, 3),
    "attn.add_k_proj": ("txt_attn.qkv", 1, 3),
    "attn.add_v_proj": ("txt_attn.qkv", 2, 3),
    "attn.to_out.0": ("img_attn.proj", 0, 1),
    "attn.to_add_out": ("txt_attn.proj", 0, 1),
}
_FLUX1 = {
    "double": {
        **_DOUBLE,
        "ff.net.0.proj": ("img_mlp.0", 0, 1),
        "ff.net.2": ("img_mlp.2", 0, 1),
        "ff_context.net.0.proj": ("txt_mlp.0", 0, 1),
        "ff_context.net.2": ("txt_mlp.2", 0, 1),
        "norm1.linear": ("img_mod.lin", 0, 1),
        "norm1_context.linear": ("txt_mod.lin", 0, 1),
    },
    "single": {
        "attn.to_q": ("linear1", 0, 4),
        "attn.to_k": ("linear1", 1, 4),
        "attn.to_v": ("linear1", 2, 4),
        "proj_mlp": ("linear1", 3, 4),
        "proj_out": ("linear2", 0, 1),
        "norm.linear": ("modulation.lin", 0, 1),
    },
    "other": {
        "x_embedder": ("img_in", 0, 1),
        "context_embedder": ("txt_in", 0, 1),
        "proj_out": ("final_layer.linear", 0, 1),
    },
}
_FLUX2 = {
    "double": {
        **_DOUBLE,
        "ff.linear_in": ("img_mlp.0", 0, 1),
        "ff.linear_out": ("img_mlp.2", 0, 1),
        "ff_context.linear_in": ("txt_mlp.0", 0, 1),
        "ff_context.linear_out": ("txt_mlp.2", 0, 1),
    },
    "single": {"attn.to_qkv_mlp_proj": ("linear1", 0, 1), "attn.to_out": ("linear2", 0, 1)},
    "other": {
        "x_embedder": ("img_in", 0, 1),
        "context_embedder": ("txt_in", 0, 1),
        "proj_out": ("final_layer.linear", 0, 1),
    },
}


def _flux(layer: str, shape: str, table: dict[str, dict[str, tuple[str, int, int]]], *, flat: bool) -> Place:
    for start, kind, block in (
        ("transformer_blocks.", "double", "double_blocks"),
        ("single_transformer_blocks.", "single", "single_blocks"),
    ):
        if layer.startswith(start):
            number, _, rest = layer.removeprefix(start).partition(".")
            name, slot, of = table[kind][rest]
            name = f"{block}.{number}.{name}"
            break
    else:
        name, slot, of = table["other"][layer]
    return Place(shape.format(_flat(name) if flat else name), slot, of)


_RESNET = {"conv1": "in_layers.2", "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1"}
_ENDS = {
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}


def _stability(layer: str) -> str:
    """A layer of SDXL by its original name: two residual blocks a level going down, three coming up."""
    if layer in _ENDS:
        return _ENDS[layer]
    block, *rest = layer.split(".")
    if block == "mid_block":
        kind, number, *inner = rest
        place = "1" if kind == "attentions" else str(2 * int(number))
        return f"middle_block.{place}.{_inner(kind, inner)}"
    level, kind, number, *inner = rest
    if kind == "downsamplers":
        return f"input_blocks.{3 * int(level) + 3}.0.op"
    if kind == "upsamplers":
        return f"output_blocks.{3 * int(level) + 2}.2.conv"
    side, at = ("input_blocks", 3 * int(level) + int(number) + 1)
    if block == "up_blocks":
        side, at = ("output_blocks", 3 * int(level) + int(number))
    return f"{side}.{at}.{1 if kind == 'attentions' else 0}.{_inner(kind, inner)}"


def _inner(kind: str, inner: list[str]) -> str:
    name = ".".join(inner)
    if kind == "attentions":
        return name
    return "skip_connection" if name == "conv_shortcut" else _RESNET[name]
