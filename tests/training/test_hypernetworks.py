"""Hypernetworks on every family: nothing at first, learned, kept in a file, and bending as they learned to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.cli.conftest import Zen
from tests.families.conftest import answer, open_family
from tests.tiny import TinyFolder, each_family
from tests.training.conftest import Studio
from zen_tui.exchange.adapters import import_adapter, inspect_adapter
from zen_tui.exchange.bases import add_base
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.families.base import Family
from zen_tui.library.errors import BadFile
from zen_tui.library.specs import TrainSettings
from zen_tui.training.methods import build
from zen_tui.training.methods.method import Method, Subject
from zen_tui.training.methods.outline import outline

LAYOUTS: dict[str, dict[str, Any]] = {
    "width": {"hypernet": "width"},
    "layer": {"hypernet": "layer", "layer_structure": "1,0.5,1"},
}
each_layout = pytest.mark.parametrize("layout", LAYOUTS)


def taught(family: Family, layout: str) -> Method:
    settings = TrainSettings(seed=5, **LAYOUTS[layout])
    return build("hypernetwork", family, settings, Subject("ohwx", "woman"), "attn")


def learn(method: Method, steps: int = 6) -> list[float]:
    """The losses of some steps towards one target."""
    family = method.family
    shape = family.latent_shape(64, 64)
    noise, target = torch.randn(2, 1, *shape, generator=torch.Generator().manual_seed(1))
    s, cond = family.objective().grid(1), family.encode(["a photo of ohwx woman"])
    optimizer = torch.optim.AdamW(method.parameters, lr=1e-2)
    losses = []
    for _ in range(steps):
        loss = (family.predict(noise, s, cond, (64, 64)) - target).square().mean()
        loss.backward()
        assert all(parameter.grad is not None for parameter in method.parameters)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


@each_layout
@each_family(trains=True)
def test_it_begins_as_the_base_and_acts_from_its_file(
    studio: Studio, tiny_folder: TinyFolder, tmp_path: Path, zen: Zen, layout: str, name: str, variant: str
) -> None:
    folder = tiny_folder(name, variant)
    base = add_base(studio.db, studio.home, folder, "other")
    family = open_family(folder, name, variant)
    before = answer(family)
    method = taught(family, layout)
    assert torch.equal(answer(family), before)
    assert outline("hypernetwork", base, method.settings).numbers == method.numbers

    losses = learn(method)
    assert losses == sorted(losses, reverse=True)
    learned = answer(family)
    assert not torch.allclose(learned, before, atol=1e-4)
    with method.base_alone():
        assert torch.equal(answer(family), before)
    assert torch.equal(answer(family), learned)

    path = method.save(tmp_path / "ink.safetensors")
    other = open_family(folder, name, variant)
    other.attach(path, "ink")
    for weight, wanted in ((1.0, learned), (0.0, before)):
        other.set_adapters([("ink", weight)])
        assert torch.equal(answer(other), wanted)

    facts = inspect_adapter(path)
    assert (facts.kind, facts.family, facts.trigger) == ("hypernetwork", name, "ohwx woman")
    import_adapter(studio.db, studio.home, path)
    held = zen("adapters", "verify", "ink", "--base", "other", "--json")
    assert held.code == 0, held.err
    (told,) = held.json()["bases"]
    assert told["ok"]
    assert f"all {facts.modules} networks fit, and bend " in told["text"]


@each_layout
def test_what_is_damaged_or_made_for_another_base_is_named(tiny_base: Path, tmp_path: Path, layout: str) -> None:
    path = taught(open_family(tiny_base), layout).save(tmp_path / "ink.safetensors")
    whole, header = load_file(path), read_header(path).metadata
    place = sorted(whole)[0].partition(".linear.")[0]

    def wrong(name: str, tensors: dict[str, Tensor]) -> str:
        save_file(tensors, tmp_path / name, metadata=header)
        plain = open_family(tiny_base)
        before = answer(plain)
        with pytest.raises(BadFile) as told:
            plain.attach(tmp_path / name, "ink")
        assert torch.equal(answer(plain), before)
        return told.value.message

    cut = {key: tensor for key, tensor in whole.items() if key != f"{place}.linear.0.bias"}
    assert f"cut.safetensors is no whole hypernetwork: {place} is broken" in wrong("cut.safetensors", cut)
    broken = {**whole, f"{place}.linear.0.bias": torch.full_like(whole[f"{place}.linear.0.bias"], torch.nan)}
    assert "numbers that are not finite" in wrong("nan.safetensors", broken)
    strange = "9999.k" if layout == "width" else f"strange.{place}"
    moved = {key.replace(f"{place}.linear", f"{strange}.linear"): t for key, t in whole.items()}
    said = wrong("other.safetensors", moved)
    if layout == "layer":
        assert f"it bends {strange}, which no attention of this one takes" in said

    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(BadFile, match=r"ink\.safetensors is not a whole safetensors file"):
        open_family(tiny_base).attach(path, "ink")


def test_a_structure_of_no_sense_is_refused(studio: Studio, zen: Zen) -> None:
    base = ("--base", "tiny", "--set", "resolution=64")
    for wrong in ("2,1", "1,2,2", "1,x,1", "1,1", "1,99,1"):
        told = zen("train", "mara", *base, "--method", "hypernetwork", "--set", f"layer_structure={wrong}")
        assert told.code == 2, told.err
        assert f"'{wrong}' is no structure of a network" in told.err
