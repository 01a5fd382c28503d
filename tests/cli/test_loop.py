"""The whole loop from the command line: base, photos, training, pictures, rating, finding, exporting."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Zen

SETTINGS = ("resolution=64", "steps=4", "rank=2", "sample_every=2", "checkpoint_every=2", "holdout=0.2")


def test_from_photos_to_a_rated_picture(
    zen: Zen, tiny_base: Path, photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEN_WORKER_IDLE", "3")
    zen("bases", "add", tiny_base, "--name", "tiny")
    zen("datasets", "import", photo_folder, "--name", "mara", "--class", "woman")
    chosen = [word for setting in SETTINGS for word in ("--set", setting)]

    trained = zen("train", "mara", "--base", "tiny", *chosen, "--wait", "--json")

    document = trained.json()
    assert trained.code == 0, trained.err
    assert document["run"] == "mara"
    assert document["status"] == "done"
    assert document["adapter"] == "mara"
    assert document["metrics"].keys() >= {"loss_first", "loss_last", "holdout_first", "holdout_last", "seconds"}
    assert document["plan"]

    out = tmp_path / "out"
    words = ("a photo of {token} in a {red|blue} suit", "--adapter", "mara:0.8", "--size", "64x64", "--steps", "2")
    drawn = zen("generate", *words, "--seed", 7, "--count", 2, "--out", out, "--wait", "--json")

    pictures = drawn.json()["pictures"]
    assert drawn.code == 0, drawn.err
    assert drawn.json()["count"] == 4
    assert {p["prompt"] for p in pictures} == {
        "a photo of ohwx woman in a red suit",
        "a photo of ohwx woman in a blue suit",
    }
    assert all(Image.open(p["path"]).size == (64, 64) for p in pictures)
    assert len(list(out.glob("*.png"))) == 4

    first = pictures[0]["id"]
    zen("pictures", "rate", first, 5)
    found = zen("pictures", "find", "rating>=4", "adapter:mara", "suit", "--json").json()
    recipe = zen("pictures", "recipe", first, "--json").json()
    shown = zen("runs", "show", "mara", "--json").json()
    best = zen("runs", "best", "mara", "--json").json()
    exported = zen("pictures", "export", first, "--out", tmp_path / "best", "--json").json()["files"]

    assert [p["id"] for p in found] == [first]
    assert recipe["seed"] == pictures[0]["seed"]
    assert recipe["steps"] == 2
    assert shown["step"] == 4
    assert [c["step"] for c in shown["checkpoints"]] == [2, 4]
    assert best["step"] in (0, 2, 4)
    assert Path(exported[0]).read_bytes() == Path(pictures[0]["path"]).read_bytes()
    assert b"suit" not in Path(exported[0]).read_bytes(), "a picture must not carry its prompt"

    adapter = tmp_path / "mara.safetensors"
    assert zen("adapters", "export", "mara", "--no-picture", "--out", adapter).code == 0
    assert zen("adapters", "import", adapter, "--name", "again", "--json").json()["trigger"] == "ohwx woman"
    assert zen("adapters", "verify", "again", "--json").json()["facts"]["rank"] == 2
    assert zen("adapters", "remove", "mara", "--yes").code == 0
    assert zen("pictures", "remove", first, "--yes").code == 0
    assert not Path(pictures[0]["path"]).exists()
    assert zen("bases", "remove", "tiny", "--yes").code == 0
    assert (tiny_base / "model_index.json").exists()


def test_what_cannot_work_is_said_before_it_is_queued(zen: Zen, tiny_base: Path, photo_folder: Path) -> None:
    zen("bases", "add", tiny_base, "--name", "tiny")
    zen("datasets", "import", photo_folder / "beach.jpg", "--name", "lonely", "--class", "woman")

    one_photo = zen("train", "lonely", "--base", "tiny", "--set", "resolution=64")
    wrong_name = zen("train", "lonely", "--base", "tiny", "--set", "stpes=4")
    wrong_size = zen("generate", "a cat", "--base", "tiny", "--size", "65x64")

    assert one_photo.code == 1
    assert "allow_few_photos" in one_photo.err
    assert wrong_name.code == 2
    assert "Did you mean steps?" in wrong_name.err
    assert wrong_size.code in (1, 2)
    assert "64" in wrong_size.err
    assert zen("jobs", "list", "--json").json() == []


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "nothing", "nothing at"),
        (lambda folder: folder, "is empty"),
        (lambda folder: _written(folder / "model.ckpt"), "safetensors"),
    ],
    ids=["missing", "empty folder", "pickle"],
)
def test_what_is_no_base_is_refused_with_a_sentence(zen: Zen, tmp_path: Path, make: object, said: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()

    answer = zen("bases", "add", make(folder))  # type: ignore[operator]

    assert answer.code == 1
    assert said in answer.err
    assert "Traceback" not in answer.err


def _written(path: Path) -> Path:
    path.write_bytes(b"\x80\x02}q\x00.")
    return path
