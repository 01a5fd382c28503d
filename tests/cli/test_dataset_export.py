"""`zen datasets export`: plain, for kohya, with a manifest; byte for byte, clean, or cropped."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from tests.cli.conftest import Zen
from tests.helpers import colourful, save
from tests.photos.camera import SECRETS, pixels, taken
from zen_tui.library.database import Database
from zen_tui.library.datasets import dataset, photos
from zen_tui.library.paths import Home
from zen_tui.library.records import Photo
from zen_tui.photos.clean import orientation_of
from zen_tui.photos.open import open_upright

FORMATS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}


def kept(db: Database, name: str = "mara") -> list[Photo]:
    return photos(db, dataset(db, name).id)


@pytest.fixture
def mara(zen: Zen, home: Home, db: Database, photo_folder: Path) -> list[Photo]:
    """Six photos, each different in what is known of it; one is held out, one is out, one has a mask."""
    zen("datasets", "import", photo_folder, "--name", "mara", "--class", "woman")
    first = kept(db)
    db.update("photos", first[0].id, rating=4, repeats=3, aliases=["again.jpg"], caption="käthe, “quoted”")
    db.update("photos", first[2].id, caption="")
    zen("datasets", "crop", "mara", "--photo", first[1].id, "--box", "0,0.1,1,0.9")
    zen("datasets", "split", "mara", "--photo", first[3].id, "--to", "holdout")
    zen("datasets", "split", "mara", "--photo", first[4].id, "--to", "out")
    mask = Image.new("L", (first[0].width, first[0].height))
    mask.paste(255, (100, 100, 300, 300))
    save(home.mask("mara", first[0].hash), mask)
    return kept(db)


def export(zen: Zen, out: Path, *more: str) -> list[Path]:
    answer = zen("datasets", "export", "mara", "--out", out, "--json", *more)
    assert answer.code == 0, answer.err
    files = [Path(file) for file in answer.json()["files"]]
    assert sorted(files) == sorted(path for path in out.rglob("*") if path.is_file())
    return files


def test_plain_files_are_the_originals_with_captions_and_masks(
    zen: Zen, home: Home, mara: list[Photo], tmp_path: Path
) -> None:
    names = {path.name for path in export(zen, tmp_path / "out")}
    assert names == {
        "001-beach.jpg", "001-beach.txt", "001-beach-masklabel.png", "002-city.webp", "002-city.txt",
        "003-garden.png", "004-phone.heic", "004-phone.txt", "005-sideways.jpg", "005-sideways.txt",
    }  # fmt: skip
    used = [photo for photo in mara if photo.split != "out"]
    stored = {home.photo("mara", photo.hash, photo.suffix).read_bytes() for photo in used}
    written = {path.read_bytes() for path in (tmp_path / "out").iterdir() if path.suffix in home_suffixes(used)}
    assert stored <= written
    assert (tmp_path / "out" / "001-beach.txt").read_text() == "käthe, “quoted”\n"


def home_suffixes(used: list[Photo]) -> set[str]:
    return {photo.suffix for photo in used}


def test_a_manifest_brings_all_of_it_back(
    zen: Zen, home: Home, db: Database, mara: list[Photo], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(zen, out, "--format", "manifest")
    said = (out / "manifest.json").read_text()
    answer = zen("datasets", "import", out, "--name", "Again", "--json")

    assert (answer.code, answer.json()["notes"]) == (0, [])
    for name in ("measures", "faces", "phash", "clothes", "likeness"):
        assert name not in said
    again = {photo.hash: photo for photo in kept(db, "again")}
    assert len(again) == len(mara) == 6
    for photo in mara:
        back = again[photo.hash]
        for name in ("name", "aliases", "caption", "split", "repeats", "rating", "crop", "width", "height"):
            assert getattr(back, name) == getattr(photo, name), name
        assert [v.kind for v in back.verdicts] == [v.kind for v in photo.verdicts]
        mask, known = home.mask("again", photo.hash), home.mask("mara", photo.hash)
        assert mask.exists() == known.exists()
        if known.exists():
            assert Image.open(mask).tobytes() == Image.open(known).tobytes()
    first, second = dataset(db, "mara"), dataset(db, "again")
    assert (second.token, second.class_word, second.kind) == (first.token, first.class_word, first.kind)


def test_what_changed_beside_a_manifest_is_told(zen: Zen, mara: list[Photo], tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(zen, out, "--format", "manifest")
    (out / "001-beach.jpg").unlink()
    save(out / "002-city.webp", colourful(seed=50))
    save(out / "new.jpg", colourful(seed=51))
    answer = zen("datasets", "import", out, "--name", "again", "--json")
    assert len(answer.json()["added"]) == 6
    assert [note.split(": ")[1] for note in answer.json()["notes"]] == [
        "not in the manifest, and taken as they are.",
        "changed since the export.",
        "in the manifest, and not there.",
    ]


@pytest.mark.parametrize("name", ["../beach.jpg", "/etc/passwd", "", ".."])
def test_a_manifest_may_not_name_what_lies_elsewhere(
    name: str, zen: Zen, mara: list[Photo], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(zen, out, "--format", "manifest")
    manifest = msgspec.json.decode((out / "manifest.json").read_bytes())
    manifest["photos"][0]["file"] = name
    (out / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    answer = zen("datasets", "import", out, "--name", "again")
    assert (answer.code, "names a file outside its folder" in answer.err) == (1, True)


def test_kohya_gets_folders_a_toml_and_only_what_it_reads(zen: Zen, mara: list[Photo], tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(zen, out, "--format", "kohya")
    assert sorted(path.name for path in out.iterdir()) == [
        "1_ohwx woman", "3_ohwx woman", "dataset.toml", "holdout", "masks",
    ]  # fmt: skip
    toml = tomllib.loads((out / "dataset.toml").read_text())
    subsets = toml["datasets"][0]["subsets"]
    assert {Path(subset["image_dir"]): subset["num_repeats"] for subset in subsets} == {
        out / "1_ohwx woman": 1, out / "3_ohwx woman": 3,
    }  # fmt: skip
    assert {subset["class_tokens"] for subset in subsets} == {"ohwx woman"}
    assert toml["general"]["caption_extension"] == ".txt"
    images = [path for name in ("1_ohwx woman", "3_ohwx woman", "holdout") for path in (out / name).iterdir()]
    for path in images:
        if path.suffix != ".txt":
            assert path.suffix in (".jpg", ".png", ".webp")
            assert orientation_of(path.read_bytes(), FORMATS[path.suffix]) == 1
    assert (out / "masks" / "3_ohwx woman" / "001-beach-masklabel.png").exists()
    sideways = next(path for path in images if path.name == "005-sideways.jpg")
    assert Image.open(sideways).size == (480, 640)


def test_what_was_written_for_kohya_comes_back_through_its_toml(
    zen: Zen, db: Database, mara: list[Photo], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(zen, out, "--format", "kohya")
    moved = out.rename(tmp_path / "moved")
    answer = zen("datasets", "import", moved / "dataset.toml", "--name", "again", "--json")
    assert answer.code == 0, answer.err
    wanted = {p.caption or "ohwx woman" for p in mara if p.split == "train"}
    assert {photo.caption for photo in kept(db, "again")} == wanted
    assert sorted(photo.repeats for photo in kept(db, "again")) == [1, 1, 1, 3][-len(kept(db, "again")) :]


def test_a_crop_is_written_as_it_is_trained_on_with_its_mask(
    zen: Zen, db: Database, home: Home, mara: list[Photo], tmp_path: Path
) -> None:
    zen("datasets", "crop", "mara", "--photo", mara[0].id, "--box", "0.25,0.25,0.75,0.75")
    out = tmp_path / "out"
    export(zen, out, "--cropped", "--format", "manifest")
    beach = Image.open(out / "001-beach.jpg")
    assert (beach.size, dict(beach.getexif()), "icc_profile" in beach.info) == ((320, 240), {}, False)
    whole = open_upright(home.photo("mara", mara[0].hash, ".jpg"))
    wanted = whole.getpixel((160 + 100, 120 + 100))
    found = beach.getpixel((100, 100))
    assert isinstance(wanted, tuple)
    assert isinstance(found, tuple)
    assert max(abs(a - b) for a, b in zip(wanted, found, strict=True)) < 6
    assert Image.open(out / "001-beach-masklabel.png").getbbox() == (0, 0, 140, 180)
    assert Image.open(out / "003-garden.png").format == "PNG"
    entry = msgspec.json.decode((out / "manifest.json").read_bytes())["photos"][0]
    assert (entry["crop"], entry["width"], entry["height"]) == (None, 320, 240)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_clean_files_tell_nothing_and_keep_every_pixel(
    suffix: str, orientation: int, zen: Zen, home: Home, db: Database, tmp_path: Path
) -> None:
    source = taken(tmp_path / "in" / f"photo{suffix}", colourful(321, 241), orientation)
    before = source.read_bytes()
    assert any(secret in before for secret in SECRETS)
    zen("datasets", "import", tmp_path / "in", "--name", "mara")
    export(zen, tmp_path / "out", "--clean")

    after = (tmp_path / "out" / f"001-photo{suffix}").read_bytes()
    assert not any(secret in after for secret in SECRETS)
    assert pixels(after) == pixels(before)
    assert orientation_of(after, FORMATS[suffix]) == orientation
    image = Image.open(tmp_path / "out" / f"001-photo{suffix}")
    assert set(image.getexif()) == ({0x0112} if orientation != 1 else set())
    assert image.info["icc_profile"]
    stored = kept(db)[0]
    assert home.photo("mara", stored.hash, suffix).read_bytes() == before
    assert open_upright(tmp_path / "out" / f"001-photo{suffix}").tobytes() == open_upright(source).tobytes()


def test_clean_turns_what_cannot_be_taken_apart_into_png(zen: Zen, mara: list[Photo], tmp_path: Path) -> None:
    files = export(zen, tmp_path / "out", "--clean")
    assert "004-phone.png" in {path.name for path in files}
    assert not any(path.suffix in (".heic", ".tif") for path in files)


def test_an_unknown_format_and_an_empty_dataset_are_refused(zen: Zen, mara: list[Photo], tmp_path: Path) -> None:
    wrong = zen("datasets", "export", "mara", "--out", tmp_path / "out", "--format", "zip")
    assert (wrong.code, "The formats are: plain, kohya, manifest." in wrong.err) == (2, True)
    for photo in mara:
        zen("datasets", "split", "mara", "--photo", photo.id, "--to", "out")
    empty = zen("datasets", "export", "mara", "--out", tmp_path / "out")
    assert (empty.code, "no photo to write" in empty.err) == (1, True)
    assert not (tmp_path / "out").exists()


def test_a_photo_that_is_gone_is_named(zen: Zen, home: Home, mara: list[Photo], tmp_path: Path) -> None:
    home.photo("mara", mara[0].hash, mara[0].suffix).unlink()
    answer = zen("datasets", "export", "mara", "--out", tmp_path / "out")
    assert answer.code == 1
    assert "is gone." in answer.err
    assert not (tmp_path / "out").exists()
