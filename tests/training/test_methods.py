"""Every method of training: taken up to the bit, read back, drawn with, and without effect at weight 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from tests.training.conftest import SMALL, Studio, Tape
from tests.training.test_resume import adapter, same
from zen_tui.cli.train import app
from zen_tui.families import devices, load_family
from zen_tui.generation import warm
from zen_tui.generation.job import generate
from zen_tui.library import models
from zen_tui.library.errors import WrongUse
from zen_tui.library.events import Interrupted, Note
from zen_tui.library.specs import AdapterUse, GenerateSpec, PictureRequest, TrainSettings
from zen_tui.training.methods import METHODS, require_known
from zen_tui.training.methods.lora import Lora
from zen_tui.training.methods.outline import outline
from zen_tui.training.plan import plan

SHORT: dict[str, Any] = {"steps": 5, "warmup": 1, "checkpoint_every": 3, "learning_rate": 5e-2}
WAYS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in METHODS),
    ("lora", {"lora": "rslora", "rank": 4, "alpha": 3.0}),
    ("lora", {"lora": "dora", "lora_plus": 4.0}),
    ("lora", {"lora": "lokr", "rank": 1, "alpha": 3.0, "dropout": 0.2}),
    ("lora", {"lora": "lokr", "rank": 16}),
    ("hypernetwork", {"hypernet": "layer", "layer_structure": "1,0.5,1,1", "activation": "relu", "dropout": 0.2}),
    ("hypernetwork", {"activation": "linear"}),
    ("lora", {"text_encoder_lr": 0.5, "text_encoder_until": 0.7, "lora_plus": 2.0}),
    ("lora", {"lora": "lokr", "text_encoder_lr": 1.0}),
    ("dreambooth", {"learns": "attention", "save": "folder"}),
]
"""Every method as it is, and with settings that make something else of it."""
SELDOM = ("rslora", "linear", 16, 1.0)  # what makes some of them slow tests


def marks(changed: dict[str, Any]) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow] if any(value in SELDOM for value in changed.values()) else []


def each_of(method: str) -> list[Any]:
    """The settings of the ways of one method, as parameters."""
    return [pytest.param(changed, marks=marks(changed)) for name, changed in WAYS if name == method]


each_way = pytest.mark.parametrize(
    ("method", "changed"), [pytest.param(*way, marks=marks(way[1])) for way in WAYS], ids=str
)


@pytest.fixture(autouse=True)
def _fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are compared to the level, whatever this CPU would rather compute in."""
    monkeypatch.setattr(devices, "cpu_has_bf16", lambda: False)


@each_way
def test_it_is_taken_up_to_the_bit_and_drawn_with(studio: Studio, method: str, changed: dict[str, Any]) -> None:
    wanted = {**SHORT, **changed}
    whole = studio.train(studio.start(method, **wanted))
    learned, slug = adapter(studio), studio.result["adapter"]
    assert all(torch.isfinite(tensor).all() for tensor in learned.values())
    spec, tape = studio.start(method, **wanted), Tape(ask=lambda step: "pause" if step == 2 else "")
    with pytest.raises(Interrupted):
        studio.train(spec, tape)
    tape.ask, tape.step = (lambda step: ""), 0
    studio.train(spec, tape)
    assert tape.losses() == whole.losses()
    assert tape.scores() == whole.scores()
    assert same(adapter(studio), learned)

    plain = draw(studio)
    assert np.array_equal(draw(studio, AdapterUse(slug, 0.0)), plain)
    assert not np.array_equal(draw(studio, AdapterUse(slug, 1.0)), plain)


@each_way
def test_the_plan_says_what_then_learns(studio: Studio, method: str, changed: dict[str, Any]) -> None:
    settings = TrainSettings(**{**SMALL, "steps": 1, **changed})
    before = plan(studio.db, studio.home, studio.base, studio.dataset, settings, method)
    note = studio.train(studio.start(method, **{"steps": 1, **changed})).of(Note)[0].text
    count = outline(method, studio.base, settings).numbers
    size = f"{count / 1e6:.1f} million" if count >= 1e5 else f"{count:,}"
    assert f"Learning {size} numbers" in note
    assert before.learned.startswith(f"{count:,} numbers in ")
    assert before.disk_mb >= 1


@pytest.mark.parametrize("changed", each_of("lora"), ids=str)
def test_the_file_acts_as_what_was_trained(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    kept: list[torch.Tensor] = []
    real = Lora.save

    def watched(self: Lora, path: Any) -> Any:
        kept.append(answer(self.family))
        return real(self, path)

    monkeypatch.setattr(Lora, "save", watched)
    studio.train(studio.start("lora", **{**SHORT, **changed, "ema": 0.0, "dropout": 0.0}))
    family = load_family(studio.base, device="cpu", precision="fp32")
    plain = answer(family)
    path = studio.home.resolve(models.adapter(studio.db, studio.result["adapter"]).path)
    family.attach(path, "mara")
    family.set_adapters([("mara", 1.0)])
    assert not torch.allclose(kept[-1], plain, atol=1e-4), changed
    torch.testing.assert_close(answer(family), kept[-1], atol=2e-5, rtol=1e-4)


def test_a_setting_of_another_method_is_refused() -> None:
    for name, known in METHODS.items():
        require_known(name, known.settings)
        for setting in {s for other in METHODS.values() for s in other.settings} - {*known.settings}:
            with pytest.raises(WrongUse, match=f"{setting} is a setting of "):
                require_known(name, [setting])


def test_every_method_is_named_in_the_help() -> None:
    said = CliRunner().invoke(app, ["--help"]).output
    assert all(name in said for name in METHODS)


@torch.no_grad()
def answer(family: Any) -> torch.Tensor:
    family.denoiser().eval()
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(3))
    cond = family.encode(["a photo of ohwx woman"])
    found: torch.Tensor = family.predict(noise, torch.tensor([700]), cond, (64, 64))
    return found


def draw(studio: Studio, *adapters: AdapterUse) -> NDArray[Any]:
    request = PictureRequest(prompt="a photo of ohwx woman", seed=4, width=64, height=64, steps=2)
    job = studio.db.insert("jobs", kind="generate", title="pictures", status="running", created=0.0)
    spec = GenerateSpec(base=studio.base.slug, pictures=(request,), adapters=adapters)
    told = generate(spec, Tape(job_id=job), studio.db, studio.home)
    warm.drop()
    with Image.open(told["pictures"][0]["path"]) as picture:
        return np.array(picture)
