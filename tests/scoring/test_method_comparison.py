"""Methods compared by pictures whose answer is known: solid colours, read by the simplest of readers."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from tests.feeds import KeptFeed
from tests.scoring.test_job import BLUE, GREEN, READERS, RED, add_job, add_pictures, spec  # noqa: F401  (a fixture)
from zen_tui.library import models
from zen_tui.library.comparisons import Arm, CompareMethodsSpec
from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.mannequin_specs import MannequinScoreSpec
from zen_tui.library.paths import Home
from zen_tui.scoring.method_comparison import Figures, measure, rows

CLASS = "a photo of a woman"
WISH = "a photo of {} in a red suit"
MAROON = (200, 40, 40)


@pytest.fixture
def comparison(db: Database, home: Home, spec: MannequinScoreSpec, tmp_path: Path) -> CompareMethodsSpec:  # noqa: F811
    """The base, and a run that shows the person, though once not what was asked, and made the class like her."""
    before, after = add_job(db), add_job(db)
    woman, mine = WISH.format("a woman"), WISH.format("ohwx woman")
    add_pictures(db, home, before, (woman, GREEN), (woman, BLUE), (CLASS, GREEN), (CLASS, BLUE))
    blue_suit = mine.replace("red", "blue")
    add_pictures(
        db, home, after, (mine, RED), (mine, RED), (blue_suit, RED), (mine, BLUE), (CLASS, RED), (CLASS, MAROON)
    )
    (home.adapters / "demo.safetensors").write_bytes(bytes(1000))
    models.add_adapter(db, "demo", "sd15", "adapters/demo.safetensors", trigger="ohwx woman", run_id=spec.run)
    metrics = {"seconds": 61.0, "seconds_per_step": 0.5, "memory_mb": 900}
    db.update("runs", spec.run, steps=120, metrics=metrics)
    arms = (Arm(name="base", job=before), Arm(name="LoRA", method="lora", run=spec.run, job=after))
    return CompareMethodsSpec(
        dataset="demo", base="mini", arms=arms, class_prompt=CLASS, out=str(tmp_path / "tables")
    )


def test_each_method_is_measured_by_what_its_pictures_show(
    comparison: CompareMethodsSpec, db: Database, home: Home
) -> None:
    result = measure(comparison, KeptFeed(1), db, home, READERS)
    base, lora = (msgspec.convert(figures, Figures) for figures in result["methods"].values())

    assert base.identity is not None
    assert lora.identity is not None
    assert lora.accepted is not None
    assert lora.adherence is not None
    assert (base.identity.mean, lora.identity.mean) == (0, 0.75)
    assert lora.accepted.mean == 0.5  # of the three that show her, one does not wear what was asked
    assert lora.adherence.mean == pytest.approx((1 + 1 + 2 / 3 + 1) / 4, abs=1e-3)
    assert lora.accepted.low < 0.5 < lora.accepted.high
    assert (base.class_taken, lora.class_taken) == (0, 1)
    assert base.class_variety is not None
    assert lora.class_variety is not None
    assert lora.class_variety < base.class_variety / 5
    assert (lora.steps, lora.seconds, lora.memory_mb, lora.size) == (120, 61.0, 900, 1000)
    assert (base.steps, base.size) == (None, None)


def test_tables_and_sheet_are_written(comparison: CompareMethodsSpec, db: Database, home: Home) -> None:
    result = measure(comparison, KeptFeed(1), db, home, READERS)
    folder = Path(comparison.out)
    with (folder / "methods.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["name"] for row in table] == ["base", "LoRA"]
    assert float(table[1]["accepted"]) == 0.5
    assert table[0]["seconds"] == ""
    assert msgspec.json.decode((folder / "methods.json").read_bytes()) == result["methods"]
    with Image.open(folder / "methods.png") as sheet:
        assert sheet.height > 700
        found = {color for _, color in sheet.convert("RGB").getcolors(2**24) or []}
    assert {RED, GREEN} <= found


def test_without_readers_only_what_it_takes_is_told(
    comparison: CompareMethodsSpec, db: Database, home: Home
) -> None:
    result = measure(comparison, KeptFeed(1), db, home, None)
    lora = msgspec.convert(result["methods"]["LoRA"], Figures)
    assert (lora.accepted, lora.identity, lora.class_variety) == (None, None, None)
    assert lora.seconds == 61.0
    assert dict(rows([lora]))["accepted"] == [""]


def test_a_method_without_pictures_is_a_sentence(comparison: CompareMethodsSpec, db: Database, home: Home) -> None:
    lost = msgspec.structs.replace(comparison, arms=(*comparison.arms, Arm(name="lost", job=add_job(db))))
    with pytest.raises(ZenError, match="has no pictures"):
        measure(lost, KeptFeed(1), db, home, READERS)
    assert not (Path(comparison.out) / "methods.csv").exists()
