"""Hypernetworks of A1111 in use: against its own arrangement of layers, alone and beside a LoRA."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tests.families.conftest import answer, open_family, write_lora
from zen_tui.exchange.hypernetworks import SETTINGS
from zen_tui.families.base import Family
from zen_tui.families.legacy import convert
from zen_tui.library.errors import BadFile, Refused

WIDTHS = (16, 32)  # of the text and of the pictures in the tiny base


def plain(width: int) -> nn.Sequential:
    """Structure 1, 2, 1 without anything between, as the first ones were."""
    return nn.Sequential(nn.Linear(width, 2 * width), nn.Linear(2 * width, width))


def rich(width: int) -> nn.Sequential:
    """Structure 1, 2, 2, 1 with all that A1111 offers."""
    return nn.Sequential(
        nn.Linear(width, 2 * width), nn.Hardswish(), nn.LayerNorm(2 * width), nn.Dropout(0.3),
        nn.Linear(2 * width, 2 * width), nn.Hardswish(), nn.LayerNorm(2 * width),
        nn.Linear(2 * width, width), nn.LayerNorm(width),
    )  # fmt: skip


def activated(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width), nn.ReLU())


RICH = {"layer_structure": [1, 2, 2, 1], "activation_func": "swish", "is_layer_norm": True, "use_dropout": True,
        "activate_output": False}  # fmt: skip
KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "plain": (plain, {}),
    "rich": (rich, RICH),
    "activated": (activated, {"activation_func": "relu", "is_layer_norm": False}),
}

Pairs = dict[int, tuple[nn.Sequential, nn.Sequential]]


def networks(kind: str, widths: tuple[int, ...] = WIDTHS) -> Pairs:
    """For each width the network of the keys and that of the values."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return {width: (KINDS[kind][0](width).eval(), KINDS[kind][0](width).eval()) for width in widths}


def write(folder: Path, pairs: Pairs, settings: dict[str, Any], name: str = "ink") -> Path:
    """The hypernetwork as A1111 keeps it, converted."""
    found: dict[Any, Any] = {
        width: tuple({f"linear.{key}": tensor for key, tensor in one.state_dict().items()} for one in pair)
        for width, pair in pairs.items()
    }
    torch.save({**found, **settings}, folder / f"{name}.pt")
    convert(folder / f"{name}.pt", folder / f"{name}.safetensors")
    return folder / f"{name}.safetensors"


class Bent(nn.Module):
    """A projection that bends its input first."""

    def __init__(self, network: nn.Module, strength: float, projection: nn.Module) -> None:
        super().__init__()
        self.network, self.strength, self.projection = network, strength, projection

    def forward(self, x: Tensor) -> Tensor:
        bent: Tensor = self.projection(x + self.network(x) * self.strength)
        return bent


def bend_by_hand(family: Family, pairs: Pairs, strength: float) -> Family:
    """Put the networks before every projection to keys and values."""
    for name, module in list(family.denoiser().named_modules()):
        parent, _, last = name.rpartition(".")
        if last in ("to_k", "to_v"):
            network = pairs[getattr(module, "in_features")][last == "to_v"]  # noqa: B009
            setattr(family.denoiser().get_submodule(parent), last, Bent(copy.deepcopy(network), strength, module))
    return family


@pytest.mark.parametrize("kind", KINDS)
def test_it_bends_as_a1111_does(family: Family, tiny_base: Path, tmp_path: Path, kind: str) -> None:
    pairs = networks(kind)
    before = answer(family)
    layers = [name for name, _ in family.denoiser().named_modules() if name.endswith((".to_k", ".to_v"))]
    assert family.attach(write(tmp_path, pairs, KINDS[kind][1]), "ink") == len(layers) == 16
    assert torch.equal(answer(family), before)  # attached is not yet active
    for strength in (1.0, 0.4):
        family.set_adapters([("ink", strength)])
        expected = answer(bend_by_hand(open_family(tiny_base), pairs, strength))
        assert torch.allclose(answer(family), expected, atol=1e-6)
        assert not torch.allclose(expected, before, atol=1e-3)


def test_it_leaves_without_a_trace(family: Family, tmp_path: Path) -> None:
    before = answer(family)
    family.attach(write(tmp_path, networks("rich"), RICH), "ink")
    family.set_adapters([("ink", 1.0)])
    bent = answer(family)
    family.release("denoiser")
    assert torch.equal(answer(family), bent)
    family.set_adapters([("ink", 0.0)])
    assert torch.equal(answer(family), before)
    family.set_adapters([("ink", 1.0)])
    assert torch.equal(answer(family), bent)
    family.detach()
    assert torch.equal(answer(family), before)


@pytest.mark.parametrize("first", ["lora", "ink"])
def test_a_lora_on_the_same_layers_sees_the_bent_input(
    family: Family, tiny_base: Path, tmp_path: Path, first: str
) -> None:
    pairs = networks("activated")
    files = {
        "lora": write_lora(family, tmp_path / "lora.safetensors", "attn"),
        "ink": write(tmp_path, pairs, KINDS["activated"][1]),
    }
    answer(family)  # loaded, so that both are put into a model that is there
    for name in sorted(files, key=lambda name: name != first):
        family.attach(files[name], name)
        family.set_adapters([(name, 0.1)])
    family.set_adapters([("lora", 0.1), ("ink", 0.5)])
    other = open_family(tiny_base)
    other.attach(files["lora"], "lora")
    other.set_adapters([("lora", 0.1)])
    alone = answer(other)
    expected = answer(bend_by_hand(other, pairs, 0.5))
    assert torch.allclose(answer(family), expected, atol=1e-6)
    assert not torch.allclose(expected, alone, atol=1e-3)
    family.set_adapters([("lora", 0.1)])
    assert torch.equal(answer(family), alone)


def test_a_half_precision_denoiser_is_bent_too(tiny_base: Path, tmp_path: Path, family: Family) -> None:
    half = open_family(tiny_base, dtype=torch.bfloat16)
    file = write(tmp_path, networks("plain"), {})
    for one in (half, family):
        one.attach(file, "ink")
        one.set_adapters([("ink", 1.0)])
    ours, exact = answer(half), answer(family)
    assert (ours - exact).abs().max() < 0.05 * exact.abs().max()


def test_what_does_not_fit_is_refused_by_name(family: Family, tmp_path: Path) -> None:
    before = answer(family)
    wide = write(tmp_path, networks("plain", (16, 768)), {}, "wide")
    with pytest.raises(BadFile, match=r"wide\.safetensors was made for another base: it bends inputs of 768"):
        family.attach(wide, "wide")
    odd = write(tmp_path, networks("plain"), {"activation_func": "PReLU\x1b"}, "odd")
    with pytest.raises(Refused, match="computes with PReLU, which Zen does not know"):
        family.attach(odd, "odd")

    tensors = load_file(write(tmp_path, networks("plain"), {}, "cut"))
    for key in ("16.k.linear.1.bias", "32.v.linear.0.weight"):
        whole = {name: tensor for name, tensor in tensors.items() if name != key}
        save_file(whole, tmp_path / "cut.safetensors", metadata={SETTINGS: "{}"})
        with pytest.raises(BadFile, match=rf"cut\.safetensors is no whole hypernetwork: {key[:4]} is broken"):
            family.attach(tmp_path / "cut.safetensors", "cut")
    thin = {**tensors, "16.k.linear.0.weight": torch.zeros(32, 15)}
    save_file(thin, tmp_path / "thin.safetensors", metadata={SETTINGS: "{}"})
    with pytest.raises(BadFile, match=r"thin\.safetensors is no whole hypernetwork: 16\.k"):
        family.attach(tmp_path / "thin.safetensors", "thin")
    assert torch.equal(answer(family), before)
