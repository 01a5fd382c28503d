"""Several GPUs from the command line: what cannot be shared is refused, and what can be is done by the worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Zen

SETTINGS = ("resolution=64", "steps=4", "rank=2", "sample_every=0", "checkpoint_every=2", "batch_size=2")
CHOSEN = [word for setting in SETTINGS for word in ("--set", setting)]


@pytest.fixture
def mara(zen: Zen, tiny_base: Path, photo_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("ZEN_WORKER_IDLE", "1")
    zen("bases", "add", tiny_base, "--name", "tiny")
    zen("datasets", "import", photo_folder, "--name", "mara", "--class", "woman")


@pytest.mark.usefixtures("mara")
def test_gpus_that_are_not_there_are_wrong_use(zen: Zen) -> None:
    refused = zen("train", "mara", "--base", "tiny", *CHOSEN, "--gpus", 2)
    assert refused.code == 2
    assert "--gpus 2 needs 2 GPUs, and this machine has no GPU" in refused.err
    assert zen("train", "mara", "--base", "tiny", *CHOSEN, "--gpus", 0).code == 2
    assert zen("jobs", "list", "--json").json() == []


@pytest.mark.usefixtures("mara")
def test_a_step_that_cannot_be_shared_is_wrong_use(zen: Zen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEN_DEVICE", "cpu")
    refused = zen("train", "mara", "--base", "tiny", *CHOSEN, "--gpus", 3)
    assert refused.code == 2
    assert "learns from 2 pictures" in refused.err
    assert "--set batch_size=6" in refused.err


@pytest.mark.slow
@pytest.mark.usefixtures("mara")
def test_the_worker_trains_with_two_processes_and_goes_on_with_one(
    zen: Zen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEN_DEVICE", "cpu")
    trained = zen("train", "mara", "--base", "tiny", *CHOSEN, "--gpus", 2, "--wait", "--json")
    assert trained.code == 0, trained.err
    document = trained.json()
    assert (document["status"], document["plan"]["gpus"]) == ("done", 2)
    longer = zen("runs", "resume", "mara", "--steps", 6, "--gpus", 1)
    assert longer.code == 0, longer.err
    assert zen("jobs", "watch", document["job"]).code == 0
    shown = zen("runs", "show", "mara", "--json").json()
    assert shown["step"] == 6
