"""What other tools call the layers of a model, and what the library's own model calls them.

Read from their documentation and readers: sd-scripts (`networks/convert_flux_lora.py`, `lora_sd3.py`), ComfyUI
(`comfy/utils.py`), diffusers (`loaders/lora_conversion_utils.py`), OpenCLIP. A layer that they fuse and the
library splits gets several names, each with the rows of the fused matrix that are its own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

Rows = tuple[tuple[int, int], ...]  # from, to; in the order of the library's own rows
Target = tuple[str, Rows | None]

_COMPOUND = """
down_blocks up_blocks mid_block input_blocks middle_block output_blocks transformer_blocks double_blocks
single_transformer_blocks single_blocks joint_blocks x_block context_block noise_refiner context_refiner to_q
to_k to_v to_out to_add_out add_q_proj add_k_proj add_v_proj to_qkv_mlp_proj q_proj k_proj v_proj out_proj
proj_in proj_out proj_mlp ff_context linear_1 linear_2 linear_in linear_out feed_forward self_attn gate_proj
up_proj down_proj img_attn txt_attn img_mlp txt_mlp img_mod txt_mod img_in txt_in time_in vector_in
guidance_in in_layer out_layer final_layer adaLN_modulation conv_in conv_out conv_shortcut time_emb_proj
time_embedding add_embedding time_embed label_emb emb_layers in_layers out_layers skip_connection
time_text_embed timestep_embedder text_embedder guidance_embedder time_guidance_embed x_embedder y_embedder
context_embedder norm1_context norm_out cap_embedder t_embedder all_final_layer all_x_embedder
double_stream_modulation_img double_stream_modulation_txt single_stream_modulation distilled_guidance_layer
text_model text_projection wi_0 wi_1
"""
COMPOUNDS = frozenset(tuple(word.split("_")) for word in _COMPOUND.split())
_LONGEST = max(map(len, COMPOUNDS))


def with_dots(flat: str) -> str:
    """'down_blocks_0_attentions_1_proj_in' as 'down_blocks.0.attentions.1.proj_in'."""
    words, found = flat.split("_"), []
    while words:
        length = next((n for n in range(_LONGEST, 1, -1) if tuple(words[:n]) in COMPOUNDS), 1)
        found.append("_".join(words[:length]))
        del words[:length]
    return ".".join(found)


_DOUBLE = r"double_blocks\.(\d+)\."
_SINGLE = r"single_blocks\.(\d+)\."
_DOUBLE_ATTENTION = [
    (_DOUBLE + r"img_attn\.qkv", r"transformer_blocks.\1.attn.to_(q|k|v)"),
    (_DOUBLE + r"txt_attn\.qkv", r"transformer_blocks.\1.attn.add_(q|k|v)_proj"),
    (_DOUBLE + r"img_attn\.proj", r"transformer_blocks.\1.attn.to_out.0"),
    (_DOUBLE + r"txt_attn\.proj", r"transformer_blocks.\1.attn.to_add_out"),
]
_FLUX = [
    *_DOUBLE_ATTENTION,
    (_DOUBLE + r"img_mlp\.0", r"transformer_blocks.\1.ff.net.0.proj"),
    (_DOUBLE + r"img_mlp\.2", r"transformer_blocks.\1.ff.net.2"),
    (_DOUBLE + r"txt_mlp\.0", r"transformer_blocks.\1.ff_context.net.0.proj"),
    (_DOUBLE + r"txt_mlp\.2", r"transformer_blocks.\1.ff_context.net.2"),
    (_DOUBLE + r"img_mod\.lin", r"transformer_blocks.\1.norm1.linear"),
    (_DOUBLE + r"txt_mod\.lin", r"transformer_blocks.\1.norm1_context.linear"),
    (_SINGLE + r"linear1", r"single_transformer_blocks.\1.(attn.to_q|attn.to_k|attn.to_v|proj_mlp)"),
    (_SINGLE + r"linear2", r"single_transformer_blocks.\1.proj_out"),
    (_SINGLE + r"modulation\.lin", r"single_transformer_blocks.\1.norm.linear"),
    (r"img_in", r"x_embedder"),
    (r"txt_in", r"context_embedder"),
    (r"time_in\.in_layer", r"time_text_embed.timestep_embedder.linear_1"),
    (r"time_in\.out_layer", r"time_text_embed.timestep_embedder.linear_2"),
    (r"vector_in\.in_layer", r"time_text_embed.text_embedder.linear_1"),
    (r"vector_in\.out_layer", r"time_text_embed.text_embedder.linear_2"),
    (r"guidance_in\.in_layer", r"time_text_embed.guidance_embedder.linear_1"),
    (r"guidance_in\.out_layer", r"time_text_embed.guidance_embedder.linear_2"),
    (r"final_layer\.linear", r"proj_out"),
    (r"final_layer\.adaLN_modulation\.1", r"turned norm_out.linear"),
]
_FLUX2 = [
    *_DOUBLE_ATTENTION,
    (_DOUBLE + r"img_mlp\.0", r"transformer_blocks.\1.ff.linear_in"),
    (_DOUBLE + r"img_mlp\.2", r"transformer_blocks.\1.ff.linear_out"),
    (_DOUBLE + r"txt_mlp\.0", r"transformer_blocks.\1.ff_context.linear_in"),
    (_DOUBLE + r"txt_mlp\.2", r"transformer_blocks.\1.ff_context.linear_out"),
    (_SINGLE + r"linear1", r"single_transformer_blocks.\1.attn.to_qkv_mlp_proj"),
    (_SINGLE + r"linear2", r"single_transformer_blocks.\1.attn.to_out"),
    (r"img_in", r"x_embedder"),
    (r"txt_in", r"context_embedder"),
    (r"time_in\.in_layer", r"time_guidance_embed.timestep_embedder.linear_1"),
    (r"time_in\.out_layer", r"time_guidance_embed.timestep_embedder.linear_2"),
    (r"guidance_in\.in_layer", r"time_guidance_embed.guidance_embedder.linear_1"),
    (r"guidance_in\.out_layer", r"time_guidance_embed.guidance_embedder.linear_2"),
    (r"(double_stream_modulation_(?:img|txt)|single_stream_modulation)\.lin", r"\1.linear"),
    (r"final_layer\.linear", r"proj_out"),
    (r"final_layer\.adaLN_modulation\.1", r"turned norm_out.linear"),
]
_JOINT = r"joint_blocks\.(\d+)\."
_SD3 = [
    (_JOINT + r"x_block\.(attn2?)\.qkv", r"transformer_blocks.\1.\2.to_(q|k|v)"),
    (_JOINT + r"x_block\.(attn2?)\.proj", r"transformer_blocks.\1.\2.to_out.0"),
    (_JOINT + r"context_block\.attn\.qkv", r"transformer_blocks.\1.attn.add_(q|k|v)_proj"),
    (_JOINT + r"context_block\.attn\.proj", r"transformer_blocks.\1.attn.to_add_out"),
    (_JOINT + r"x_block\.mlp\.fc1", r"transformer_blocks.\1.ff.net.0.proj"),
    (_JOINT + r"x_block\.mlp\.fc2", r"transformer_blocks.\1.ff.net.2"),
    (_JOINT + r"context_block\.mlp\.fc1", r"transformer_blocks.\1.ff_context.net.0.proj"),
    (_JOINT + r"context_block\.mlp\.fc2", r"transformer_blocks.\1.ff_context.net.2"),
    (_JOINT + r"x_block\.adaLN_modulation\.1", r"transformer_blocks.\1.norm1.linear"),
    (_JOINT + r"context_block\.adaLN_modulation\.1", r"turned transformer_blocks.\1.norm1_context.linear"),
    (r"context_embedder", r"context_embedder"),
    (r"x_embedder\.proj", r"pos_embed.proj"),
    (r"t_embedder\.mlp\.0", r"time_text_embed.timestep_embedder.linear_1"),
    (r"t_embedder\.mlp\.2", r"time_text_embed.timestep_embedder.linear_2"),
    (r"y_embedder\.mlp\.0", r"time_text_embed.text_embedder.linear_1"),
    (r"y_embedder\.mlp\.2", r"time_text_embed.text_embedder.linear_2"),
    (r"final_layer\.linear", r"proj_out"),
    (r"final_layer\.adaLN_modulation\.1", r"turned norm_out.linear"),
]
_Z_IMAGE = [
    (r"((?:layers|noise_refiner|context_refiner)\.\d+\.attention)\.qkv", r"\1.to_(q|k|v)"),
    (r"((?:layers|noise_refiner|context_refiner)\.\d+\.attention)\.(?:out|to_out)", r"\1.to_out.0"),
    (r"final_layer\.(linear|adaLN_modulation\.1)", r"all_final_layer.2-1.\1"),
    (r"x_embedder", r"all_x_embedder.2-1"),
]
_RESNET = {
    "in_layers.2": "conv1",
    "out_layers.3": "conv2",
    "emb_layers.1": "time_emb_proj",
    "skip_connection": "conv_shortcut",
}
_UNET_ENDS = {
    "input_blocks.0.0": "conv_in",
    "out.2": "conv_out",
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
}
_OPEN_CLIP = [
    (r"transformer\.resblocks\.(\d+)\.attn\.in_proj", r"encoder.layers.\1.self_attn.(q|k|v)_proj"),
    (r"transformer\.resblocks\.(\d+)\.attn\.out_proj", r"encoder.layers.\1.self_attn.out_proj"),
    (r"transformer\.resblocks\.(\d+)\.mlp\.c_fc", r"encoder.layers.\1.mlp.fc1"),
    (r"transformer\.resblocks\.(\d+)\.mlp\.c_proj", r"encoder.layers.\1.mlp.fc2"),
]
_TABLES = {
    "flux1": _FLUX,
    "chroma": _FLUX,
    "flux2-klein": _FLUX2,
    "sd35": _SD3,
    "z-image": _Z_IMAGE,
}


def targets(family: str, part: str, name: str, shape: Sequence[int], *, depth: int = 2) -> list[Target]:
    """The layers of the library's model that `name` stands for, with their rows of its (outputs, inputs) matrix.

    A name that the library uses itself stands for that layer. `depth` is the number of residual blocks a level,
    by which Stable Diffusion's original names are counted.
    """
    if part.startswith("text_encoder"):
        return _translated(_OPEN_CLIP, name.removeprefix("text_model."), shape)
    if part == "unet":
        name = name.replace("attn1.to_out", "attn1.to_out.0") if name.endswith("attn1.to_out") else name
        name = name.replace("attn2.to_out", "attn2.to_out.0") if name.endswith("attn2.to_out") else name
        return [(_unet(name, depth), None)]
    if re.search(r"(^|\.)transformer_blocks\.\d+\.attn2?\.to_out$", name):
        name += ".0"
    return _translated(_TABLES.get(family, []), name, shape)


def _translated(table: list[tuple[str, str]], name: str, shape: Sequence[int]) -> list[Target]:
    for pattern, meaning in table:
        found = re.fullmatch(pattern, name)
        if found is None:
            continue
        text = found.expand(meaning)
        if text.startswith("turned "):
            # scale and shift stand the other way round, if there is nothing but them: a middle block has six
            layer, half = text.removeprefix("turned "), shape[0] // 2
            return [(layer, ((half, shape[0]), (0, half)) if half == shape[1] else None)]
        fused = re.search(r"\(([^)]*\|[^)]*)\)", text)
        if fused is None:
            return [(text, None)]
        names = [text[: fused.start()] + word + text[fused.end() :] for word in fused[1].split("|")]
        return list(zip(names, _spans(shape, len(names)), strict=True))
    return [(name, None)]


def _spans(shape: Sequence[int], count: int) -> list[Rows]:
    """Equal thirds for q, k and v; with an MLP behind them, they are as tall as the matrix is wide."""
    size = shape[0] // 3 if count == 3 else shape[1]
    edges = [size * n for n in range(count)] + [shape[0]]
    return [((first, last),) for first, last in itertools.pairwise(edges)]


def _unet(name: str, depth: int) -> str:
    if name in _UNET_ENDS:
        return _UNET_ENDS[name]
    found = re.fullmatch(r"(input_blocks|output_blocks)\.(\d+)\.(\d)\.(.+)", name)
    if found is None:
        middle = re.fullmatch(r"middle_block\.([012])\.(.+)", name)
        if middle is None:
            return name
        place, rest = int(middle[1]), middle[2]
        if place == 1:
            return f"mid_block.attentions.0.{rest}"
        return f"mid_block.resnets.{place // 2}.{_RESNET.get(rest, rest)}"
    side, number, place, rest = found[1], int(found[2]), int(found[3]), found[4]
    level, index = divmod(number - 1 if side == "input_blocks" else number, depth + 1)
    block = f"{'down_blocks' if side == 'input_blocks' else 'up_blocks'}.{level}"
    if rest == "op":
        return f"{block}.downsamplers.0.conv"
    if rest == "conv":
        return f"{block}.upsamplers.0.conv"
    if place == 0:
        return f"{block}.resnets.{index}.{_RESNET.get(rest, rest)}"
    return f"{block}.attentions.{index}.{rest}"
