"""A denoiser whose blocks come to the device one after another says what it says as a whole.

The library's hooks run here with the CPU on both sides; what a card's streams add is not seen by these tests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.hooks.group_offloading import GroupOffloadingHook
from torch import nn

from tests.families.conftest import answer, open_family, write_lora
from tests.tiny import TinyFolder, each_family
from zen_tui.families.base import Family


def carried(family: Family) -> list[str]:
    """The modules of the denoiser that are brought by themselves; '' is all that is in no block."""
    return [name for name, module in family.denoiser().named_modules() if hook(module) is not None]


def hook(module: nn.Module) -> Any:
    registry = getattr(module, "_diffusers_hook", None)
    return registry.get_hook("group_offloading") if registry else None


@each_family()
def test_the_same_to_the_last_bit(tiny_folder: TinyFolder, tmp_path: Path, name: str, variant: str) -> None:
    usual, family = (open_family(tiny_folder(name, variant), name, variant) for _ in range(2))
    family.offload = True
    base = answer(usual)
    assert torch.equal(answer(family), base)
    blocks = carried(family)
    assert len(blocks) > 2
    assert "" in blocks

    path = write_lora(usual, tmp_path / "mara.safetensors", "attn+mlp")
    for one in (usual, family):
        one.attach(path, "mara")
    assert torch.equal(answer(family), base)
    for one in (usual, family):
        one.set_adapters([("mara", 0.5)])
    assert torch.equal(answer(family), answer(usual))
    assert not torch.equal(answer(family), base)
    assert carried(family) == blocks
    family.detach()
    assert torch.equal(answer(family), base)
    assert carried(family) == blocks


def test_every_weight_is_in_one_group_that_comes_and_goes(tiny_folder: TinyFolder) -> None:
    family = open_family(tiny_folder("sd15", ""))
    family.offload = True
    denoiser = family.denoiser()
    groups = [hook(module).group for module in denoiser.modules() if isinstance(hook(module), GroupOffloadingHook)]
    held = [
        {id(p) for p in (*(p for module in group.modules for p in module.parameters()), *group.parameters)}
        for group in groups
    ]
    assert set().union(*held) == {id(p) for p in denoiser.parameters()}
    assert sum(map(len, held)) == len(set().union(*held))
    largest = max(sum(p.numel() for m in group.modules for p in m.parameters()) for group in groups)
    assert largest < sum(p.numel() for p in denoiser.parameters()) / 3


def test_small_weights_are_carried_too(tiny_folder: TinyFolder) -> None:
    usual, family = (open_family(tiny_folder("flux2-klein", "base"), "flux2-klein", "base") for _ in range(2))
    usual.stored = family.stored = {"denoiser": "int8"}
    family.offload = True
    assert torch.equal(answer(family), answer(usual))


def test_a_run_that_broke_off_leaves_nothing_behind(tiny_folder: TinyFolder) -> None:
    family = open_family(tiny_folder("sd15", ""))
    family.offload = True
    before = answer(family)
    denoiser: Any = family.denoiser()
    broken = denoiser.up_blocks[0].register_forward_pre_hook(_run_out)
    try:
        answer(family)
        raise AssertionError("it did not break off")
    except torch.OutOfMemoryError:
        broken.remove()
    assert torch.equal(answer(family), before)
    family.set_adapters([])
    assert torch.equal(answer(family), before)


def _run_out(*_: Any) -> None:
    raise torch.OutOfMemoryError
