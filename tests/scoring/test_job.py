"""The scoring job on pictures whose answer is known: solid colours, read by the simplest of readers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from tests.feeds import KeptFeed
from zen_tui.library import datasets, models, pictures
from zen_tui.library.database import Database
from zen_tui.library.durable import write_blob, write_file
from zen_tui.library.errors import BadFile, ZenError
from zen_tui.library.events import Interrupted
from zen_tui.library.mannequin_specs import MannequinScoreSpec
from zen_tui.library.paths import Home
from zen_tui.library.records import Run
from zen_tui.mannequins import cast
from zen_tui.mannequins.palette import ATTRIBUTES
from zen_tui.mannequins.people import identity_numbers
from zen_tui.mannequins.readers import Reader
from zen_tui.scoring.job import OTHERS, Readers, events_of, load_readers, score, write_png

RED, GREEN, BLUE = (220, 20, 20), (20, 220, 20), (20, 20, 220)


def mean_color(images: Tensor) -> Tensor:
    """Reads a person as the colour of the picture."""
    assert images.dtype == torch.uint8
    assert images.shape[1:] == (3, 128, 128)
    return images.float().mean((2, 3)) / 255


def red_suit_woman(images: Tensor) -> list[dict[str, str]]:
    return [{"style": "photo", "gender": "woman", "garment_color": "red"} for _ in images]


READERS = Readers(mean_color, red_suit_woman, others=torch.eye(3)[1:])


def save_untrained_readers(folder: Path) -> None:
    """Readers with random weights, as the built-in base carries trained ones."""
    torch.manual_seed(0)
    folder.mkdir()
    numbers = len(identity_numbers(cast.person("gallery", 0)))
    words = sum(map(len, ATTRIBUTES.values()))
    identity = Reader(numbers, width=8).state_dict() | {
        "average": torch.zeros(numbers),
        "metric": torch.eye(numbers),
    }
    save_file(identity, folder / "identity.safetensors")
    save_file(Reader(words, width=8).state_dict(), folder / "attributes.safetensors")
    save_file({"readings": torch.randn(OTHERS, numbers)}, folder / "gallery.safetensors")


def add_job(db: Database) -> int:
    return db.insert("jobs", kind="generate", title="pictures", status="done", created=time.time())


def add_pictures(db: Database, home: Home, job_id: int, *made: tuple[str, tuple[int, int, int]]) -> None:
    for index, (prompt, color) in enumerate(made):
        path = home.pictures / f"{job_id}-{index}.png"
        write_png(Image.new("RGB", (96, 96), color), path)
        pictures.add_picture(
            db, [], job_id=job_id, idx=index, hash=path.stem, path=home.relative(path), prompt=prompt, seed=0,
            width=96, height=96,
        )  # fmt: skip


@pytest.fixture
def spec(db: Database, home: Home, tmp_path: Path) -> MannequinScoreSpec:
    """A red person in a dataset, her run with some events, and two jobs without pictures yet."""
    demo = datasets.add_dataset(db, "demo", "ohwx", "woman", "person")
    blank = home.datasets / "blank.png"
    write_png(Image.new("RGB", (140, 120), RED), blank)
    blob = write_blob(home.dataset("demo") / "photos", blank.read_bytes(), ".png")
    datasets.add_photo(db, demo.id, source="/photos/red.png", hash=blob.hash, suffix=".png", name="red.png")
    base = models.add_base(db, "mini", "sd15", "", "builtin:zen-mini", {})
    train_job = add_job(db)
    db.insert(
        "runs", slug="demo", dataset_id=demo.id, base_id=base.id, job_id=train_job, method="lora", created=0.0
    )
    lines = [b'{"kind":"step","step":1,"loss":0.5,"lr":0.001}', b"half a li", b'{"kind":"later","x":1}', b"\xff"]
    write_file(home.events(train_job), b"\n".join(lines))
    run = models.run(db, "demo")
    return MannequinScoreSpec(
        dataset="demo", seed=0, base_job=add_job(db), adapter_job=add_job(db), run=run.id,
        sheet=str(tmp_path / "out" / "demo.png"),
    )  # fmt: skip


def run_of(db: Database, spec: MannequinScoreSpec) -> Run:
    return models.run(db, str(spec.run))


def test_base_and_adapter_are_scored_by_the_same_rule(
    db: Database, home: Home, spec: MannequinScoreSpec, tmp_path: Path
) -> None:
    wish = "a photo of {} in a red suit"
    base, adapter = wish.format("a woman"), wish.format("ohwx woman")
    statue = "a marble statue of ohwx woman"
    add_pictures(db, home, spec.base_job, (base, GREEN), (base, RED), (base.replace("red", "blue"), BLUE))
    add_pictures(db, home, spec.adapter_job, (adapter, RED), (adapter, RED), (adapter, BLUE), (statue, GREEN))
    feed = KeptFeed(1)
    result = score(spec, feed, db, home, READERS)

    assert result["identity"] == {
        "base": pytest.approx(1 / 3, abs=1e-3),
        "adapter": pytest.approx(2 / 3, abs=1e-3),
    }
    assert result["adherence"] == {
        "base": pytest.approx(8 / 9, abs=1e-3),
        "adapter": pytest.approx(10 / 11, abs=1e-3),
    }
    assert result["attributes"]["base"] == {
        "style": 1,
        "gender": 1,
        "garment_color": pytest.approx(2 / 3, abs=1e-3),
    }
    assert result["pictures"] == {"base": 3, "adapter": 4}
    assert (result["sheet"], result["loss"]) == (spec.sheet, str(tmp_path / "out" / "demo-loss.png"))
    with Image.open(result["sheet"]) as sheet, Image.open(result["loss"]) as loss:
        assert sheet.width > 500
        assert loss.size == (1120, 480)


def test_readers_saved_beside_a_base_are_used(
    db: Database, home: Home, spec: MannequinScoreSpec, tmp_path: Path
) -> None:
    folder = tmp_path / "readers"
    with pytest.raises(BadFile, match="cannot be loaded"):
        load_readers(folder)
    save_untrained_readers(folder)
    whole = (folder / "identity.safetensors").read_bytes()
    save_file({"answer.bias": torch.zeros(3)}, folder / "identity.safetensors")
    with pytest.raises(BadFile, match="cannot be loaded"):
        load_readers(folder)
    (folder / "identity.safetensors").write_bytes(whole)
    add_pictures(db, home, spec.base_job, ("a woman", GREEN))
    add_pictures(db, home, spec.adapter_job, ("ohwx woman", RED))
    result = score(spec, KeptFeed(1), db, home, load_readers(folder))
    assert result["identity"]["adapter"] in (0.0, 1.0)
    assert set(result["attributes"]["base"]) == {"gender"}


def test_events_that_cannot_be_read_are_left_out(db: Database, home: Home, spec: MannequinScoreSpec) -> None:
    (event,) = events_of(home, run_of(db, spec))
    assert getattr(event, "loss", None) == 0.5


def test_a_job_without_pictures_is_said_and_a_wish_to_stop_is_heard(
    db: Database, home: Home, spec: MannequinScoreSpec
) -> None:
    with pytest.raises(ZenError, match="no pictures to score"):
        score(spec, KeptFeed(1), db, home, READERS)
    with pytest.raises(Interrupted):
        score(spec, KeptFeed(1, lambda _: "cancel"), db, home, READERS)
    assert not Path(spec.sheet).exists()
