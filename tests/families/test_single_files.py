"""Models out of single-file checkpoints: every tensor arrives where the library's own loader puts it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.originals import Shapes, clip, open_clip, qwen, t5, under, unet, vae, wan_vae, write_random
from tests.originals_flow import flux2, qwen_image, sd3, z_image
from zen_tui.exchange.blueprints import CONFIGS
from zen_tui.exchange.source import Part, Source
from zen_tui.families.parts import load_part, model_class
from zen_tui.families.tokenizers import load_tokenizer
from zen_tui.library.errors import BadFile

KL = {
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [8, 16, 32, 32],
    "layers_per_block": 2,
    "norm_num_groups": 4,
}
CLIP = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "projection_dim": 16,
}
QWEN = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}

DIFFUSERS: dict[str, tuple[str, Shapes, dict[str, Any]]] = {
    "unet": (
        "UNet2DConditionModel",
        unet(16, width=32, multipliers=(1, 2), depth=(1, 0)),
        {
            "block_out_channels": [32, 64], "cross_attention_dim": 16, "attention_head_dim": 2, "sample_size": 8,
            "layers_per_block": 2,
            "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
            "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
        },
    ),
    "sized unet": (
        "UNet2DConditionModel",
        unet(16, width=32, multipliers=(1, 2), depth=(0, 2), middle=2, flat=True, label=80),
        {
            "block_out_channels": [32, 64], "cross_attention_dim": 16, "attention_head_dim": [2, 4],
            "sample_size": 8, "layers_per_block": 2,
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
            "transformer_layers_per_block": [1, 2], "use_linear_projection": True,
            "addition_embed_type": "text_time", "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 80,
        },
    ),
    "vae": ("AutoencoderKL", vae(4, width=8), {**KL, "latent_channels": 4}),
    "flux2": (
        "Flux2Transformer2DModel",
        flux2(128, 1, 2, 48),
        {"num_layers": 1, "num_single_layers": 2, "num_attention_heads": 1, "joint_attention_dim": 48,
         "guidance_embeds": False},
    ),
    "z-image": (
        "ZImageTransformer2DModel",
        z_image(384, 2, 16),
        {"dim": 384, "n_layers": 2, "n_heads": 3, "n_kv_heads": 3, "cap_feat_dim": 16},
    ),
    "sd3": (
        "SD3Transformer2DModel",
        sd3(2, dual=1, positions=8),
        {"sample_size": 8, "num_layers": 2, "num_attention_heads": 2, "caption_projection_dim": 128,
         "pos_embed_max_size": 8, "dual_attention_layers": [0], "qk_norm": "rms_norm"},
    ),
    "qwen-image": (
        "QwenImageTransformer2DModel",
        qwen_image(128, 2, 16),
        {"num_layers": 2, "num_attention_heads": 1, "joint_attention_dim": 16},
    ),
}  # fmt: skip
"""Class, tensors of the checkpoint, settings: small, and in the layout of the real ones."""


def source(folder: Path, shapes: Shapes, config: dict[str, Any], prefix: str = "", dtype: str = "F32") -> Source:
    """One random part in a single file, with its settings in a folder of their own."""
    file = write_random(folder / "one.safetensors", under(prefix, shapes), dtype)
    return described(folder, file, config, prefix)


def described(
    folder: Path, file: Path, config: dict[str, Any], prefix: str = "", layout: str = "original"
) -> Source:
    (folder / "settings").mkdir(exist_ok=True)
    (folder / "settings" / "config.json").write_text(json.dumps(config))
    return Source(file, {"it": Part(folder / "settings", (file,), layout, prefix)}, folder)


@pytest.mark.parametrize("name", DIFFUSERS)
def test_every_tensor_arrives_where_diffusers_puts_it(tmp_path: Path, name: str) -> None:
    kind, shapes, config = DIFFUSERS[name]
    cls = model_class(f"diffusers.{kind}")
    config = {"_class_name": kind, **config}
    prefix = {"vae": "first_stage_model.", "flux2": "", "qwen-image": ""}.get(name, "model.diffusion_model.")
    made = source(tmp_path, shapes, config, prefix)
    theirs = cls.from_single_file(str(made.root), config=str(tmp_path / "settings"), local_files_only=True)
    ours = load_part(made, "it", cls, torch.float32)
    found, expected = ours.state_dict(), theirs.state_dict()
    assert sum(t.numel() for t in found.values()) == sum(torch.Size(shape).numel() for shape in shapes.values())
    assert all(torch.equal(tensor, expected[key]) for key, tensor in found.items())
    assert not any(p.requires_grad for p in ours.parameters())
    half = load_part(made, "it", cls, torch.bfloat16)
    assert {p.dtype for p in half.parameters()} == {torch.bfloat16}


def test_the_vae_of_flux2_keeps_its_statistics(tmp_path: Path) -> None:
    shapes = vae(4, width=8, inner_quant=True) | {"bn.running_mean": (16,), "bn.running_var": (16,)}
    made = source(tmp_path, shapes, {**KL, "_class_name": "AutoencoderKLFlux2", "latent_channels": 4})
    loaded: Any = load_part(made, "it", model_class("diffusers.AutoencoderKLFlux2"), torch.float32)
    kept = load_file(made.root)
    assert torch.equal(loaded.bn.running_mean, kept["bn.running_mean"])
    assert torch.equal(loaded.quant_conv.weight, kept["encoder.quant_conv.weight"])


def test_the_vae_of_qwen_image_comes_out_of_wans_names(tmp_path: Path) -> None:
    """Every tensor is taken, or loading would say so."""
    config = {"base_dim": 16, "z_dim": 4, "latents_mean": [0.0] * 4, "latents_std": [1.0] * 4}
    made = source(tmp_path, wan_vae(4, 16), config)
    loaded: Any = load_part(made, "it", model_class("diffusers.AutoencoderKLQwenImage"), torch.float32)
    kept = load_file(made.root)
    assert sum(p.numel() for p in loaded.parameters()) == sum(tensor.numel() for tensor in kept.values())
    assert torch.equal(loaded.decoder.conv_out.weight, kept["decoder.head.2.weight"])
    assert torch.equal(loaded.encoder.conv_in.bias, kept["encoder.conv1.bias"])


def clip_text(model: Any) -> Any:
    return getattr(model, "text_model", model)


@pytest.mark.parametrize("kind", ["CLIPTextModel", "CLIPTextModelWithProjection"])
def test_both_layouts_of_clip_compute_the_same(tmp_path: Path, kind: str) -> None:
    """OpenCLIP keeps queries, keys and values in one tensor, and the projection turned round."""
    theirs = source(tmp_path / "open", open_clip(16, 3, words=64), {**CLIP, "num_hidden_layers": 2})
    split: dict[str, torch.Tensor] = {}
    kept = load_file(theirs.root)
    names = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2",
             "attn.out_proj": "self_attn.out_proj"}  # fmt: skip
    for key, tensor in kept.items():
        if key.startswith("transformer.resblocks."):
            number, _, rest = key.removeprefix("transformer.resblocks.").partition(".")
            at = f"text_model.encoder.layers.{number}."
            if "in_proj" in rest:
                for letter, third in zip("qkv", tensor.chunk(3), strict=True):
                    split[f"{at}self_attn.{letter}_proj.{rest.rpartition('_')[2]}"] = third.contiguous()
            else:
                stem, _, end = rest.rpartition(".")
                split[f"{at}{names[stem]}.{end}"] = tensor
    split["text_model.embeddings.token_embedding.weight"] = kept["token_embedding.weight"]
    split["text_model.embeddings.position_embedding.weight"] = kept["positional_embedding"]
    split["text_model.final_layer_norm.weight"] = kept["ln_final.weight"]
    split["text_model.final_layer_norm.bias"] = kept["ln_final.bias"]
    split["text_projection.weight"] = kept["text_projection"].T.contiguous()
    (tmp_path / "plain").mkdir()
    save_file(split, tmp_path / "plain" / "one.safetensors")
    plain = described(tmp_path / "plain", tmp_path / "plain" / "one.safetensors", CLIP)

    tokens = torch.tensor([[1, 5, 9, 63]])
    cls = model_class(f"transformers.{kind}")
    answers = [load_part(one, "it", cls, torch.float32)(tokens)[0] for one in (theirs, plain)]
    assert torch.equal(*answers)
    assert len(clip_text(load_part(plain, "it", cls, torch.float32)).encoder.layers) == 2


def test_clip_l_without_a_projection_gets_one_that_changes_nothing(tmp_path: Path) -> None:
    made = source(tmp_path, clip(16, 2, words=64), CLIP)
    loaded: Any = load_part(made, "it", model_class("transformers.CLIPTextModelWithProjection"), torch.float32)
    assert torch.equal(loaded.text_projection.weight, torch.eye(16))


@pytest.mark.parametrize(
    ("kind", "shapes", "config"),
    [
        (
            "T5EncoderModel",
            t5(32, 2, 64, 4, words=64),
            {"vocab_size": 64, "d_model": 32, "d_ff": 64, "d_kv": 8, "num_heads": 4, "num_layers": 2,
             "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
        ),
        ("Qwen3Model", qwen(32, 64, 2, 4, 64, keys=2, head=8), {**QWEN, "head_dim": 8}),
        ("Qwen3ForCausalLM", qwen(32, 64, 2, 4, 64, keys=2, head=8), {**QWEN, "head_dim": 8}),
        (
            "Qwen2_5_VLForConditionalGeneration",
            qwen(32, 64, 2, 4, 64, keys=2, head=8, third=False),
            {"text_config": {**QWEN, "rope_scaling": {"rope_type": "default", "mrope_section": [1, 1, 2]}},
             "vision_config": {"depth": 1, "hidden_size": 16, "num_heads": 2, "intermediate_size": 16}},
        ),
    ],
)  # fmt: skip
def test_language_models_read_a_prompt(tmp_path: Path, kind: str, shapes: Shapes, config: dict[str, Any]) -> None:
    made = source(tmp_path, shapes, config, dtype="BF16")
    model: Any = load_part(made, "it", model_class(f"transformers.{kind}"), torch.float32)
    kept = load_file(made.root)
    words = kept.get("shared.weight", kept.get("model.embed_tokens.weight"))
    assert words is not None
    assert torch.equal(model.get_input_embeddings().weight, words.float())
    with torch.no_grad():
        answer = model(torch.tensor([[1, 2, 3]]), output_hidden_states=True)
    assert answer.hidden_states[-1].shape == (1, 3, 32)
    assert bool(answer.hidden_states[-1].isfinite().all())


def test_fp8_with_scales_is_widened(tmp_path: Path) -> None:
    """As ComfyUI writes 'fp8_scaled' files: the weight is the fp8 number times a scale beside it."""
    file, exact = tmp_path / "one.safetensors", torch.randn(16, 16)
    made = source(tmp_path, clip(16, 2, words=64), CLIP)
    tensors, name = load_file(made.root), "text_model.encoder.layers.1.mlp.fc1"
    scale = exact.abs().max() / 448
    tensors[f"{name}.weight"] = (exact.repeat(4, 1) / scale).to(torch.float8_e4m3fn)
    tensors |= {f"{name}.scale_weight": scale, "scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn)}
    save_file(tensors, file)
    model: Any = load_part(made, "it", model_class("transformers.CLIPTextModel"), torch.float32)
    error = (model.encoder.layers[1].mlp.fc1.weight - exact.repeat(4, 1)).abs()
    assert float((error / exact.abs().max()).max()) < 0.04  # three bits of mantissa


def test_a_vae_file_in_diffusers_names_is_loaded_by_itself(tmp_path: Path) -> None:
    cls = model_class("diffusers.AutoencoderKL")
    theirs = cls.from_config({**KL, "latent_channels": 4})
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}  # before diffusers 0.18
    tensors = {}
    for key, tensor in theirs.state_dict().items():
        name = key
        for now, before in old.items():
            name = name.replace(f".{now}.", f".{before}.")
        tensors[name] = tensor.contiguous()
    save_file(tensors, tmp_path / "vae.safetensors")
    made = described(tmp_path, tmp_path / "vae.safetensors", {**KL, "latent_channels": 4}, layout="diffusers")
    ours = load_part(made, "it", cls, torch.float32).state_dict()
    assert all(torch.equal(tensor, ours[key]) for key, tensor in theirs.state_dict().items())


def drop(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["text_model.final_layer_norm.weight"]


def widen(tensors: dict[str, torch.Tensor]) -> None:
    tensors["text_model.final_layer_norm.weight"] = torch.zeros(17)


def add(tensors: dict[str, torch.Tensor]) -> None:
    tensors["text_model.mystery.weight"] = torch.zeros(1)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (drop, r"1 of its tensors are missing, as final_layer_norm.weight"),
        (widen, r"final_layer_norm.weight is \(17,\) and should be \(16,\)"),
        (add, "it holds mystery.weight, which its model does not have"),
    ],
)
def test_a_part_that_does_not_fit_is_not_loaded_in_silence(
    tmp_path: Path, spoil: Callable[[dict[str, torch.Tensor]], None], sentence: str
) -> None:
    made = source(tmp_path, clip(16, 2, words=64), CLIP)
    tensors = load_file(made.root)
    spoil(tensors)
    save_file(tensors, made.root)
    with pytest.raises(BadFile, match=sentence):
        load_part(made, "it", model_class("transformers.CLIPTextModel"), torch.float32)


def test_a_file_that_was_cut_off_since_is_a_sentence(tmp_path: Path) -> None:
    made = source(tmp_path, clip(16, 2, words=64), CLIP)
    made.root.write_bytes(made.root.read_bytes()[:-50])
    with pytest.raises(BadFile, match=r"The it of one.safetensors cannot be loaded"):
        load_part(made, "it", model_class("transformers.CLIPTextModel"), torch.float32)


# What travels with Zen


@pytest.mark.parametrize(
    ("name", "prompt", "ids"),
    [
        # numbers that OpenAI's own tokenizer gives, with its marks of start and end
        ("clip", "a photo of a cat", [49406, 320, 1125, 539, 320, 2368, 49407]),
        ("clip", "sks ohwx", [49406, 48136, 47993, 49407]),
        # the example of T5's own documentation
        ("t5", "translate English to German: That is good.", [13959, 1566, 12, 2968, 10, 466, 19, 207, 5, 1]),
        ("qwen", "hello world", [14990, 1879]),
        ("qwen", "<|im_start|>user\n<think> <|image_pad|>", [151644, 872, 198, 151667, 220, 151655]),
    ],
)
def test_vocabularies_that_travel_with_zen_are_the_models_own(name: str, prompt: str, ids: list[int]) -> None:
    assert load_tokenizer(CONFIGS / "tokenizers" / name, None)(prompt).input_ids == ids


def test_qwen_is_addressed_as_a_chat() -> None:
    tokenizer = load_tokenizer(CONFIGS / "tokenizers" / "qwen", None)
    words = [{"role": "user", "content": "a cat"}]
    options = {"tokenize": False, "add_generation_prompt": True}
    asked = "<|im_start|>user\na cat<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.apply_chat_template(words, **options, enable_thinking=True) == asked
    assert (
        tokenizer.apply_chat_template(words, **options, enable_thinking=False) == f"{asked}<think>\n\n</think>\n\n"
    )


def test_the_second_tokenizer_of_sdxl_fills_up_with_zeros() -> None:
    tokens = load_tokenizer(CONFIGS / "tokenizers" / "clip-0", None)("x", padding="max_length").input_ids
    assert (len(tokens), tokens[-1]) == (77, 0)


def test_a_missing_tokenizer_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"The tokenizer in .* cannot be loaded"):
        load_tokenizer(tmp_path / "tokenizer", model_class("transformers.CLIPTokenizer"))
