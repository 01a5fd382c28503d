"""Tokenizers that know single letters and nothing else, and text encoders a few numbers wide."""

from __future__ import annotations

from typing import Any

from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
)


def clip_tokenizer() -> Any:
    """CLIP's tokenizer with the 256 bytes for words, so that any text can be read."""
    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[], model_max_length=77)


def t5_tokenizer() -> Any:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(chr(code), -3.0) for code in range(33, 127)]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=512)


def qwen_tokenizer() -> Any:
    words = [*sorted(ByteLevel.alphabet()), "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Qwen2Tokenizer(
        vocab={word: number for number, word in enumerate(words)},
        merges=[],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        model_max_length=2048,
    )
    tokenizer.chat_template = CHAT
    return tokenizer


def clip(projected: bool = False, width: int = 16, **changed: Any) -> Any:
    """A CLIP text encoder of two layers; `projected` as Stable Diffusion XL's second one."""
    config = CLIPTextConfig(
        vocab_size=514,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
        hidden_size=width,
        intermediate_size=32,
        projection_dim=width,
        num_attention_heads=2,
        num_hidden_layers=2,
        max_position_embeddings=77,
        **changed,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config).eval()


def t5(width: int = 32) -> Any:
    config = T5Config(
        vocab_size=110, d_model=width, d_ff=32, d_kv=8, num_heads=4, num_layers=2, decoder_start_token_id=0
    )
    return T5EncoderModel(config).eval()


def qwen3(layers: int, causal: bool) -> Any:
    """A Qwen3 of width 16; `causal` with the head that FLUX.2 stores and does not use."""
    config = Qwen3Config(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        vocab_size=300,
        max_position_embeddings=1024,
    )
    return (Qwen3ForCausalLM if causal else Qwen3Model)(config).eval()


def qwen25_vl() -> Any:
    text = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "rope_scaling": {"mrope_section": [1, 1, 2], "rope_type": "default", "type": "default"},
        "rope_theta": 1e6,
        "vocab_size": 300,
    }
    vision = {"depth": 2, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16}
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        vocab_size=300,
        vision_end_token_id=5,
        vision_start_token_id=4,
        vision_token_id=6,
    )
    return Qwen2_5_VLForConditionalGeneration(config).eval()
