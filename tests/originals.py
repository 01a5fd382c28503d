"""Checkpoints as other tools keep them: the names and shapes of their tensors, written from the architectures.

`ORIGINALS` holds the models in their real sizes, each with the prefix-less keys of its own file. `write_header`
makes a file of any size that holds nothing but its header; `write_random` fills one with numbers.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Shapes = dict[str, tuple[int, ...]]
BYTES = {"F16": 2, "BF16": 2, "F32": 4, "F8_E4M3": 1, "U8": 1}


def linear(name: str, outputs: int, inputs: int, bias: bool = True) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), **({f"{name}.bias": (outputs,)} if bias else {})}


def norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def conv(name: str, outputs: int, inputs: int, kernel: int = 3) -> Shapes:
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}


def under(prefix: str, shapes: Mapping[str, tuple[int, ...]]) -> Shapes:
    return {f"{prefix}{name}": shape for name, shape in shapes.items()}


# Stable Diffusion 1, 2 and XL


def unet(
    context: int,
    *,
    width: int = 320,
    multipliers: Sequence[int] = (1, 2, 4, 4),
    depth: Sequence[int] = (1, 1, 1, 0),
    middle: int = 1,
    channels: int = 4,
    flat: bool = False,
    label: int = 0,
) -> Shapes:
    """The UNet of CompVis: `depth` transformer blocks at each level, `flat` if they project by linear layers."""
    embed = 4 * width
    found = linear("time_embed.0", embed, width) | linear("time_embed.2", embed, embed)
    if label:
        found |= linear("label_emb.0.0", embed, label) | linear("label_emb.0.2", embed, embed)

    def residual(at: str, inputs: int, outputs: int) -> Shapes:
        made = norm(f"{at}.in_layers.0", inputs) | conv(f"{at}.in_layers.2", outputs, inputs)
        made |= linear(f"{at}.emb_layers.1", outputs, embed)
        made |= norm(f"{at}.out_layers.0", outputs) | conv(f"{at}.out_layers.3", outputs, outputs)
        return made | (conv(f"{at}.skip_connection", outputs, inputs, 1) if inputs != outputs else {})

    def transformer(at: str, size: int, blocks: int) -> Shapes:
        project = linear if flat else (lambda name, o, i: conv(name, o, i, 1))
        made = norm(f"{at}.norm", size) | project(f"{at}.proj_in", size, size)
        for number in range(blocks):
            block = f"{at}.transformer_blocks.{number}"
            for attention, reads in (("attn1", size), ("attn2", context)):
                made |= linear(f"{block}.{attention}.to_q", size, size, bias=False)
                made |= linear(f"{block}.{attention}.to_k", size, reads, bias=False)
                made |= linear(f"{block}.{attention}.to_v", size, reads, bias=False)
                made |= linear(f"{block}.{attention}.to_out.0", size, size)
            made |= linear(f"{block}.ff.net.0.proj", 8 * size, size) | linear(f"{block}.ff.net.2", size, 4 * size)
            for n in (1, 2, 3):
                made |= norm(f"{block}.norm{n}", size)
        return made | project(f"{at}.proj_out", size, size)

    found |= conv("input_blocks.0.0", width, channels)
    number, size, sizes = 1, width, [width]
    for level, multiplier in enumerate(multipliers):
        for _ in range(2):
            found |= residual(f"input_blocks.{number}.0", size, width * multiplier)
            size = width * multiplier
            if depth[level]:
                found |= transformer(f"input_blocks.{number}.1", size, depth[level])
            sizes.append(size)
            number += 1
        if level < len(multipliers) - 1:
            found |= conv(f"input_blocks.{number}.0.op", size, size)
            sizes.append(size)
            number += 1
    found |= residual("middle_block.0", size, size) | transformer("middle_block.1", size, middle)
    found |= residual("middle_block.2", size, size)
    number = 0
    for level, multiplier in reversed(list(enumerate(multipliers))):
        for layer in range(3):
            found |= residual(f"output_blocks.{number}.0", size + sizes.pop(), width * multiplier)
            size = width * multiplier
            if depth[level]:
                found |= transformer(f"output_blocks.{number}.1", size, depth[level])
            if layer == 2 and level:
                found |= conv(f"output_blocks.{number}.{2 if depth[level] else 1}.conv", size, size)
            number += 1
    return found | norm("out.0", width) | conv("out.2", 4, width)


def vae(latent: int, *, width: int = 128, quant: bool = True, inner_quant: bool = False) -> Shapes:
    """The autoencoder of CompVis, which FLUX.1, FLUX.2, Z-Image and Stable Diffusion 3 use with more channels."""
    sizes = [width, 2 * width, 4 * width, 4 * width]

    def residual(at: str, inputs: int, outputs: int) -> Shapes:
        made = norm(f"{at}.norm1", inputs) | conv(f"{at}.conv1", outputs, inputs)
        made |= norm(f"{at}.norm2", outputs) | conv(f"{at}.conv2", outputs, outputs)
        return made | (conv(f"{at}.nin_shortcut", outputs, inputs, 1) if inputs != outputs else {})

    def middle(at: str, size: int) -> Shapes:
        made = residual(f"{at}.block_1", size, size) | residual(f"{at}.block_2", size, size)
        made |= norm(f"{at}.attn_1.norm", size)
        for name in ("q", "k", "v", "proj_out"):
            made |= conv(f"{at}.attn_1.{name}", size, size, 1)
        return made

    found, size = conv("encoder.conv_in", width, 3), width
    for level, outputs in enumerate(sizes):
        for block in range(2):
            found |= residual(f"encoder.down.{level}.block.{block}", size, outputs)
            size = outputs
        if level < 3:
            found |= conv(f"encoder.down.{level}.downsample.conv", size, size)
    found |= middle("encoder.mid", size) | norm("encoder.norm_out", size)
    found |= conv("encoder.conv_out", 2 * latent, size) | conv("decoder.conv_in", size, latent)
    found |= middle("decoder.mid", size)
    for level, outputs in reversed(list(enumerate(sizes))):
        for block in range(3):
            found |= residual(f"decoder.up.{level}.block.{block}", size, outputs)
            size = outputs
        if level:
            found |= conv(f"decoder.up.{level}.upsample.conv", size, size)
    found |= norm("decoder.norm_out", size) | conv("decoder.conv_out", 3, size)
    if quant:
        before, after = ("encoder.", "decoder.") if inner_quant else ("", "")
        found |= conv(f"{before}quant_conv", 2 * latent, 2 * latent, 1)
        found |= conv(f"{after}post_quant_conv", latent, latent, 1)
    return found


def wan_vae(latent: int = 16, width: int = 96) -> Shapes:
    """The video autoencoder of Wan 2.1, which Qwen-Image uses for pictures."""
    sizes = [width, 2 * width, 4 * width, 4 * width]

    def conv3(name: str, outputs: int, inputs: int, *kernel: int) -> Shapes:
        return {f"{name}.weight": (outputs, inputs, *(kernel or (3, 3, 3))), f"{name}.bias": (outputs,)}

    def residual(at: str, inputs: int, outputs: int) -> Shapes:
        made: Shapes = {f"{at}.residual.0.gamma": (inputs, 1, 1, 1), f"{at}.residual.3.gamma": (outputs, 1, 1, 1)}
        made |= conv3(f"{at}.residual.2", outputs, inputs) | conv3(f"{at}.residual.6", outputs, outputs)
        return made | (conv3(f"{at}.shortcut", outputs, inputs, 1, 1, 1) if inputs != outputs else {})

    def middle(at: str, size: int) -> Shapes:
        made = residual(f"{at}.0", size, size) | residual(f"{at}.2", size, size)
        made |= {f"{at}.1.norm.gamma": (size, 1, 1)}
        return made | conv(f"{at}.1.to_qkv", 3 * size, size, 1) | conv(f"{at}.1.proj", size, size, 1)

    found = conv3("encoder.conv1", width, 3)
    number, size = 0, width
    for level, outputs in enumerate(sizes):
        for _ in range(2):
            found |= residual(f"encoder.downsamples.{number}", size, outputs)
            number, size = number + 1, outputs
        if level < 3:
            found |= conv(f"encoder.downsamples.{number}.resample.1", size, size)
            if level:
                found |= conv3(f"encoder.downsamples.{number}.time_conv", size, size, 3, 1, 1)
            number += 1
    found |= middle("encoder.middle", size) | {"encoder.head.0.gamma": (size, 1, 1, 1)}
    found |= conv3("encoder.head.2", 2 * latent, size) | conv3("conv1", 2 * latent, 2 * latent, 1, 1, 1)
    found |= conv3("conv2", latent, latent, 1, 1, 1) | conv3("decoder.conv1", size, latent)
    found |= middle("decoder.middle", size)
    number = 0
    for level, outputs in enumerate(reversed(sizes)):
        for _ in range(3):
            found |= residual(f"decoder.upsamples.{number}", size, outputs)
            number, size = number + 1, outputs
        if level < 3:
            found |= conv(f"decoder.upsamples.{number}.resample.1", size // 2, size)
            if level < 2:
                found |= conv3(f"decoder.upsamples.{number}.time_conv", 2 * size, size, 3, 1, 1)
            number, size = number + 1, size // 2
    return found | {"decoder.head.0.gamma": (size, 1, 1, 1)} | conv3("decoder.head.2", 3, size)


# Text encoders


def clip(width: int, layers: int, projection: bool = False, words: int = 49408) -> Shapes:
    """CLIP's text model under transformers' names."""
    found: Shapes = {
        "text_model.embeddings.token_embedding.weight": (words, width),
        "text_model.embeddings.position_embedding.weight": (77, width),
    }
    for number in range(layers):
        at = f"text_model.encoder.layers.{number}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            found |= linear(f"{at}.self_attn.{name}", width, width)
        found |= linear(f"{at}.mlp.fc1", 4 * width, width) | linear(f"{at}.mlp.fc2", width, 4 * width)
        found |= norm(f"{at}.layer_norm1", width) | norm(f"{at}.layer_norm2", width)
    found |= norm("text_model.final_layer_norm", width)
    return found | (linear("text_projection", width, width, bias=False) if projection else {})


def open_clip(width: int, layers: int, words: int = 49408) -> Shapes:
    """The same under OpenCLIP's names, as the checkpoints of Stable Diffusion 2 and XL hold it."""
    found: Shapes = {
        "token_embedding.weight": (words, width),
        "positional_embedding": (77, width),
        "text_projection": (width, width),
        "logit_scale": (),
    }
    for number in range(layers):
        at = f"transformer.resblocks.{number}"
        found |= {f"{at}.attn.in_proj_weight": (3 * width, width), f"{at}.attn.in_proj_bias": (3 * width,)}
        found |= linear(f"{at}.attn.out_proj", width, width)
        found |= linear(f"{at}.mlp.c_fc", 4 * width, width) | linear(f"{at}.mlp.c_proj", width, 4 * width)
        found |= norm(f"{at}.ln_1", width) | norm(f"{at}.ln_2", width)
    return found | norm("ln_final", width)


def t5(width: int = 4096, layers: int = 24, hidden: int = 10240, heads: int = 64, words: int = 32128) -> Shapes:
    found: Shapes = {"shared.weight": (words, width), "encoder.final_layer_norm.weight": (width,)}
    found["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = (32, heads)
    for number in range(layers):
        at = f"encoder.block.{number}.layer"
        for name in "qkvo":
            found |= linear(f"{at}.0.SelfAttention.{name}", width, width, bias=False)
        found |= linear(f"{at}.1.DenseReluDense.wi_0", hidden, width, bias=False)
        found |= linear(f"{at}.1.DenseReluDense.wi_1", hidden, width, bias=False)
        found |= linear(f"{at}.1.DenseReluDense.wo", width, hidden, bias=False)
        found |= {f"{at}.0.layer_norm.weight": (width,), f"{at}.1.layer_norm.weight": (width,)}
    return found


def qwen(
    width: int, hidden: int, layers: int, heads: int, words: int, *, keys: int, head: int = 128, third: bool = True
) -> Shapes:
    """Qwen3, which norms queries and keys; or Qwen2.5, which gives them a bias."""
    found: Shapes = {"model.embed_tokens.weight": (words, width), "model.norm.weight": (width,)}
    for number in range(layers):
        at = f"model.layers.{number}"
        found |= linear(f"{at}.self_attn.q_proj", heads * head, width, bias=not third)
        found |= linear(f"{at}.self_attn.k_proj", keys * head, width, bias=not third)
        found |= linear(f"{at}.self_attn.v_proj", keys * head, width, bias=not third)
        found |= linear(f"{at}.self_attn.o_proj", width, heads * head, bias=False)
        found |= linear(f"{at}.mlp.gate_proj", hidden, width, bias=False)
        found |= linear(f"{at}.mlp.up_proj", hidden, width, bias=False)
        found |= linear(f"{at}.mlp.down_proj", width, hidden, bias=False)
        found |= {f"{at}.input_layernorm.weight": (width,), f"{at}.post_attention_layernorm.weight": (width,)}
        if third:
            found |= {f"{at}.self_attn.q_norm.weight": (head,), f"{at}.self_attn.k_norm.weight": (head,)}
    return found


# Files


def write_header(
    path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    dtype: str = "BF16",
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """A file with this header and its full length, which takes no room on the disk."""
    entries, at = _entries(shapes, dtype, metadata)
    raw = json.dumps(entries).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        file.truncate(8 + len(raw) + at)
    return path


def _entries(
    shapes: Mapping[str, tuple[int, ...]], dtype: str, metadata: Mapping[str, str] | None
) -> tuple[dict[str, Any], int]:
    entries: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name, shape in shapes.items():
        size = BYTES[dtype] * math.prod(shape)
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    return entries, at


def write_random(path: Path, shapes: Mapping[str, tuple[int, ...]], dtype: str = "F16") -> Path:
    """A file with small random numbers in every tensor, written one tensor at a time."""
    import torch

    kind = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F8_E4M3": torch.float8_e4m3fn}
    chance = torch.Generator().manual_seed(0)
    entries, _ = _entries(shapes, dtype, None)
    raw = json.dumps(entries).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        for name, shape in shapes.items():
            numbers = torch.randn(shape, generator=chance).mul_(0.02).to(kind[dtype])
            if name.endswith("running_var"):
                numbers = numbers.abs() + 1  # a variance
            file.write(numbers.contiguous().view(torch.uint8).numpy().tobytes() if shape else _scalar(numbers))
    return path


def _scalar(number: Any) -> bytes:
    import torch

    return bytes(number.reshape(1).view(torch.uint8).numpy().tobytes())
