"""LoRAs under the original names of a model: what they change is what the same change of its checkpoint gives."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tests.families.test_lora_files import draw
from tests.families.test_single_files import DIFFUSERS, described
from tests.originals import write_random
from zen_tui.families import lora_file
from zen_tui.families.parts import load_part, model_class


@pytest.mark.parametrize("flat", [False, True], ids=["dotted", "kohya"])
@pytest.mark.parametrize("name", ["sd3", "flux2", "z-image", "qwen-image"])
def test_a_lora_on_every_layer_is_the_change_of_its_checkpoint(tmp_path: Path, name: str, flat: bool) -> None:
    kind, shapes, config = DIFFUSERS[name]
    plain = load_file(write_random(tmp_path / "plain.safetensors", shapes, "F32"))
    tuned = dict(plain)
    lora: dict[str, Tensor] = {}
    for key, weight in plain.items():
        stem = key.removesuffix(".weight")
        if weight.ndim in (2, 4) and stem != key:
            down, up = (
                0.1 * draw(2, *weight.shape[1:]),
                0.1 * draw(len(weight), 2, *(1,) * (weight.ndim - 2), seed=1),
            )
            tuned[key] = weight + (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)
            full = f"lora_unet_{stem.replace('.', '_')}" if flat else f"diffusion_model.{stem}"
            lora |= {f"{full}.lora_down.weight": down, f"{full}.lora_up.weight": up}
    save_file(tuned, tmp_path / "tuned.safetensors")
    save_file(lora, tmp_path / "lora.safetensors")

    def load(file: str) -> nn.Module:
        source = described(tmp_path, tmp_path / file, {"_class_name": kind, **config})
        return load_part(source, "it", model_class(f"diffusers.{kind}"), torch.float32)

    read = lora_file.read(tmp_path / "lora.safetensors")
    before = dict(load("plain.safetensors").named_parameters())
    wanted: dict[str, Tensor] = dict(load("tuned.safetensors").named_parameters())
    changes = {f"{change.layer}.weight": change.delta() for change in read.changes}
    assert changes.keys() == {key for key, weight in wanted.items() if not torch.equal(weight, before[key])}
    for key, delta in changes.items():
        assert torch.allclose(before[key] + delta.reshape(before[key].shape), wanted[key], atol=1e-6), key
