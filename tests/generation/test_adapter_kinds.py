"""Embeddings and hypernetworks in the job that makes pictures, and what is said of them before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.cli.conftest import Zen, zen  # noqa: F401  (fixture)
from tests.families.test_hypernetwork import networks, write
from tests.feeds import KeptFeed
from tests.generation.conftest import new_job
from tests.tiny import TinyFolder
from zen_tui.exchange.adapters import import_adapter
from zen_tui.exchange.bases import add_base
from zen_tui.exchange.fits import require_fit
from zen_tui.generation import warm
from zen_tui.generation.job import generate
from zen_tui.library import models, pictures
from zen_tui.library.database import Database
from zen_tui.library.errors import Refused
from zen_tui.library.events import Warned
from zen_tui.library.paths import Home
from zen_tui.library.records import Base
from zen_tui.library.specs import AdapterUse, GenerateSpec, PictureRequest


@pytest.fixture
def second(db: Database, home: Home, tiny_folder: TinyFolder) -> Iterator[Base]:
    """The tiny Stable Diffusion 2, with an embedding `toy` and a hypernetwork `ink` for it."""
    yield add_base(db, home, tiny_folder("sd15", "2"), "second")
    warm.drop()


@pytest.fixture
def adapters(db: Database, home: Home, tmp_path: Path) -> None:
    vectors = torch.randn(2, 1024, generator=torch.Generator().manual_seed(0))
    save_file({"emb_params": vectors}, tmp_path / "toy.safetensors")
    import_adapter(db, home, tmp_path / "toy.safetensors")
    import_adapter(db, home, write(tmp_path, networks("plain", (32, 1024)), {}))


def drawn(db: Database, home: Home, *uses: AdapterUse, prompt: str = "a toy") -> tuple[str, list[str]]:
    """The hash of the picture, and what was warned of."""
    feed = KeptFeed(new_job(db))
    request = PictureRequest(prompt=prompt, seed=1, width=64, height=64, steps=2, guidance=4.0)
    generate(GenerateSpec(base="second", adapters=uses, pictures=(request,)), feed, db, home)
    return pictures.of_job(db, feed.job_id)[0].hash, [event.text for event in feed.heard(Warned)]


@pytest.mark.usefixtures("second", "adapters")
def test_both_are_drawn_with(db: Database, home: Home) -> None:
    assert models.adapter(db, "toy").trigger == "toy"
    base, _ = drawn(db, home)
    alone = {name: drawn(db, home, AdapterUse(name, 1.0))[0] for name in ("toy", "ink")}
    both, _ = drawn(db, home, AdapterUse("toy", 1.0), AdapterUse("ink", 0.5))
    assert len({base, both, *alone.values()}) == 4
    warm.drop()
    assert drawn(db, home, AdapterUse("toy", 1.0))[0] == alone["toy"]
    assert drawn(db, home, AdapterUse("ink", 1.0))[0] == alone["ink"]
    assert drawn(db, home, AdapterUse("toy", 0.0), AdapterUse("ink", 0.0))[0] == base
    same, warned = drawn(db, home, prompt="a dog")
    assert warned == []
    assert drawn(db, home, AdapterUse("toy", 1.0), prompt="a dog") == (
        same,
        ["No prompt has the word “toy”, so toy changes nothing."],
    )


@pytest.mark.usefixtures("adapters")
def test_what_they_change_is_said_before(
    db: Database,
    home: Home,
    second: Base,
    tiny_base: Path,
    zen: Zen,  # noqa: F811
) -> None:
    first = add_base(db, home, tiny_base, "first")
    for name, total, sentence in (
        ("toy", 2, "its word becomes 2 vectors for the text_encoder"),
        ("ink", 4, "all 4 networks fit, and bend 16 keys and values of the unet"),
    ):
        answer = zen("adapters", "verify", name, "--base", "second", "--json")
        assert answer.code == 0, answer.err
        (told,) = answer.json()["bases"]
        assert (told["ok"], told["applies"], told["total"], told["text"]) == (True, total, total, sentence)
        path = home.resolve(models.adapter(db, name).path)
        require_fit(path, second)
        plain = zen("adapters", "verify", name, "--base", "second").out
        assert sentence in plain
        assert "rank" not in plain
        assert ("trigger" in plain) == (name == "toy")
        misfit = zen("adapters", "verify", name, "--base", "first")
        assert misfit.code == 1
        assert f"{name} was made for another base than first: " in misfit.out
        with pytest.raises(Refused, match=f"{name} was made for another base than first"):
            require_fit(path, first)
