"""The flow transformers as other tools keep them: names and shapes, written from the architectures."""

from __future__ import annotations

from tests.originals import Shapes, linear


def flux1(*, guidance: bool, width: int = 3072, double: int = 19, single: int = 38, channels: int = 64) -> Shapes:
    found = _flux_ends(width, channels, 4096) | linear("vector_in.in_layer", width, 768)
    found |= linear("vector_in.out_layer", width, width) | _timed("time_in", width)
    found |= _timed("guidance_in", width) if guidance else {}
    found |= linear("final_layer.adaLN_modulation.1", 2 * width, width)
    for number in range(double):
        for stream in ("img", "txt"):
            found |= linear(f"double_blocks.{number}.{stream}_mod.lin", 6 * width, width)
    for number in range(single):
        found |= linear(f"single_blocks.{number}.modulation.lin", 3 * width, width)
    return found | _flux_blocks(width, double, single)


def chroma(width: int = 3072, inner: int = 5120) -> Shapes:
    """FLUX.1's blocks, whose modulation one small network gives instead of a layer in each block."""
    found = _flux_ends(width, 64, 4096) | _flux_blocks(width, 19, 38)
    found |= linear("distilled_guidance_layer.in_proj", inner, 64)
    found |= linear("distilled_guidance_layer.out_proj", width, inner)
    for number in range(5):
        at = f"distilled_guidance_layer.layers.{number}"
        found |= linear(f"{at}.in_layer", inner, inner) | linear(f"{at}.out_layer", inner, inner)
        found[f"distilled_guidance_layer.norms.{number}.scale"] = (inner,)
    return found


def _flux_ends(width: int, channels: int, text: int) -> Shapes:
    return (
        linear("img_in", width, channels)
        | linear("txt_in", width, text)
        | linear("final_layer.linear", channels, width)
    )


def _timed(name: str, width: int, bias: bool = True) -> Shapes:
    return linear(f"{name}.in_layer", width, 256, bias) | linear(f"{name}.out_layer", width, width, bias)


def _flux_blocks(width: int, double: int, single: int, head: int = 128) -> Shapes:
    found: Shapes = {}
    for number in range(double):
        for stream in ("img", "txt"):
            at = f"double_blocks.{number}.{stream}"
            found |= linear(f"{at}_attn.qkv", 3 * width, width) | linear(f"{at}_attn.proj", width, width)
            found |= {f"{at}_attn.norm.{name}_norm.scale": (head,) for name in ("query", "key")}
            found |= linear(f"{at}_mlp.0", 4 * width, width) | linear(f"{at}_mlp.2", width, 4 * width)
    for number in range(single):
        at = f"single_blocks.{number}"
        found |= linear(f"{at}.linear1", 7 * width, width) | linear(f"{at}.linear2", width, 5 * width)
        found |= {f"{at}.norm.{name}_norm.scale": (head,) for name in ("query", "key")}
    return found


def flux2(width: int, double: int, single: int, text: int) -> Shapes:
    """FLUX.2: no biases, gated MLPs three times as wide, one modulation for all blocks."""
    found = linear("img_in", width, 128, False) | linear("txt_in", width, text, False)
    found |= _timed("time_in", width, bias=False) | linear("final_layer.linear", 128, width, False)
    found |= linear("final_layer.adaLN_modulation.1", 2 * width, width, False)
    found |= linear("double_stream_modulation_img.lin", 6 * width, width, False)
    found |= linear("double_stream_modulation_txt.lin", 6 * width, width, False)
    found |= linear("single_stream_modulation.lin", 3 * width, width, False)
    for number in range(double):
        for stream in ("img", "txt"):
            at = f"double_blocks.{number}.{stream}"
            found |= linear(f"{at}_attn.qkv", 3 * width, width, False)
            found |= linear(f"{at}_attn.proj", width, width, False)
            found |= {f"{at}_attn.norm.{name}_norm.scale": (128,) for name in ("query", "key")}
            found |= linear(f"{at}_mlp.0", 6 * width, width, False) | linear(
                f"{at}_mlp.2", width, 3 * width, False
            )
    for number in range(single):
        at = f"single_blocks.{number}"
        found |= linear(f"{at}.linear1", 9 * width, width, False) | linear(
            f"{at}.linear2", width, 4 * width, False
        )
        found |= {f"{at}.norm.{name}_norm.scale": (128,) for name in ("query", "key")}
    return found


def z_image(width: int = 3840, layers: int = 30, text: int = 2560) -> Shapes:
    hidden = int(width / 3 * 8)

    def block(at: str, modulated: bool) -> Shapes:
        made = linear(f"{at}.attention.qkv", 3 * width, width, False)
        made |= linear(f"{at}.attention.out", width, width, False)
        made |= {f"{at}.attention.{name}_norm.weight": (128,) for name in "qk"}
        made |= linear(f"{at}.feed_forward.w1", hidden, width, False)
        made |= linear(f"{at}.feed_forward.w2", width, hidden, False)
        made |= linear(f"{at}.feed_forward.w3", hidden, width, False)
        norms = ("attention_norm1", "attention_norm2", "ffn_norm1", "ffn_norm2")
        made |= {f"{at}.{name}.weight": (width,) for name in norms}
        return made | (linear(f"{at}.adaLN_modulation.0", 4 * width, 256) if modulated else {})

    found = linear("x_embedder", width, 64) | linear("cap_embedder.1", width, text)
    found |= {"cap_embedder.0.weight": (text,), "x_pad_token": (1, width), "cap_pad_token": (1, width)}
    found |= linear("t_embedder.mlp.0", 1024, 256) | linear("t_embedder.mlp.2", 256, 1024)
    found |= linear("final_layer.linear", 64, width) | linear("final_layer.adaLN_modulation.1", width, 256)
    for number in range(2):
        found |= block(f"noise_refiner.{number}", True) | block(f"context_refiner.{number}", False)
    for number in range(layers):
        found |= block(f"layers.{number}", True)
    return found


def sd3(depth: int, *, dual: int = 0, positions: int) -> Shapes:
    width = 64 * depth
    found: Shapes = {"pos_embed": (1, positions**2, width)}
    found |= {"x_embedder.proj.weight": (width, 16, 2, 2), "x_embedder.proj.bias": (width,)}
    found |= linear("t_embedder.mlp.0", width, 256) | linear("t_embedder.mlp.2", width, width)
    found |= linear("y_embedder.mlp.0", width, 2048) | linear("y_embedder.mlp.2", width, width)
    found |= linear("context_embedder", width, 4096) | linear("final_layer.linear", 64, width)
    found |= linear("final_layer.adaLN_modulation.1", 2 * width, width)
    for number in range(depth):
        last = number == depth - 1
        for stream in ("x", "context"):
            at = f"joint_blocks.{number}.{stream}_block"
            attentions = ("attn", "attn2") if stream == "x" and number < dual else ("attn",)
            for attention in attentions:
                found |= linear(f"{at}.{attention}.qkv", 3 * width, width)
                found |= {f"{at}.{attention}.ln_{name}.weight": (64,) for name in "qk"}
                if not (last and stream == "context"):
                    found |= linear(f"{at}.{attention}.proj", width, width)
            if last and stream == "context":
                found |= linear(f"{at}.adaLN_modulation.1", 2 * width, width)
                continue
            found |= linear(f"{at}.adaLN_modulation.1", (9 if len(attentions) == 2 else 6) * width, width)
            found |= linear(f"{at}.mlp.fc1", 4 * width, width) | linear(f"{at}.mlp.fc2", width, 4 * width)
    return found


def qwen_image(width: int = 3072, layers: int = 60, text: int = 3584) -> Shapes:
    found = linear("img_in", width, 64) | linear("txt_in", width, text) | {"txt_norm.weight": (text,)}
    found |= linear("time_text_embed.timestep_embedder.linear_1", width, 256)
    found |= linear("time_text_embed.timestep_embedder.linear_2", width, width)
    found |= linear("norm_out.linear", 2 * width, width) | linear("proj_out", 64, width)
    for number in range(layers):
        at = f"transformer_blocks.{number}"
        for name in ("to_q", "to_k", "to_v", "add_q_proj", "add_k_proj", "add_v_proj", "to_out.0", "to_add_out"):
            found |= linear(f"{at}.attn.{name}", width, width)
        found |= {f"{at}.attn.norm_{name}.weight": (128,) for name in ("q", "k", "added_q", "added_k")}
        for stream in ("img", "txt"):
            found |= linear(f"{at}.{stream}_mod.1", 6 * width, width)
            found |= linear(f"{at}.{stream}_mlp.net.0.proj", 4 * width, width)
            found |= linear(f"{at}.{stream}_mlp.net.2", width, 4 * width)
    return found
