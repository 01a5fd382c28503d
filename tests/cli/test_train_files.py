"""Trainings kept as files: written, changed and started again, from a run, a file or a checkpoint."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Answer, Zen
from zen_tui.jobs import launch, queue
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.specs import TrainSettings, TrainSpec

SMALL = ("--set", "resolution=64", "--set", "holdout=0.2")


@pytest.fixture
def ready(zen: Zen, tiny_base: Path, photo_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base and a dataset of six photos; no worker is started."""
    monkeypatch.setattr(launch, "ensure_worker", lambda home: None)
    zen("bases", "add", tiny_base, "--name", "tiny")
    zen("datasets", "import", photo_folder, "--name", "mara", "--class", "woman")


def asked(home: Home, answer: Answer) -> TrainSpec:
    """What the job that a command queued is asked to do."""
    assert answer.code == 0, answer.err
    spec = queue.spec_of(home, answer.json()["job"])
    assert isinstance(spec, TrainSpec)
    return spec


def jobs(home: Home) -> int:
    with Database.open(home) as db:
        return len(queue.jobs(db))


@pytest.mark.usefixtures("ready")
def test_a_training_is_written_changed_and_started(zen: Zen, home: Home, tmp_path: Path) -> None:
    kept = tmp_path / "mara.toml"
    chosen = ("--base", "tiny", *SMALL, "--set", "rank=4", "--set", "alpha=2", "--set", 'sample_prompts="a"|b')
    written = zen("train", "mara", *chosen, "--name", "first", "--write", kept, "--json")

    assert written.code == 0, written.err
    assert written.json()["out"] == str(kept)
    assert written.json()["settings"]["rank"] == 4
    assert jobs(home) == 0
    spec = asked(home, zen("train", "--from", kept, "--json"))
    assert (spec.dataset, spec.base, spec.method, spec.name) == ("mara", "tiny", "lora", "first")
    assert TrainSettings(**{**written.json()["settings"], "sample_prompts": ('"a"', "b")}) == spec.settings

    kept.write_text(kept.read_text().replace("rank = 4", "rank = 8").replace('name = "first"\n', ""))
    changed = asked(home, zen("train", "--from", kept, "--set", "steps=40", "--name", "second", "--json"))
    assert (changed.settings.rank, changed.settings.alpha, changed.settings.steps) == (8, 2.0, 40)
    assert changed.name == "second"
    assert zen("train", "--from", kept, "--write", kept).code == 1, "nothing is overwritten"
    assert zen("train", "--from", kept, "--write", tmp_path / "mara.json").code == 2


@pytest.mark.usefixtures("ready")
def test_a_run_is_started_again_by_its_name(zen: Zen, home: Home) -> None:
    first = asked(home, zen("train", "mara", "--base", "tiny", *SMALL, "--set", "optimizer=prodigy", "--json"))
    again = asked(home, zen("train", "--from", "mara", "--json"))
    assert (again.settings, again.base, again.dataset) == (first.settings, "tiny", "mara")
    assert again.name == "mara-2"

    record = home.run(first.run) / "run.toml"
    zen("train", "--from", "mara", "--write", record)
    record.write_text(record.read_text().replace("learning_rate = 1.0", "learning_rate = 0.5"))
    edited = asked(home, zen("train", "--from", "mara", "--set", "seed=3", "--json"))
    assert (edited.settings.learning_rate, edited.settings.seed) == (0.5, 3)


@pytest.mark.usefixtures("ready")
def test_a_dry_run_says_all_and_queues_nothing(zen: Zen, home: Home) -> None:
    plain = zen("train", "mara", "--base", "tiny", *SMALL, "--dry-run")
    assert plain.code == 0
    assert "effective" in plain.out
    assert "Nothing was queued." in plain.err
    document = zen("train", "mara", "--base", "tiny", *SMALL, "--dry-run", "--json").json()
    assert document["plan"]["photos"] + document["plan"]["held_out"] == 6
    assert document["settings"]["resolution"] == 64
    assert jobs(home) == 0


@pytest.mark.usefixtures("ready")
def test_the_preset_is_the_kinds_and_is_said(zen: Zen, home: Home, tmp_path: Path) -> None:
    def dry(*words: object) -> Any:
        return zen("train", "mara", "--base", "tiny", *SMALL, *words, "--dry-run", "--json").json()

    assert dry()["plan"]["preset"].startswith("face: ")
    assert dry("--preset", "style")["plan"]["preset"].startswith("style: ")
    assert dry("--preset", "style")["settings"]["flip"] is True
    assert zen("train", "mara", "--base", "tiny", *SMALL, "--dry-run").out.startswith("preset  ")
    kept = tmp_path / "kept.toml"
    zen("train", "mara", "--base", "tiny", *SMALL, "--steps", "77", "--write", kept)
    assert dry("--from", kept)["settings"]["steps"] == 77
    assert dry("--from", kept)["plan"]["preset"] == "", "nothing in it comes from a preset"
    style = dry("--from", kept, "--preset", "style", "--set", "rank=4")["settings"]
    assert (style["steps"], style["caption_dropout"], style["rank"]) == (3000, 0.1, 4)


@pytest.mark.usefixtures("ready")
def test_a_checkpoint_is_gone_on_from(zen: Zen, home: Home, tmp_path: Path) -> None:
    spec = asked(home, zen("train", "mara", "--base", "tiny", *SMALL, "--steps", "40", "--json"))
    with Database.open(home) as db:
        db.insert("checkpoints", run_id=spec.run, step=20, path="runs/1/checkpoints/20")

    branch = zen("train", "--from", "mara@20", "--steps", "60", "--name", "on", "--json")
    assert branch.json()["from"] == {"run": spec.run, "name": "mara", "step": 20}
    assert branch.json()["changed"] == {"steps": "40 → 60"}
    on = asked(home, branch)
    assert (on.name, on.origin and on.origin.step, on.settings.steps) == ("on", 20, 60)

    kept = tmp_path / "on.toml"
    assert zen("train", "--from", "mara@20", "--steps", "60", "--write", kept).code == 0
    assert tomllib.loads(kept.read_text())["from"] == {"run": "mara", "step": 20}
    again = asked(home, zen("train", "--from", kept, "--json"))
    assert (again.origin, again.settings) == (on.origin, on.settings)
    assert zen("train", "--from", "on", "--json").json()["from"]["step"] == 20

    for words, code, said in (
        (("--from", "mara@30"), 3, "There are: 20."),
        (("--from", "mara@x"), 2, "Write mara@500, for example."),
        (("otto", "--from", "mara@20"), 2, "keeps its dataset: mara"),
        (("--from", "mara@20", "--preset", "face"), 2, "keeps its preset"),
        (("--from", "mara@20", "--set", "rank=3"), 2, "rank cannot be changed"),
    ):
        answer = zen("train", *words)
        assert answer.code == code
        assert said in answer.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[settings]\nrnak = 4\n", "line 2: there is no setting called rnak."),
        (b"[settings]\nrank = ", "is not TOML"),
        (b"\x80\x00PNG", "is not text in UTF-8"),
        (b"a = 1\n" * 200_000, "longer than 1.0 MB"),
        (b"[settings]\nrank = 4\n", "No dataset is named."),
        (b"", "No dataset is named."),
    ],
    ids=str,
)
def test_a_file_that_cannot_be_is_wrong_use(zen: Zen, tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    plain, document = zen("train", "--from", path), zen("train", "--from", path, "--json")
    assert plain.code == document.code == 2
    assert said in plain.err
    assert said in document.json()["error"]["message"]
    assert "Traceback" not in plain.err


def test_what_is_not_there_is_not_found(zen: Zen, tmp_path: Path) -> None:
    assert zen("train", "--from", tmp_path / "no.toml").code == 3
    assert zen("train", "--from", "nobody").code == 3
    assert zen("train", "--from", tmp_path).code == 2, "a folder is no file of settings"
