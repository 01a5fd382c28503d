"""LoRA files from elsewhere: named, copied, matched with a base, all without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from zen_tui.exchange.adapters import import_adapter, inspect_adapter, require_fit
from zen_tui.exchange.bases import add_base
from zen_tui.exchange.layers import lora_size
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
    words = "lora_te_text_model_encoder_layers_1_self_attn_q_proj"
    require_fit(lora(tmp_path / "words.safetensors", words, 16, "lora_down lora_up"), base)
    for name, width in ((f"unet.{LAYER}", 768), ("unet.down_blocks.7.attn2.to_k", 16)):
        with pytest.raises(Refused, match=r"other was made for another base than tiny: unet\.down_blocks"):
            require_fit(lora(tmp_path / "other.safetensors", name, width), base)


@pytest.mark.parametrize(
    ("name", "width", "kind", "sentence"),
    [
        (f"unet.{LAYER}", 2048, Refused, "is a LoRA for SDXL, which is not supported yet"),
        ("lora_te2_text_model_encoder_layers_0_mlp_fc1", 16, Refused, "is a LoRA for SDXL"),
        ("transformer.single_transformer_blocks.0.attn.to_k", 16, Refused, "is a LoRA for FLUX"),
        ("somewhere.else", 16, Refused, "is a LoRA for an unknown model"),
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
    assert lora_size(tiny_base, "sd15", "attn", 2)[0] == 32
    layers, numbers = lora_size(tiny_base, "sd15", "all", 2)
    assert (layers, 2 * numbers) == (77, lora_size(tiny_base, "sd15", "all", 4)[1])
