"""Adapter files: what is written is read back, what does not fit is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.families.conftest import answer, open_family, write_lora
from zen_tui.exchange.adapters import inspect_adapter
from zen_tui.families.base import Family
from zen_tui.library.errors import BadFile


def rewritten(path: Path, change: Any) -> Path:
    """`path` with `change` applied to its tensors, as another file without metadata."""
    other = path.with_name("changed.safetensors")
    save_file(change(load_file(path)), other)
    return other


def test_an_adapter_acts_at_its_weight_and_leaves_without_a_trace(family: Family, adapter: Path) -> None:
    base = answer(family)
    assert family.attach(adapter, "mara") == 77
    assert torch.equal(answer(family), base)  # attached is not yet active
    family.set_adapters([("mara", 1.0)])
    whole = answer(family)
    family.set_adapters([("mara", 0.5)])
    half = answer(family)
    assert 0 < (half - base).abs().mean() < (whole - base).abs().mean()
    family.set_adapters([("mara", 0.0)])
    assert torch.equal(answer(family), base)
    family.set_adapters([("mara", 1.0)])
    family.release("denoiser")
    assert torch.equal(answer(family), whole)
    family.detach()
    assert torch.equal(answer(family), base)


def test_two_adapters_act_together(family: Family, adapter: Path, tmp_path: Path) -> None:
    other = write_lora(family, tmp_path / "other.safetensors", "attn", seed=1)
    assert family.attach(adapter, "one") == 77
    assert family.attach(other, "two") == 32
    seen = []
    for use in ([("one", 1.0)], [("two", 1.0)], [("one", 1.0), ("two", 1.0)], [("one", 1.0), ("two", 0.0)]):
        family.set_adapters(use)
        seen.append(answer(family))
    assert torch.equal(seen[0], seen[3])
    assert not any(torch.equal(seen[a], seen[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


def test_diffusers_reads_what_zen_writes(family: Family, adapter: Path, tiny_base: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(str(tiny_base), local_files_only=True)
    pipeline.load_lora_weights(str(adapter.parent), weight_name=adapter.name, adapter_name="mara")
    family.attach(adapter, "mara")
    family.set_adapters([("mara", 1.0)])
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        text = family.encode(["a photo of ohwx woman"]).tensors["text"]
        theirs = pipeline.unet(noise, torch.tensor([500]), text).sample
    assert torch.allclose(answer(family), theirs, atol=1e-5)


def test_the_file_tells_its_trigger_and_nothing_private(adapter: Path) -> None:
    facts = inspect_adapter(adapter)
    assert (facts.trigger, facts.rank, facts.modules, facts.format) == ("ohwx woman", 2, 77, "diffusers")
    header = adapter.read_bytes()[:20_000]
    assert str(adapter.parent).encode() not in header


def test_kohya_files_do_the_same(family: Family, adapter: Path) -> None:
    def to_kohya(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for key, tensor in tensors.items():
            layer, factor, _ = key.removeprefix("unet.").rsplit(".", 2)
            name = "lora_unet_" + layer.replace(".", "_")
            found[f"{name}.{'lora_down' if factor == 'lora_A' else 'lora_up'}.weight"] = tensor
            found[f"{name}.alpha"] = torch.tensor(4.0)
        return found

    attention = write_lora(family, adapter.with_name("attention.safetensors"), "attn")
    kohya = rewritten(attention, to_kohya)
    assert inspect_adapter(kohya).format == "kohya"
    assert family.attach(attention, "ours") == family.attach(kohya, "kohya") == 32
    family.set_adapters([("ours", 0.8)])
    ours = answer(family)
    family.set_adapters([("kohya", 0.8)])
    assert torch.equal(answer(family), ours)


def test_a_text_encoder_lora_changes_how_prompts_are_read(family: Family, adapter: Path) -> None:
    layers = [f"self_attn_{name}_proj" for name in ("q", "k", "v", "out")] + ["mlp_fc1", "mlp_fc2"]
    widths = {"mlp_fc1": (16, 32), "mlp_fc2": (32, 16)}

    def with_text(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(5)
        found = {}
        for layer in layers:
            name = f"lora_te_text_model_encoder_layers_0_{layer}"
            inputs, outputs = widths.get(layer, (16, 16))
            found[f"{name}.lora_down.weight"] = torch.randn(2, inputs, generator=generator)
            found[f"{name}.lora_up.weight"] = torch.randn(outputs, 2, generator=generator)
            found[f"{name}.alpha"] = torch.tensor(2.0)
        return found

    plain = family.encode(["ohwx"]).tensors["text"]
    assert family.attach(rewritten(adapter, with_text), "words") == len(layers)
    assert torch.equal(family.encode(["ohwx"]).tensors["text"], plain)
    family.set_adapters([("words", 1.0)])
    changed = family.encode(["ohwx"]).tensors["text"]
    assert not torch.equal(changed, plain)
    family.release("text")
    assert torch.equal(family.encode(["ohwx"]).tensors["text"], changed)


def drop_one(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return dict(sorted(tensors.items())[1:])


def rename_one(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    layer = sorted(tensors)[0].partition(".lora_")[0]
    return {
        (key.replace("down_blocks", "side_blocks") if key.startswith(f"{layer}.lora") else key): t
        for key, t in tensors.items()
    }


def widen(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        key: torch.zeros(tensor.shape[0] + ("lora_B" in key), *tensor.shape[1:]) for key, tensor in tensors.items()
    }


def poison(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    first = sorted(tensors)[0]
    return {key: tensor * float("nan") if key == first else tensor for key, tensor in tensors.items()}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (rename_one, r"side_blocks.* changes no layer of this base"),
        (widen, r"was made for another base: unet\.down_blocks.* does not fit"),
        (poison, r"numbers that are not finite, in unet"),
        (lambda tensors: {"weights": torch.zeros(2)}, r"there is no LoRA in it"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(family: Family, adapter: Path, change: Any, sentence: str) -> None:
    before = answer(family)
    with pytest.raises(BadFile, match=sentence):
        family.attach(rewritten(adapter, change), "mara")
    assert torch.equal(answer(family), before)


def test_a_cut_off_file_is_refused(family: Family, adapter: Path) -> None:
    cut = adapter.with_name("cut.safetensors")
    cut.write_bytes(adapter.read_bytes()[:-100])
    with pytest.raises(BadFile, match=r"cut\.safetensors is not a whole safetensors file: it is cut off"):
        family.attach(cut, "mara")


def test_half_a_pair_is_not_half_applied(family: Family, adapter: Path, tiny_base: Path) -> None:
    with pytest.raises(BadFile):
        family.attach(rewritten(adapter, drop_one), "mara")
    assert torch.equal(answer(family), answer(open_family(tiny_base)))
