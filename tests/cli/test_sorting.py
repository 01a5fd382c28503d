"""`zen datasets check`, `crop` and `split` on real photographs, through the command line alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageFilter, ImageOps

from tests.cli.conftest import Zen
from tests.helpers import save
from tests.photos.pictures import photograph
from zen_tui.library.paths import Home


@pytest.fixture
def mixed(zen: Zen, home: Home, tmp_path: Path) -> Path:
    """A dataset of five photographs, one of them blurred and one the mirror image of another."""
    home.settings.write_text("[verdicts]\nsmall = 200\n")
    for name in ("astronaut", "coffee", "rocket"):
        save(tmp_path / "in" / f"{name}.png", photograph(name))
    save(tmp_path / "in" / "soft.png", photograph("chelsea").filter(ImageFilter.GaussianBlur(5)))
    save(tmp_path / "in" / "turned.png", ImageOps.mirror(photograph("rocket")))
    zen("datasets", "import", tmp_path / "in", "--name", "mixed", "--kind", "style")
    return tmp_path


def test_check_names_photo_number_and_threshold(zen: Zen, mixed: Path) -> None:
    told = zen("datasets", "check", "mixed", "--json")
    assert told.code == 0
    document = told.json()
    photos = {photo["name"]: photo for photo in document["photos"]}
    assert {name for name, photo in photos.items() if photo["verdicts"]} == {"soft.png", "turned.png"}
    (verdict,) = photos["turned.png"]["verdicts"]
    assert verdict["kind"] == "duplicate"
    assert verdict["limit"] == 8
    assert photos["rocket.png"]["alike"] == photos["turned.png"]["alike"] == photos["rocket.png"]["id"]
    assert 0 < photos["coffee.png"]["measures"]["blur"] < 0.5
    assert "palette" not in photos["coffee.png"]["measures"]
    assert [verdict["kind"] for verdict in document["set"]] == ["few"]
    assert {row["label"] for row in document["coverage"]} >= {"different shots", "different colours"}

    lines = zen("datasets", "check", "mixed").out.splitlines()
    (soft,) = [line for line in lines if "soft.png" in line]
    assert "blur" in soft
    assert " 0.5 " in soft
    assert any(line.startswith("different shots") for line in lines)


def test_a_threshold_in_the_settings_is_taken_at_the_next_check(zen: Zen, home: Home, mixed: Path) -> None:
    home.settings.write_text("[verdicts]\nsmall = 200\nblur_frame = 0.99\nduplicate = -1\n")
    assert not any(photo["verdicts"] for photo in zen("datasets", "check", "mixed", "--json").json()["photos"])
    home.settings.write_text("[verdicts]\nblurr = 1\n")
    wrong = zen("datasets", "check", "mixed")
    assert wrong.code == 1
    assert "blurr" in wrong.err


def test_out_leaves_out_what_is_named_after_asking(zen: Zen, mixed: Path) -> None:
    asked = zen("datasets", "check", "mixed", "--out")
    assert asked.code == 1
    assert "Nothing was changed" in asked.err
    done = zen("datasets", "check", "mixed", "--only", "blur", "--out", "--yes", "--json").json()
    out = [photo["name"] for photo in done["photos"] if photo["split"] == "out"]
    assert out == ["soft.png"]
    assert len(done["out"]) == 1
    wrong = zen("datasets", "check", "mixed", "--only", "blurry")
    assert wrong.code == 2
    assert "blur, " in wrong.err


def test_putting_the_best_of_a_group_out_clears_the_other(zen: Zen, mixed: Path) -> None:
    photos = {p["name"]: p for p in zen("datasets", "show", "mixed", "--json").json()["photos"]}
    zen("datasets", "split", "mixed", "--photo", photos["rocket.png"]["id"], "--to", "out")
    photos = {p["name"]: p for p in zen("datasets", "show", "mixed", "--json").json()["photos"]}
    assert photos["turned.png"]["verdicts"] == []
    assert [v["kind"] for v in photos["rocket.png"]["verdicts"]] == ["duplicate"]


def test_crops_are_made_by_the_face_and_those_made_by_hand_stay(zen: Zen, home: Home, tmp_path: Path) -> None:
    woman = photograph("astronaut")
    tall = Image.new("RGB", (512, 900), "grey")
    tall.paste(woman)
    save(tmp_path / "in" / "tall.png", tall)
    hand = Image.new("RGB", (512, 1000), "navy")
    hand.paste(woman, (0, 400))
    save(tmp_path / "in" / "hand.png", hand)
    save(tmp_path / "in" / "square.png", photograph("hopper"))
    zen("datasets", "import", tmp_path / "in", "--name", "collins", "--class", "woman")
    ids = {p["name"]: p["id"] for p in zen("datasets", "show", "collins", "--json").json()["photos"]}
    zen("datasets", "crop", "collins", "--photo", ids["hand.png"], "--box", "0,0.2,1,0.9")

    cropped = zen("datasets", "crop", "collins", "--auto", "--json").json()["photos"]
    assert ids["tall.png"] in cropped
    assert ids["hand.png"] not in cropped
    crops = {p["name"]: p["crop"] for p in zen("datasets", "show", "collins", "--json").json()["photos"]}
    assert crops["tall.png"]["top"] == 0
    assert crops["tall.png"]["bottom"] == pytest.approx(512 / 900, abs=0.01)
    assert crops["hand.png"] == {"left": 0.0, "top": 0.2, "right": 1.0, "bottom": 0.9}
    named = zen("datasets", "crop", "collins", "--auto", "--photo", ids["hand.png"], "--json").json()
    assert named["photos"] == [ids["hand.png"]]


@pytest.mark.parametrize("words", [("--photo", "1"), ("--box", "0,0,1,1"), ("--auto", "--box", "0,0,1,1"), ()])
def test_a_crop_of_nothing_is_wrong_use(zen: Zen, mixed: Path, words: tuple[str, ...]) -> None:
    assert zen("datasets", "crop", "mixed", *words).code == 2


def test_held_out_photos_have_no_twin_in_training(zen: Zen, mixed: Path) -> None:
    for seed in range(6):
        zen("datasets", "split", "mixed", "--holdout", "0.4", "--seed", seed)
        photos = {p["name"]: p for p in zen("datasets", "show", "mixed", "--json").json()["photos"]}
        assert photos["rocket.png"]["split"] == photos["turned.png"]["split"]
        assert {p["split"] for p in photos.values()} == {"train", "holdout"}
