"""A1111's pickles: hypernetworks and embeddings are converted, anything that could run code is refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.feeds import KeptFeed
from zen_tui.exchange.bases import add_base
from zen_tui.exchange.fits import require_fit
from zen_tui.families.adapter_work import make_adapter
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.paths import Home
from zen_tui.library.specs import AdapterSpec


def bring(db: Database, home: Home, path: Path, found: Any) -> str:
    torch.save(found, path)
    spec = AdapterSpec(action="convert", source=str(path))
    return str(make_adapter(spec, KeptFeed(0), db, home)["adapter"])


def network(width: int) -> dict[str, torch.Tensor]:
    return {
        "linear.0.weight": torch.randn(2 * width, width),
        "linear.0.bias": torch.zeros(2 * width),
        "linear.1.weight": torch.randn(width, 2 * width),
        "linear.1.bias": torch.zeros(width),
    }


def test_a_hypernetwork_is_converted(db: Database, home: Home, tmp_path: Path, tiny_base: Path) -> None:
    found: dict[Any, Any] = {width: (network(width), network(width)) for width in (768, 320)}
    found |= {
        "layer_structure": [1, 2, 1],
        "activation_func": "relu",
        "step": 5000,
        "sd_checkpoint_name": "secret",
    }
    adapter = models.adapter(db, bring(db, home, tmp_path / "Old Style.pt", found))
    assert (adapter.slug, adapter.kind, adapter.family) == ("old-style", "hypernetwork", "sd15")
    assert adapter.facts["context"] == 768
    path = home.resolve(adapter.path)
    tensors = load_file(path)
    assert torch.equal(tensors["768.v.linear.1.weight"], found[768][1]["linear.1.weight"])
    assert len(tensors) == 16
    assert b"secret" not in path.read_bytes()
    assert list(home.work.glob("*.safetensors")) == []
    with pytest.raises(Refused, match=r"was made for another base than tiny: it bends inputs of 320 numbers"):
        require_fit(path, add_base(db, home, tiny_base))


def test_an_embedding_is_converted(db: Database, home: Home, tmp_path: Path) -> None:
    vectors = torch.randn(3, 768)
    found = {"string_to_token": {"*": 265}, "string_to_param": {"*": vectors}, "name": "toy\x1b[2J", "step": 1}
    adapter = models.adapter(db, bring(db, home, tmp_path / "toy.pt", found))
    assert (adapter.kind, adapter.family, adapter.trigger) == ("embedding", "sd15", "toy[2J")
    assert torch.equal(load_file(home.resolve(adapter.path))["emb_params"], vectors)


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def test_a_pickle_that_runs_code_runs_none(db: Database, home: Home, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    with pytest.raises(Refused, match=r"evil\.pt holds more than numbers"):
        bring(db, home, tmp_path / "evil.pt", {768: Evil(marker)})
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Evil(marker)))
    spec = AdapterSpec(action="convert", source=str(tmp_path / "plain.pt"))
    with pytest.raises((Refused, BadFile)):
        make_adapter(spec, KeptFeed(0), db, home)
    assert not marker.exists()
    assert models.adapters(db) == []


def test_what_is_not_whole_is_refused(db: Database, home: Home, tmp_path: Path) -> None:
    for found, kind, sentence in (
        ({"weights": torch.zeros(2)}, Refused, "neither a hypernetwork nor an embedding"),
        ({768: (network(768),)}, BadFile, "no whole hypernetwork"),
        ({"string_to_param": {"*": torch.full((1, 768), float("nan"))}}, BadFile, "not finite"),
    ):
        with pytest.raises(kind, match=sentence):
            bring(db, home, tmp_path / "x.pt", found)
    data = (tmp_path / "x.pt").read_bytes()
    (tmp_path / "x.pt").write_bytes(data[:200])
    with pytest.raises((BadFile, Refused), match=r"x\.pt"):
        make_adapter(AdapterSpec(action="convert", source=str(tmp_path / "x.pt")), KeptFeed(0), db, home)
    assert list(home.adapters.iterdir()) == []
