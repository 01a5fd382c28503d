"""All of the denoiser learns, and what it learned is added to the base, and taken back, as an adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.tiny import TinyFolder, each_family
from tests.training.conftest import SMALL, Studio
from zen_tui.exchange.adapters import inspect_adapter
from zen_tui.exchange.bases import add_base
from zen_tui.exchange.fits import hold_against
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.families import devices, load_family
from zen_tui.families.base import Family
from zen_tui.generation.fit import Machine
from zen_tui.library import models
from zen_tui.library.errors import BadFile, Refused, WrongUse
from zen_tui.library.specs import TrainSettings
from zen_tui.training.fitting import fit_for
from zen_tui.training.methods.dreambooth import Dreambooth
from zen_tui.training.methods.method import Subject
from zen_tui.training.plan import plan

SHORT: dict[str, Any] = {"steps": 3, "warmup": 1, "checkpoint_every": 5, "learning_rate": 1e-3, "holdout": 0.0}


@pytest.fixture(autouse=True)
def _fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cpu_has_bf16", lambda: False)


def weights(family: Family) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in family.denoiser().state_dict().items()}


def learn(studio: Studio, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> tuple[dict[str, torch.Tensor], Path]:
    """Train, and return the weights in the end and the adapter's file."""
    kept: list[dict[str, torch.Tensor]] = []
    real = Dreambooth.save

    def watched(self: Dreambooth, path: Path) -> Path:
        kept.append(weights(self.family))
        return real(self, path)

    monkeypatch.setattr(Dreambooth, "save", watched)
    studio.train(studio.start("dreambooth", **{**SHORT, **changed}))
    return kept[-1], studio.home.resolve(models.adapter(studio.db, studio.result["adapter"]).path)


@each_family(trains=True)
def test_added_it_is_what_was_trained_and_taken_back_it_is_the_base(
    studio: Studio, tiny_folder: TinyFolder, monkeypatch: pytest.MonkeyPatch, name: str, variant: str
) -> None:
    studio.base = add_base(studio.db, studio.home, tiny_folder(name, variant), "other")
    trained, path = learn(studio, monkeypatch)
    facts = inspect_adapter(path)
    assert (facts.kind, facts.family, facts.variant, facts.trigger) == ("difference", name, variant, "ohwx woman")
    assert hold_against(path, "mara", studio.base).ok

    family = load_family(studio.base, device="cpu", precision="fp32")
    base = weights(family)
    family.attach(path, "mara")
    family.set_adapters([("mara", 1.0)])
    moved = weights(family)
    assert any(not torch.equal(moved[key], base[key]) for key in base)
    for key, tensor in trained.items():
        torch.testing.assert_close(moved[key], tensor, rtol=0, atol=1e-6)
    family.set_adapters([("mara", 0.5)])
    assert not all(torch.equal(moved[key], found) for key, found in weights(family).items())
    family.set_adapters([("mara", 0.0)])
    assert all(torch.equal(base[key], found) for key, found in weights(family).items())


def test_the_class_is_held_to_the_base(studio: Studio) -> None:
    family = load_family(studio.base, device="cpu", precision="fp32")
    base = weights(family)
    method = Dreambooth(family, TrainSettings(**SMALL), Subject("ohwx", "woman"), "all")
    with torch.no_grad():
        for parameter in method.parameters:
            parameter.add_(1.0)
    learned = weights(family)
    with method.base_alone():
        assert all(torch.equal(base[key], found) for key, found in weights(family).items())
    assert all(torch.equal(learned[key], found) for key, found in weights(family).items())


def test_it_learns_more_than_a_small_lora_and_keeps_the_class_when_asked(studio: Studio) -> None:
    plain = studio.train(studio.start("dreambooth", **{**SHORT, "steps": 8})).losses()
    held = studio.train(studio.start("dreambooth", **{**SHORT, "steps": 8, "prior_preservation": 1.0})).losses()
    assert plain[1] == held[1]
    assert plain[8] != held[8]


def test_the_plan_counts_gradients_and_moments_and_rounds_nothing(studio: Studio) -> None:
    settings = TrainSettings(**SMALL)
    told = plan(studio.db, studio.home, studio.base, studio.dataset, settings, "dreambooth")
    assert "all of the denoiser" in told.learned
    lora = plan(studio.db, studio.home, studio.base, studio.dataset, settings)
    assert told.disk_mb >= lora.disk_mb
    tight = fit_for(studio.base, settings, Machine("cuda", 1), "dreambooth")
    assert (tight.denoiser, tight.checkpointing, tight.fits) == ("", True, False)
    with pytest.raises(WrongUse, match="cannot learn as a whole"):
        plan(
            studio.db, studio.home, studio.base, studio.dataset,
            TrainSettings(**{**SMALL, "quantize": "int8"}), "dreambooth",
        )  # fmt: skip


def test_a_file_for_another_base_or_with_a_piece_missing_is_a_sentence(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, path = learn(studio, monkeypatch)
    tensors, header = load_file(path), read_header(path).metadata
    first = next(iter(tensors))
    strange = tmp_path / "strange.safetensors"
    save_file({**tensors, "unet.no_such.weight": torch.zeros(2, 2)}, strange, metadata=header)
    assert not hold_against(strange, "strange", studio.base).ok
    family = load_family(studio.base, device="cpu", precision="fp32")
    with pytest.raises(BadFile, match="made for another base"):
        family.attach(strange, "strange")
    broken = tmp_path / "broken.safetensors"
    save_file({**tensors, first: tensors[first] * float("nan")}, broken, metadata=header)
    with pytest.raises(BadFile, match="not finite"):
        inspect_adapter(broken)

    rounded = load_family(studio.base, device="cpu", precision="fp32", stored={"denoiser": "int8"})
    rounded.denoiser()
    rounded.attach(path, "mara")
    with pytest.raises(Refused, match="are rounded here"):
        rounded.set_adapters([("mara", 1.0)])
