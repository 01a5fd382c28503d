"""What DreamBooth leaves besides an adapter: a base of its own, written at the end of a run or baked later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.cli.conftest import Zen
from tests.families.pictures import TOLERANCE, pipeline, wish
from tests.tiny import TinyFolder, each_family
from tests.training.conftest import Studio, Tape
from tests.training.test_dreambooth import SHORT, learn, weights
from tests.training.test_every_family import draw
from zen_tui.exchange.bases import add_base
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.families import devices, load_family, pipeline_folder
from zen_tui.families.adapter_work import make_adapter
from zen_tui.jobs import errand
from zen_tui.library import models
from zen_tui.library.durable import require_space
from zen_tui.library.errors import DiskFull
from zen_tui.library.paths import Home
from zen_tui.library.specs import AdapterSpec, AdapterUse, TrainSettings
from zen_tui.training.methods.outline import outline
from zen_tui.training.plan import plan

Weights = dict[str, torch.Tensor]


@pytest.fixture(autouse=True)
def _fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cpu_has_bf16", lambda: False)


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[key]) for key, tensor in one.items())


@each_family(trains=True)
def test_a_run_leaves_a_base_of_its_own(
    studio: Studio, tiny_folder: TinyFolder, monkeypatch: pytest.MonkeyPatch, zen: Zen, name: str, variant: str
) -> None:
    folder = tiny_folder(name, variant)
    studio.base = add_base(studio.db, studio.home, folder, "other")
    trained, _ = learn(studio, monkeypatch, save="folder")
    tuned = models.base(studio.db, studio.result["base"])
    assert (tuned.family, tuned.variant, tuned.facts["licence"]) == (name, variant, studio.base.facts["licence"])
    assert tuned.slug in {base["name"] for base in zen("bases", "list", "--json").json()}
    assert zen("bases", "check", tuned.slug).code == 0

    family = load_family(tuned, device="cpu", precision="fp32")
    assert same(weights(family), trained)
    other = pipeline(Path(tuned.path), family)
    assert same(getattr(other, family.profile.denoiser).state_dict(), trained)

    request = wish(family)
    beside = draw(studio, request, AdapterUse(studio.result["adapter"], 1.0))
    studio.base = tuned
    assert np.abs(draw(studio, request) - beside).max() <= TOLERANCE


@pytest.mark.parametrize(
    ("name", "variant"), [("sd15", ""), pytest.param("flux2-klein", "base", marks=pytest.mark.slow)]
)
def test_it_learns_in_bf16_with_weights_in_fp32(
    studio: Studio, tiny_folder: TinyFolder, monkeypatch: pytest.MonkeyPatch, name: str, variant: str
) -> None:
    monkeypatch.setattr(devices, "cpu_has_bf16", lambda: True)
    studio.base = add_base(studio.db, studio.home, tiny_folder(name, variant), "other")
    settings: dict[str, Any] = {"precision": "bf16", "prior_preservation": 1.0, "gradient_accumulation": 2}
    trained, path = learn(studio, monkeypatch, learning_rate=1e-5, **settings)
    before = load_family(studio.base, device="cpu", dtype=torch.bfloat16).denoiser().state_dict()
    assert {tensor.dtype for tensor in load_file(path).values()} == {torch.bfloat16}
    moved = {
        key: tensor for key, tensor in trained.items() if not torch.equal(tensor.float(), before[key].float())
    }
    assert len(moved) > len(trained) / 2
    assert all(tensor.dtype == torch.float32 for tensor in moved.values())  # steps smaller than bf16 can tell
    assert any(torch.equal(tensor.to(torch.bfloat16), before[key]) for key, tensor in moved.items())


def test_attention_alone_learns(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    trained, path = learn(studio, monkeypatch, learns="attention")
    before = weights(load_family(studio.base, device="cpu", precision="fp32"))
    moved = {key for key, tensor in trained.items() if not torch.equal(tensor, before[key])}
    assert moved == {key.removeprefix("unet.") for key in read_header(path).tensors}
    assert all(".attn" in key and key.endswith(".weight") for key in moved)
    told = outline("dreambooth", studio.base, TrainSettings(learns="attention"))
    assert told.numbers == sum(before[key].numel() for key in moved)
    assert f"{len(moved)} matrices" in told.words


@pytest.mark.parametrize("apart", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_difference_is_baked_into_a_base(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, zen: Zen, tmp_path: Path, apart: bool
) -> None:
    if not apart:  # in a process of its own it takes seconds to begin

        def here(home: Home, spec: AdapterSpec, told: object) -> dict[str, Any]:
            return make_adapter(spec, Tape(), studio.db, home)

        monkeypatch.setattr(errand, "run", here)
    _, path = learn(studio, monkeypatch)
    slug = studio.result["adapter"]
    out = tmp_path / "models" / "mara"
    answer = zen("adapters", "bake", f"{slug}:0.5", "--out", out, "--name", "half", "--json")
    assert answer.code == 0, answer.err
    assert answer.json() == {"base": "half", "out": str(out)}
    family = load_family(studio.base, device="cpu", precision="fp32")
    family.attach(path, "mara")
    family.set_adapters([("mara", 0.5)])
    baked = load_family(models.base(studio.db, "half"), device="cpu", precision="fp32")
    assert same(weights(baked), weights(family))
    assert {file.name for file in out.parent.iterdir()} == {"mara"}
    assert zen("adapters", "bake", f"{slug}:nan", "--out", tmp_path / "no").code == 2


def test_what_fails_at_the_end_is_done_again_and_once(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = studio.start("dreambooth", **{**SHORT, "save": "folder"})
    with monkeypatch.context() as patched:
        patched.setattr(pipeline_folder, "require_space", lambda folder, need: require_space(folder, 10**18))
        with pytest.raises(DiskFull, match="is full"):
            studio.train(spec)
    folder = studio.home.run(spec.run) / "base"
    assert not folder.exists()
    (adapter,) = models.adapters(studio.db)
    for _ in range(2):  # after a failure, and after a crash just before the job was recorded as done
        studio.train(spec)
        assert models.base(studio.db, studio.result["base"]).path == str(folder)
        assert studio.result["adapter"] == adapter.slug
    assert len(models.bases(studio.db)) == 2
    assert not list(folder.parent.glob(".tmp-*"))
    family = load_family(models.base(studio.db, studio.result["base"]), device="cpu", precision="fp32")
    other = load_family(studio.base, device="cpu", precision="fp32")
    other.attach(studio.home.resolve(adapter.path), "mara")
    other.set_adapters([("mara", 1.0)])
    for key, tensor in weights(other).items():
        torch.testing.assert_close(weights(family)[key], tensor, rtol=0, atol=1e-6)


def test_the_plan_counts_the_folder(studio: Studio) -> None:
    settings = {**SHORT, "resolution": 64}
    plain, folder = (
        plan(
            studio.db, studio.home, studio.base, studio.dataset, TrainSettings(**settings, save=save), "dreambooth"
        )
        for save in ("difference", "folder")
    )
    assert folder.disk_mb - plain.disk_mb == pytest.approx(studio.base.facts["bytes"] / 1e6, abs=1)
