"""Arithmetic on adapters: what comes out does what the sum, the product or the best lower rank would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.families.test_lora_export import random_changes, written
from tests.feeds import KeptFeed
from zen_tui.exchange.adapters import import_adapter
from zen_tui.exchange.bases import add_base
from zen_tui.families import lora_file, lora_math
from zen_tui.families.adapter_work import make_adapter
from zen_tui.families.changes import Change
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, Refused, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.specs import AdapterSpec, AdapterUse

Deltas = dict[str, torch.Tensor]


def deltas(changes: Sequence[Change]) -> Deltas:
    return {change.layer: change.delta() for change in changes}


@pytest.fixture
def make(db: Database, home: Home, tmp_path: Path) -> Callable[..., tuple[dict[str, Any], Deltas]]:
    """Run the job on `mara` (kohya, one layer missing) and `ink` (diffusers): (result, differences)."""
    mara = random_changes("sd15", scale=0.5)
    ink = [lora_math.scaled([change], -1.0, "")[0] for change in random_changes("sd15")[1:]]
    import_adapter(db, home, written(tmp_path / "mara.safetensors", mara[:-1], "sd15", "kohya"))
    import_adapter(db, home, written(tmp_path / "ink.safetensors", ink, "sd15", "diffusers"))

    def call(action: str, *uses: AdapterUse, **values: Any) -> tuple[dict[str, Any], Deltas]:
        spec = AdapterSpec(action=action, adapters=uses, **{"name": "new", **values})  # type: ignore[arg-type]
        result = make_adapter(spec, KeptFeed(0), db, home)
        path = home.resolve(models.adapter(db, result["adapter"]).path)
        return result, deltas(lora_file.read(path).changes)

    return call


def source(db: Database, home: Home, name: str) -> Deltas:
    return deltas(lora_file.read(home.resolve(models.adapter(db, name).path)).changes)


def test_a_merge_does_what_all_do_together(db: Database, home: Home, make: Any) -> None:
    result, found = make("merge", AdapterUse("mara", 0.7), AdapterUse("ink", 0.5))
    mara, ink = source(db, home, "mara"), source(db, home, "ink")
    assert found.keys() == mara.keys() | ink.keys()
    for layer, difference in found.items():
        nothing = torch.zeros_like(difference)
        meant = 0.7 * mara.get(layer, nothing) + 0.5 * ink.get(layer, nothing)
        assert torch.allclose(difference, meant, rtol=1e-4, atol=1e-5)
    assert result["rank"] == 4
    adapter = models.adapter(db, "new")
    assert (adapter.family, adapter.trigger, adapter.kind) == ("sd15", "ohwx woman", "lora")


def test_scaling_multiplies(db: Database, home: Home, make: Any) -> None:
    result, found = make("scale", AdapterUse("mara", 0.3))
    assert result["rank"] == 2
    for layer, difference in source(db, home, "mara").items():
        assert torch.allclose(found[layer], 0.3 * difference, rtol=1e-5, atol=1e-6)


def test_resizing_keeps_the_best_of_every_layer(db: Database, home: Home, make: Any) -> None:
    result, found = make("resize", AdapterUse("mara"), rank=1)
    assert result["rank"] == 1
    shares = []
    for layer, difference in source(db, home, "mara").items():
        values = torch.linalg.svdvals(difference)
        assert torch.linalg.matrix_rank(found[layer]) == 1
        assert (found[layer] - difference).norm().item() == pytest.approx(values[1:].norm().item(), rel=1e-3)
        shares.append((values[0] / values.norm()).item())
    assert result["kept"]["least"] == pytest.approx(min(shares), rel=1e-4)
    assert 0.7 < result["kept"]["mean"] < 1
    same, again = make("resize", AdapterUse("mara"), rank=64, name="wide")
    assert same["rank"] == 2
    assert same["kept"]["least"] == pytest.approx(1)
    for layer, difference in source(db, home, "mara").items():
        assert torch.allclose(again[layer], difference, rtol=1e-3, atol=1e-4)


def test_what_is_no_lora_becomes_one_by_resizing() -> None:
    left, right = torch.randn(4, 4), torch.randn(8, 8)
    kron = Change("unet", "x", right, mix=left, scale=0.5)
    found = lora_math.resized([kron], 32, "x").changes[0]
    assert torch.allclose(found.delta(), 0.5 * torch.kron(left, right), rtol=1e-3, atol=1e-4)
    large = torch.randn(1100, 3) @ torch.randn(3, 1100)  # beyond what is decomposed exactly
    (up, down), share = lora_math.truncated(large, 3)
    assert share == pytest.approx(1, abs=1e-4)
    assert (up @ down - large).norm() < 1e-3 * large.norm()


def test_a_fine_tune_is_extracted(db: Database, home: Home, tiny_base: Path, tmp_path: Path, make: Any) -> None:
    import shutil

    tuned = Path(shutil.copytree(tiny_base, tmp_path / "tuned"))
    weights = next((tuned / "unet").glob("*.safetensors"))
    tensors = load_file(weights)
    layer = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
    changed = {layer: torch.randn(32, 2) @ torch.randn(2, 32), "conv_in": torch.randn(16, 2) @ torch.randn(2, 36)}
    for name, difference in changed.items():
        tensors[f"{name}.weight"] += difference.reshape(tensors[f"{name}.weight"].shape)
    save_file(tensors, weights, metadata={"format": "pt"})
    add_base(db, home, tiny_base, "old")
    add_base(db, home, tuned, "tuned")
    result, found = make("extract", tuned="tuned", base="old", rank=2)
    assert found.keys() == changed.keys()
    for name, difference in changed.items():
        assert torch.allclose(found[name], difference, rtol=1e-3, atol=1e-3)
    assert result["kept"]["least"] == pytest.approx(1, abs=1e-4)
    with pytest.raises(Refused, match="have the same weights"):
        make("extract", tuned="old", base="old", rank=2)


def test_what_cannot_be_combined_is_refused_and_leaves_nothing(
    db: Database, home: Home, make: Any, tmp_path: Path
) -> None:
    before = {path.name for path in home.adapters.iterdir()}
    flux = written(tmp_path / "flux.safetensors", random_changes("flux1"), "flux1", "kohya")
    import_adapter(db, home, flux)
    dora = written(tmp_path / "dora.safetensors", random_changes("sd15", magnitude=True), "sd15", "kohya")
    import_adapter(db, home, dora)
    cases: list[tuple[tuple[str, ...], type[ZenError], str]] = [
        (("mara", "flux"), Refused, "mara is for Stable Diffusion 1 and flux for FLUX.1"),
        (("mara", "dora"), Refused, "dora is a DoRA"),
    ]
    for names, kind, sentence in cases:
        with pytest.raises(kind, match=sentence):
            make("merge", *(AdapterUse(name) for name in names))
    home.resolve(models.adapter(db, "mara").path).write_bytes(b"cut")
    with pytest.raises(BadFile, match=r"mara\.safetensors cannot be read"):
        make("scale", AdapterUse("mara", 2.0))
    assert {path.name for path in home.adapters.iterdir()} == before | {"flux.safetensors", "dora.safetensors"}
