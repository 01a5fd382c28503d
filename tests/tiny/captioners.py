"""Captioners with random weights, as the folders that people have: settings, weights, tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

WORDS = ["woman", "man", "red", "blue", "bench", "sky", "smiles", "walks", "garden", "light", "a", "the", "on"]
CHAT = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"]
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<image>", *CHAT]
ALPHABET = [chr(code) for code in range(33, 127)]
WHOLE = [*SPECIAL, *(f"▁{word}" for word in WORDS), "▁", *ALPHABET]
SIZE = 160  # words of the tokenizer and rows of every embedding
PAD, START, END, UNKNOWN, IMAGE = range(5)

TINY_TEXT = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
TINY_TALK = {**TINY_TEXT, "num_key_value_heads": 2, "vocab_size": SIZE}
KINDS = ("blip", "florence2", "qwen2.5-vl", "qwen3-vl", "llava", "joycaption")


def tokenizer() -> Any:
    """Knows a few words whole and any other text letter by letter."""
    inner = Tokenizer(models.Unigram([(word, -float(len(word) < 2)) for word in WHOLE], unk_id=UNKNOWN))
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex("\n"), "isolated"), pre_tokenizers.Metaspace()]
    )
    inner.decoder = decoders.Metaspace()
    inner.add_special_tokens(SPECIAL)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )


def save_captioner(kind: str, folder: Path) -> Path:
    """Write a random captioner of `kind`; the same weights every time."""
    state = torch.get_rng_state()
    torch.manual_seed(3)
    model, pixels = BUILDERS[kind]()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    unspoken = [*range(len(SPECIAL)), *range(len(WHOLE), SIZE)]
    model.generation_config.suppress_tokens = [token for token in unspoken if token != END]
    model.generation_config.min_new_tokens = 4  # so that it says something
    model.generation_config.eos_token_id = END
    model.generation_config.pad_token_id = PAD
    torch.set_rng_state(state)
    model.save_pretrained(folder, safe_serialization=True)
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    words = tokenizer()
    if kind == "joycaption":
        words.chat_template = (
            "{{ bos_token }}{% for m in messages %}{{ m['role'] }}: {% if m['role'] == 'user' %}<image>{% endif %}"
            "{{ m['content'] | trim }}</s>{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
        )
    words.save_pretrained(folder)
    return folder


def _blip() -> tuple[Any, dict[str, Any]]:
    text = {
        **TINY_TEXT,
        "vocab_size": SIZE,
        "encoder_hidden_size": 16,
        "max_position_embeddings": 128,
        "bos_token_id": START,
        "eos_token_id": END,
        "sep_token_id": END,
        "pad_token_id": PAD,
    }
    vision = {**TINY_TEXT, "image_size": 32, "patch_size": 16}
    config = transformers.BlipConfig(
        text_config=text, vision_config=vision, projection_dim=16, image_text_hidden_size=16
    )
    return transformers.BlipForConditionalGeneration(config), {
        "image_processor_type": "BlipImageProcessor",
        "size": {"height": 32, "width": 32},
    }


def _florence2() -> tuple[Any, dict[str, Any]]:
    text = {
        "model_type": "bart",
        "vocab_size": SIZE,
        "d_model": 16,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_ffn_dim": 16,
        "decoder_ffn_dim": 16,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "max_position_embeddings": 128,
        "bos_token_id": START,
        "pad_token_id": PAD,
        "eos_token_id": END,
        "decoder_start_token_id": END,
    }
    vision = {
        "depths": [1, 1, 1, 1],
        "embed_dim": [8, 8, 8, 16],
        "num_heads": [1, 1, 1, 2],
        "num_groups": [1, 1, 1, 2],
        "window_size": 4,
        "projection_dim": 16,
        "drop_path_rate": 0.0,
    }
    config = transformers.Florence2Config(text_config=text, vision_config=vision, image_token_id=IMAGE)
    pixels = {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"height": 64, "width": 64},
        "do_center_crop": False,
    }
    return transformers.Florence2ForConditionalGeneration(config), pixels


def _qwen(version: str) -> tuple[Any, dict[str, Any]]:
    places = {"image_token_id": IMAGE, "video_token_id": 159, "vision_start_token_id": 7, "vision_end_token_id": 8}
    vision = {"depth": 2, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16}
    rope = {"mrope_section": [1, 1, 2], "rope_type": "default", "type": "default"}
    pixels: dict[str, Any] = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "size": {"shortest_edge": 3136, "longest_edge": 20000},
    }
    if version == "2.5":
        text = {**TINY_TALK, "rope_scaling": rope, "rope_theta": 1e6}
        config = transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision, vocab_size=SIZE, **places)
        return transformers.Qwen2_5_VLForConditionalGeneration(config), {**pixels, "patch_size": 14}
    text = {**TINY_TALK, "head_dim": 8, "rope_scaling": {**rope, "mrope_interleaved": True}}
    deep = {**vision, "depth": 3, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 64}
    config = transformers.Qwen3VLConfig(text_config=text, vision_config=deep, **places)
    return transformers.Qwen3VLForConditionalGeneration(config), {**pixels, "patch_size": 16}


def _llava() -> tuple[Any, dict[str, Any]]:
    vision = {"model_type": "siglip_vision_model", **TINY_TEXT, "image_size": 28, "patch_size": 14}
    config = transformers.LlavaConfig(
        text_config={"model_type": "llama", **TINY_TALK},
        vision_config=vision,
        image_token_id=IMAGE,
        vision_feature_select_strategy="full",
        vision_feature_layer=-2,
    )
    return transformers.LlavaForConditionalGeneration(config), {
        "image_processor_type": "SiglipImageProcessor",
        "size": {"height": 28, "width": 28},
    }


BUILDERS: dict[str, Any] = {
    "blip": _blip,
    "florence2": _florence2,
    "qwen2.5-vl": lambda: _qwen("2.5"),
    "qwen3-vl": lambda: _qwen("3"),
    "llava": _llava,
    "joycaption": _llava,
}
