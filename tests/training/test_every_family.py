"""Every family from photos to pictures: trained, killed and resumed, loaded by the library, drawn with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file

from tests.cli.conftest import Zen
from tests.families.pictures import TOLERANCE, pipeline, theirs, wish
from tests.tiny import TinyFolder, each_family
from tests.training.conftest import Studio, Tape
from zen_tui.exchange.bases import add_base
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.families import devices, load_family
from zen_tui.generation import warm
from zen_tui.generation.job import generate
from zen_tui.library import models
from zen_tui.library.errors import Refused
from zen_tui.library.events import AnyEvent, Resumed, Step
from zen_tui.library.specs import AdapterUse, GenerateSpec, PictureRequest, TrainSettings
from zen_tui.training.plan import plan

SETTINGS: dict[str, Any] = {"steps": 5, "checkpoint_every": 2, "learning_rate": 5e-2, "holdout": 0.2}


class Killed(BaseException):
    """Not an error that anything would catch and tidy up after."""


class Dying(Tape):
    """A feed whose process dies after the third step, once."""

    def tell(self, event: AnyEvent) -> None:
        super().tell(event)
        if isinstance(event, Step) and event.step == 3 and not self.of(Resumed):
            raise Killed


@pytest.fixture(autouse=True)
def _fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are compared to the level, whatever this CPU would rather compute in."""
    monkeypatch.setattr(devices, "cpu_has_bf16", lambda: False)


@each_family(trains=True)
def test_from_photos_to_pictures(studio: Studio, tiny_folder: TinyFolder, name: str, variant: str) -> None:
    folder = tiny_folder(name, variant)
    studio.base = base = add_base(studio.db, studio.home, folder, "other")
    assert (base.family, base.variant) == (name, variant)

    whole = studio.train(**SETTINGS)
    adapter = models.adapter(studio.db, studio.result["adapter"])
    learned = load_file(studio.home.resolve(adapter.path))
    assert all(torch.isfinite(tensor).all() for tensor in learned.values())
    family = load_family(base, device="cpu", precision="fp32")
    assert adapter.family == name
    assert adapter.facts["licence"] == family.variant.licence
    assert read_header(studio.home.resolve(adapter.path)).metadata["modelspec.license"] == family.variant.licence

    spec, tape = studio.start(**SETTINGS), Dying()
    with pytest.raises(Killed):
        studio.train(spec, tape)
    tape.step = 0
    studio.train(spec, tape)
    assert [event.step for event in tape.of(Resumed)] == [2]
    assert tape.losses() == whole.losses()
    again = load_file(studio.home.resolve(models.adapter(studio.db, studio.result["adapter"]).path))
    assert again.keys() == learned.keys()
    assert all(torch.equal(tensor, again[key]) for key, tensor in learned.items())

    request = wish(family)
    plain = draw(studio, request)
    mine = draw(studio, request, AdapterUse(adapter.slug, 3.0))
    assert np.array_equal(draw(studio, request, AdapterUse(adapter.slug, 0.0)), plain)
    assert np.abs(mine - plain).max() > 3 * TOLERANCE

    pipe = pipeline(folder, family)
    assert np.abs(theirs(pipe, family, request) - plain).max() <= TOLERANCE
    path = studio.home.resolve(adapter.path)
    pipe.load_lora_weights(str(path.parent), weight_name=path.name, adapter_name="mara")
    pipe.set_adapters(["mara"], [3.0])
    assert np.abs(theirs(pipe, family, request) - mine).max() <= TOLERANCE


@pytest.mark.slow
@each_family(trains=True)
def test_a_training_that_must_fit_learns_nearly_the_same(
    studio: Studio, tiny_folder: TinyFolder, name: str, variant: str
) -> None:
    studio.base = add_base(studio.db, studio.home, tiny_folder(name, variant), "other")
    plain = studio.train(**SETTINGS).losses()
    twice = studio.train(**SETTINGS, gradient_checkpointing="on").losses()
    assert twice == pytest.approx(plain, rel=1e-5)
    small = studio.train(**SETTINGS, quantize="int8", gradient_checkpointing="on").losses()
    assert small == pytest.approx(plain, rel=0.05)
    assert small != plain


def draw(studio: Studio, request: PictureRequest, *uses: AdapterUse) -> NDArray[np.float32]:
    """The picture that a job makes of `request`, read back from its file."""
    job = studio.db.insert("jobs", kind="generate", title="pictures", status="running", created=0.0)
    spec = GenerateSpec(base=studio.base.slug, adapters=uses, pictures=(request,))
    told = generate(spec, Tape(job_id=job), studio.db, studio.home)
    warm.drop()
    with Image.open(told["pictures"][0]["path"]) as picture:
        return np.asarray(picture, np.float32)


@pytest.mark.parametrize(
    ("name", "variant", "instead"),
    [
        ("flux2-klein", "distilled", "FLUX.2-klein-base-4B"),
        pytest.param("z-image", "turbo", "Z-Image", marks=pytest.mark.slow),
        pytest.param("flux1", "schnell", "FLUX.1-dev", marks=pytest.mark.slow),
    ],
)
def test_a_distilled_base_is_not_trained(
    studio: Studio, zen: Zen, tiny_folder: TinyFolder, name: str, variant: str, instead: str
) -> None:
    studio.base = base = add_base(studio.db, studio.home, tiny_folder(name, variant), "quick")
    with pytest.raises(Refused, match=r"quick is .* cannot be trained: it was distilled") as planned:
        plan(studio.db, studio.home, base, studio.dataset, TrainSettings(resolution=64))
    assert f"Train {instead}" in (planned.value.hint or "")
    with pytest.raises(Refused, match="cannot be trained"):
        studio.train(steps=1)
    assert models.adapters(studio.db) == []
    asked = zen("train", "mara", "--base", "quick", "--set", "resolution=64")
    assert asked.code == 1
    assert "cannot be trained" in asked.err
    assert f"Train {instead}" in asked.err
    assert len(models.runs(studio.db)) == 1  # the one that was put there by hand


def test_what_was_learned_on_the_base_is_drawn_on_the_distilled_one(
    studio: Studio, tiny_folder: TinyFolder, tmp_path: Path
) -> None:
    studio.base = add_base(studio.db, studio.home, tiny_folder("flux2-klein", "base"), "trained")
    studio.train(steps=2, learning_rate=5e-2)
    studio.base = add_base(studio.db, studio.home, tiny_folder("flux2-klein", "distilled"), "quick")
    family = load_family(studio.base, device="cpu", precision="fp32")
    request = wish(family)
    plain, mine = draw(studio, request), draw(studio, request, AdapterUse("mara-1", 4.0))
    assert np.abs(mine - plain).max() > TOLERANCE


def test_the_licence_is_explained_before_the_first_training(studio: Studio, tiny_folder: TinyFolder) -> None:
    studio.base = add_base(studio.db, studio.home, tiny_folder("z-image", ""), "zed")

    def licence() -> str:
        settings = TrainSettings(resolution=64, steps=1)
        return dict(plan(studio.db, studio.home, studio.base, studio.dataset, settings).lines())["licence"]

    assert licence().startswith("Apache 2.0. Free to use")
    studio.train(steps=1)
    assert licence() == "Apache 2.0"
