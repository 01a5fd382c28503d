"""LoRA files of every tool: the difference of weights that they make, and that they make it at a real layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.exchange.key_lists import LISTS, KeyList, read_list
from zen_tui.exchange.lora_layouts import layout_of
from zen_tui.families import lora_file
from zen_tui.families.lora_file import LoraFile
from zen_tui.library.errors import BadFile

LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
CONV = "down_blocks.0.resnets.0.conv1"


def real_models(keys: KeyList) -> dict[str, nn.Module]:
    """The parts of a family in their real widths, with few blocks and no weights."""
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel

    few = {"num_layers": 1, "num_single_layers": 1}
    levels = ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D")
    build: dict[str, Callable[[], nn.Module]] = {
        "sd15": lambda: diffusers.UNet2DConditionModel(cross_attention_dim=768),
        "sdxl": lambda: diffusers.UNet2DConditionModel(
            block_out_channels=(320, 640, 1280),
            down_block_types=levels,
            up_block_types=tuple(name.replace("Down", "Up") for name in reversed(levels)),
            cross_attention_dim=2048,
            transformer_layers_per_block=(1, 2, 2),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
            attention_head_dim=(5, 10, 20),
        ),
        "flux1": lambda: diffusers.FluxTransformer2DModel(guidance_embeds=True, **few),
        "flux2-klein": lambda: diffusers.Flux2Transformer2DModel(
            num_attention_heads=24, joint_attention_dim=7680, guidance_embeds=False, **few
        ),
        "z-image": lambda: diffusers.ZImageTransformer2DModel(n_layers=2, n_refiner_layers=1),
        "qwen-image": lambda: diffusers.QwenImageTransformer2DModel(num_layers=1),
        "sd35": lambda: diffusers.SD3Transformer2DModel(
            num_layers=2, num_attention_heads=24, caption_projection_dim=1536, dual_attention_layers=(0,)
        ),
    }
    parts = {line.part for line in keys.lines}
    with torch.device("meta"):
        found = {part: build[keys.family]() for part in parts & {"unet", "transformer"}}
        for part, width in (("text_encoder", 768), ("text_encoder_2", 1280)):
            if part in parts:
                config = CLIPTextConfig(hidden_size=width, intermediate_size=4 * width, num_hidden_layers=1)
                found[part] = CLIPTextModel(config)
    return found


@pytest.mark.parametrize("name", LISTS)
def test_the_layers_meant_are_those_of_the_real_model(name: str) -> None:
    keys = read_list(name)
    lora_file.check(LoraFile(Path(name), layout_of(keys.header()), ()), real_models(keys))


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + math.prod(shape)))


class Toy(nn.Module):
    """A linear layer and a convolution under the names of a UNet's."""

    def __init__(self) -> None:
        super().__init__()
        import diffusers

        torch.manual_seed(0)
        self.unet: Any = diffusers.UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(16, 32),
            layers_per_block=1,
            cross_attention_dim=16,
            attention_head_dim=2,
            norm_num_groups=8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        ).eval()


LINEAR, CONVOLUTION = (32, 32), (16, 16, 3, 3)
KINDS: dict[str, tuple[str, dict[str, Tensor], Callable[[dict[str, Tensor]], Tensor]]] = {
    "a LoRA with its alpha": (
        LAYER,
        {"lora_down.weight": draw(4, 32), "lora_up.weight": draw(32, 4), "alpha": torch.tensor(2.0)},
        lambda t: t["lora_up.weight"] @ t["lora_down.weight"] / 2,
    ),
    "a LoRA without": (
        LAYER,
        {"lora_down.weight": draw(4, 32), "lora_up.weight": draw(32, 4)},
        lambda t: t["lora_up.weight"] @ t["lora_down.weight"],
    ),
    "a convolution": (
        CONV,
        {"lora_down.weight": draw(4, 16, 3, 3), "lora_up.weight": draw(16, 4, 1, 1), "alpha": torch.tensor(4.0)},
        lambda t: torch.einsum("or,rihw->oihw", t["lora_up.weight"][:, :, 0, 0], t["lora_down.weight"]),
    ),
    "a convolution with a core": (
        CONV,
        {"lora_down.weight": draw(4, 16, 1, 1), "lora_up.weight": draw(16, 4, 1, 1),
         "lora_mid.weight": draw(4, 4, 3, 3)},
        lambda t: torch.einsum(
            "or,rshw,si->oihw", t["lora_up.weight"][:, :, 0, 0], t["lora_mid.weight"],
            t["lora_down.weight"][:, :, 0, 0],
        ),
    ),
    "a LoKr of full factors": (
        LAYER,
        {"lokr_w1": draw(4, 4), "lokr_w2": draw(8, 8), "alpha": torch.tensor(99.0)},
        lambda t: torch.kron(t["lokr_w1"], t["lokr_w2"]),
    ),
    "a LoKr of thin factors": (
        LAYER,
        {"lokr_w1_a": draw(4, 2), "lokr_w1_b": draw(2, 8), "lokr_w2_a": draw(8, 2), "lokr_w2_b": draw(2, 4),
         "alpha": torch.tensor(1.0)},
        lambda t: torch.kron(t["lokr_w1_a"] @ t["lokr_w1_b"], t["lokr_w2_a"] @ t["lokr_w2_b"]) / 2,
    ),
    "a LoKr of a convolution": (
        CONV,
        {"lokr_w1": draw(4, 2), "lokr_w2": draw(4, 8, 3, 3)},
        lambda t: torch.kron(t["lokr_w1"][:, :, None, None], t["lokr_w2"]),
    ),
    "a LoHa": (
        LAYER,
        {"hada_w1_a": draw(32, 3), "hada_w1_b": draw(3, 32), "hada_w2_a": draw(32, 3, seed=1),
         "hada_w2_b": draw(3, 32, seed=1), "alpha": torch.tensor(6.0)},
        lambda t: (t["hada_w1_a"] @ t["hada_w1_b"]) * (t["hada_w2_a"] @ t["hada_w2_b"]) * 2,
    ),
    "a LoHa of great rank": (
        LAYER,
        {"hada_w1_a": draw(32, 8), "hada_w1_b": draw(8, 32), "hada_w2_a": draw(32, 8, seed=1),
         "hada_w2_b": draw(8, 32, seed=1)},
        lambda t: (t["hada_w1_a"] @ t["hada_w1_b"]) * (t["hada_w2_a"] @ t["hada_w2_b"]),
    ),
    "a full difference": (CONV, {"diff": draw(16, 16, 3, 3)}, lambda t: t["diff"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_difference_is_what_the_formula_says_and_what_the_layer_does(kind: str, tmp_path: Path) -> None:
    layer, tensors, formula = KINDS[kind]
    path = tmp_path / "lora.safetensors"
    save_file({f"lora_unet_{layer.replace('.', '_')}.{end}": tensor for end, tensor in tensors.items()}, path)
    lora = lora_file.read(path)
    expected = formula(tensors)
    (change,) = lora.changes
    assert torch.allclose(change.delta(), expected.flatten(1), rtol=1e-5, atol=1e-5)
    assert torch.allclose(change.factors().delta(), expected.flatten(1), rtol=1e-4, atol=1e-5)

    unet = Toy().unet
    weight = unet.get_submodule(layer).weight.clone()
    x = draw(2, 5, 32) if layer == LAYER else draw(2, 16, 8, 8)
    lora_file.check(lora, {"unet": unet})
    assert lora_file.apply(lora, "unet", unet, "one") == 1
    wrapped = unet.get_submodule(layer)
    bias = wrapped.base_layer.bias
    for weight_of_it in (1.0, 0.5):
        wrapped.set_scale("one", weight_of_it)
        changed = weight + weight_of_it * expected.reshape(weight.shape)
        if layer == LAYER:
            meant = nn.functional.linear(x, changed, bias)
        else:
            meant = nn.functional.conv2d(x, changed, bias, padding=1)
        assert torch.allclose(wrapped(x), meant, rtol=1e-4, atol=1e-4)


def test_a_dora_gives_every_row_the_length_it_was_trained_to(tmp_path: Path) -> None:
    stem, path = f"lora_unet_{LAYER.replace('.', '_')}", tmp_path / "dora.safetensors"
    down, up, lengths = draw(4, 32), draw(32, 4), draw(32, 1).abs() + 0.5
    tensors = {f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": up, f"{stem}.dora_scale": lengths}
    save_file(tensors, path)
    unet = Toy().unet
    weight = unet.get_submodule(LAYER).weight + up @ down
    lora_file.apply(lora_file.read(path), "unet", unet, "one")
    x = draw(2, 5, 32)
    meant = nn.functional.linear(x, lengths * weight / weight.norm(dim=1, keepdim=True))
    assert torch.allclose(unet.get_submodule(LAYER)(x), meant, rtol=1e-4, atol=1e-4)
    save_file({**tensors, f"{stem}.dora_scale": lengths.reshape(1, 32)}, path)
    with pytest.raises(BadFile, match="DoRA over the inputs"):
        lora_file.read(path)


def test_alpha_may_lie_in_the_header(tmp_path: Path) -> None:
    path = tmp_path / "lora.safetensors"
    tensors = {f"unet.{LAYER}.lora_A.weight": draw(4, 32), f"unet.{LAYER}.lora_B.weight": draw(32, 4)}
    plain = draw(32, 4) @ draw(4, 32)
    for config, scale in (
        ('{"unet.r": 4, "unet.lora_alpha": 8}', 2.0),
        ('{"unet.r": 4, "unet.lora_alpha": 8, "unet.use_rslora": true}', 4.0),
        ('{"unet.r": 4, "unet.lora_alpha": 8, "unet.alpha_pattern": {"attn1.to_q": 1}}', 0.25),
        ("not json", 1.0),
    ):
        save_file(tensors, path, metadata={"lora_adapter_metadata": config})
        assert torch.allclose(lora_file.read(path).changes[0].delta(), plain * scale)
