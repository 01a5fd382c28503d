"""LoRA files from elsewhere: named, copied, matched with a base, all without torch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from zen_tui.exchange.adapters import import_adapter, inspect_adapter, require_fit
from zen_tui.exchange.bases import add_base
from zen_tui.exchange.layers import lora_size
from zen_tui.exchange.lora_layouts import read_layout
from zen_tui.exchange.source import diffusers_source
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, Refused, ZenError
from zen_tui.library.paths import Home

LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"


def lora(path: Path, name: str = f"unet.{LAYER}", width: int = 16, factors: str = "lora_A lora_B") -> Path:
    """A LoRA of rank 2 on one layer."""
    down, up = factors.split()
    save_file(
        {f"{name}.{down}.weight": np.zeros((2, width), "f4"), f"{name}.{up}.weight": np.zeros((32, 2), "f4")},
        path,
        metadata={"modelspec.trigger_phrase": "ohwx \x1b[2Jwoman"},
    )
    return path


def test_an_adapter_is_described_and_copied(db: Database, home: Home, tmp_path: Path) -> None:
    source = lora(tmp_path / "Ink Wash.safetensors")
    adapter = import_adapter(db, home, source)
    assert (adapter.slug, adapter.family, adapter.kind) == ("ink-wash", "sd15", "lora")
    assert "\x1b" not in adapter.trigger
    assert adapter.facts | {"rank": 2, "modules": 1, "context": 16, "format": "diffusers"} == adapter.facts
    assert home.resolve(adapter.path).read_bytes() == source.read_bytes()
    assert import_adapter(db, home, source, "Ink Wash").slug == "ink-wash-2"


def test_an_adapter_is_matched_with_a_base(db: Database, home: Home, tiny_base: Path, tmp_path: Path) -> None:
    base = add_base(db, home, tiny_base)
    require_fit(lora(tmp_path / "fits.safetensors"), base)
    kohya = lora(tmp_path / "kohya.safetensors", f"lora_unet_{LAYER.replace('.', '_')}", 16, "lora_down lora_up")
    require_fit(kohya, base)
    words = "lora_te_text_model_encoder_layers_1_mlp_fc1"
    require_fit(lora(tmp_path / "words.safetensors", words, 16, "lora_down lora_up"), base)
    for name, width in ((f"unet.{LAYER}", 768), ("unet.down_blocks.7.attn2.to_k", 16)):
        with pytest.raises(Refused, match=r"other was made for another base than tiny: unet\.down_blocks"):
            require_fit(lora(tmp_path / "other.safetensors", name, width), base)


@pytest.mark.parametrize(
    ("name", "width", "kind", "sentence"),
    [
        (
            "somewhere.else",
            16,
            Refused,
            r"is a LoRA for a model that Zen does not know: it changes somewhere\.else",
        ),
        ("blocks.0.cross_attn.k", 16, Refused, "a model that Zen does not know: it changes blocks"),
        ("unet.\x1b[2J", 16, BadFile, "strange characters"),
    ],
)
def test_what_cannot_be_used_is_refused_and_not_kept(
    db: Database, home: Home, tmp_path: Path, name: str, width: int, kind: type[ZenError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence) as caught:
        import_adapter(db, home, lora(tmp_path / "x.safetensors", name, width))
    assert "\x1b" not in str(caught.value)
    assert models.adapters(db) == []
    assert list(home.adapters.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "width", "family", "variant"),
    [
        (f"unet.{LAYER}", 768, "sd15", ""),
        (f"unet.{LAYER}", 1024, "sd15", "2"),
        (f"unet.{LAYER}", 2048, "sdxl", ""),
        ("text_encoder_2.text_model.encoder.layers.0.mlp.fc1", 1280, "sdxl", ""),
        ("transformer.single_transformer_blocks.0.attn.to_k", 3072, "flux1", ""),
        ("transformer.single_transformer_blocks.0.attn.to_out", 12288, "flux1", ""),
        ("transformer.transformer_blocks.59.attn.to_q", 3072, "qwen-image", ""),
        ("transformer.transformer_blocks.2.attn.to_q", 2432, "sd35", ""),
    ],
)
def test_the_family_is_told_by_names_and_sizes(
    tmp_path: Path, name: str, width: int, family: str, variant: str
) -> None:
    facts = inspect_adapter(lora(tmp_path / "x.safetensors", name, width))
    assert (facts.family, facts.variant) == (family, variant)


def test_what_is_not_understood_is_never_left_out_in_silence(tmp_path: Path) -> None:
    path = lora(tmp_path / "x.safetensors")
    whole = load_file(path)
    for key in ("unet.conv_in.diff_b", "unet.mid_block.oft_blocks", f"unet.{LAYER}.lora_B.bias"):
        save_file({**whole, key: np.zeros(4, "f4")}, path)
        with pytest.raises(Refused, match=f"part of it would be lost: {re.escape(key)}"):
            inspect_adapter(path)
    first = sorted(whole)[0]
    save_file({key: value for key, value in whole.items() if key != first}, path)
    with pytest.raises(BadFile, match="is not a LoRA"):
        inspect_adapter(path)


def test_a_header_of_200_mb_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.safetensors"
    with open(path, "wb") as file:
        file.write((200_000_000).to_bytes(8, "little"))
        file.truncate(200_000_100)
    with pytest.raises(BadFile, match="header claims to be larger than any model needs"):
        inspect_adapter(path)


def test_an_adapter_of_peft_keeps_the_alpha_that_lies_beside_it(db: Database, home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "ink"
    folder.mkdir()
    lora(folder / "adapter_model.safetensors", f"base_model.model.{LAYER}", 768)
    (folder / "adapter_config.json").write_text('{"r": 2, "lora_alpha": 6, "target_modules": ["to_k"]}')
    adapter = import_adapter(db, home, folder)
    assert (adapter.slug, adapter.facts["format"]) == ("ink", "peft")
    layout = read_layout(home.resolve(adapter.path))
    assert layout.config == {"unet": {"r": 2, "lora_alpha": 6, "target_modules": ["to_k"]}}


@pytest.mark.parametrize(
    ("tensors", "family", "rank", "context", "word"),
    [
        ({"emb_params": (4, 768)}, "sd15", 4, 768, "toy"),
        ({"<cat-toy>": (768,)}, "sd15", 1, 768, "<cat-toy>"),
        ({"clip_l": (8, 768), "clip_g": (8, 1280)}, "sdxl", 8, 768, "toy"),
    ],
)
def test_embeddings_are_brought_in_as_such(
    db: Database,
    home: Home,
    tmp_path: Path,
    tensors: dict[str, tuple[int, ...]],
    family: str,
    rank: int,
    context: int,
    word: str,
) -> None:
    save_file({key: np.ones(shape, "f4") for key, shape in tensors.items()}, tmp_path / "toy.safetensors")
    adapter = import_adapter(db, home, tmp_path / "toy.safetensors")
    assert (adapter.kind, adapter.family, adapter.trigger) == ("embedding", family, word)
    assert (adapter.facts["rank"], adapter.facts["context"]) == (rank, context)


def test_a_lora_brings_its_words_along(db: Database, home: Home, tmp_path: Path) -> None:
    plain = load_file(lora(tmp_path / "plain.safetensors", width=768))

    def file(**words: np.ndarray[Any, Any]) -> Path:
        path = tmp_path / "both.safetensors"
        save_file({**plain, **{f"bundle_emb.{key}": value for key, value in words.items()}}, path)
        return path

    both = {"<toy>.clip_l": np.ones((4, 768), "f4"), "v1.5.string_to_param.*": np.ones((1, 768), "f4")}
    adapter = import_adapter(db, home, file(**both))
    assert (adapter.kind, adapter.family, adapter.trigger) == ("lora", "sd15", "<toy>, v1.5")
    assert (adapter.facts["words"], adapter.facts["modules"]) == (["<toy>", "v1.5"], 1)
    for shapes in ((4,), (1, 4, 768)):
        with pytest.raises(BadFile, match="The LoRA's word “toy” has no vectors that can be read"):
            inspect_adapter(file(**{"toy.clip_l": np.ones(shapes, "f4")}))
    with pytest.raises(BadFile, match="“toy” has no vectors"):
        inspect_adapter(file(**{"toy.clip_l": np.ones((4, 768), "f4"), "toy.clip_g": np.ones((3, 1280), "f4")}))
    with pytest.raises(Refused, match=r"part of it would be lost: bundle_emb\.toy\.clip_l_out"):
        inspect_adapter(file(**{"toy.clip_l_out": np.ones((4, 768), "f4")}))


def test_pickles_and_other_files_are_refused(tmp_path: Path) -> None:
    pickle = tmp_path / "lora.pt"
    pickle.write_bytes(b"\x80\x04.")
    with pytest.raises(Refused, match=r"lora\.pt is a pickle"):
        inspect_adapter(pickle)
    text = tmp_path / "text.safetensors"
    text.write_text("not a model at all")
    with pytest.raises(BadFile, match="not a whole safetensors file"):
        inspect_adapter(text)
    save_file({"weight": np.zeros(3, "f4")}, tmp_path / "plain.safetensors")
    with pytest.raises(BadFile, match="is not a LoRA"):
        inspect_adapter(tmp_path / "plain.safetensors")


def test_the_size_of_a_lora_is_known_beforehand(tiny_base: Path) -> None:
    source = diffusers_source(tiny_base, "sd15")
    assert lora_size(source, "sd15", "attn", 2)[0] == 32
    layers, numbers = lora_size(source, "sd15", "all", 2)
    assert (layers, 2 * numbers) == (77, lora_size(source, "sd15", "all", 4)[1])
