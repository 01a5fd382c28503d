"""Weights of one byte: nearly the same answers and gradients, half the memory, and adapters as on any layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from tests.families.conftest import answer, open_family, write_lora
from tests.tiny import TinyFolder, each_family
from zen_tui.families.storage import StoredLinear, store

KINDS = pytest.mark.parametrize(("kind", "error"), [("int8", 0.015), ("fp8", 0.04)])


def layer(outputs: int = 96, inputs: int = 64) -> nn.Linear:
    made = nn.Linear(inputs, outputs)
    with torch.no_grad():
        made.weight.normal_(generator=torch.Generator().manual_seed(1))
        made.weight[3] *= 100  # one loud row must not cost the others their precision
        made.weight[4] = 0
    return made


@KINDS
def test_answers_and_gradients_are_those_of_the_rounded_weight(kind: str, error: float) -> None:
    usual = layer()
    stored = StoredLinear.of(usual, kind)
    whole = stored.whole()
    assert ((whole - usual.weight).detach().norm(dim=1) <= error * usual.weight.norm(dim=1) + 1e-12).all()
    x = torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(2), requires_grad=True)
    theirs = linear(x, whole, usual.bias)
    assert torch.allclose(stored(x), theirs, atol=1e-5 * float(theirs.detach().abs().max()))
    (mine,) = torch.autograd.grad(stored(x).square().sum(), x)
    (wanted,) = torch.autograd.grad(theirs.square().sum(), x)
    assert torch.allclose(mine, wanted, rtol=1e-4, atol=1e-4 * float(wanted.abs().max()))


@KINDS
def test_nothing_wide_is_kept(kind: str, error: float) -> None:
    stored = StoredLinear.of(layer(), kind)
    size = sum(t.numel() * t.element_size() for t in (stored.weight, stored.scale))
    assert size == 96 * 64 + 96 * 4
    kept: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        stored(torch.randn(2, 64, requires_grad=True))
    assert all(t.element_size() == 1 for t in kept if t.numel() == 96 * 64)
    assert any(t.numel() == 96 * 64 for t in kept)


def test_it_computes_in_what_autocast_says() -> None:
    stored = StoredLinear.of(layer(), "int8")
    with torch.autocast("cpu", torch.bfloat16):
        assert stored(torch.randn(2, 64)).dtype == torch.bfloat16
    assert stored(torch.randn(2, 64)).dtype == torch.float32


def test_small_layers_and_other_kinds_stay_as_they_are() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Conv2d(64, 64, 3), nn.Linear(64, 64), nn.Embedding(100, 100))
    assert store(model, "int8") == 1
    assert [type(part) for part in model] == [nn.Linear, nn.Conv2d, StoredLinear, nn.Embedding]


@each_family()
def test_a_stored_family_takes_adapters(tiny_folder: TinyFolder, tmp_path: Path, name: str, variant: str) -> None:
    folder = tiny_folder(name, variant)
    usual = open_family(folder, name, variant)
    path = write_lora(usual, tmp_path / "mara.safetensors", "attn+mlp")
    plain, layers = answer(usual), usual.attach(path, "mara")
    usual.set_adapters([("mara", 0.05)])
    adapted = answer(usual)
    for kind in ("int8", "fp8"):
        family = open_family(folder, name, variant)
        family.stored = {"denoiser": kind, "text": "int8"}
        base = answer(family)
        assert near(base, plain, 0.2)
        assert not torch.equal(base, plain)
        assert family.attach(path, "mara") == layers
        assert torch.equal(answer(family), base)
        family.set_adapters([("mara", 0.05)])
        assert near(answer(family), adapted, 0.2)
        assert not near(answer(family), base, 0.0)
        assert {type(p) for p in stored(family.denoiser())} == {StoredLinear}
        family.set_adapters([])
        assert torch.equal(answer(family), base)


def near(one: Tensor, other: Tensor, share: float) -> bool:
    return float((one - other).norm()) <= share * float(other.norm())


def stored(model: nn.Module) -> list[Any]:
    return [part for part in model.modules() if isinstance(part, StoredLinear)]
