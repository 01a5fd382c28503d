"""Faults planted among good photographs: every one is found, and nothing is said against a good one."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from benchmarks.verdicts import on_a_screen, side_by_side
from tests.helpers import save, save_rotated
from tests.photos.pictures import NAMES, cut, photograph
from zen_tui.library.database import Database
from zen_tui.library.datasets import add_dataset, photos, set_split
from zen_tui.library.durable import write_text
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset, Photo
from zen_tui.library.settings import Thresholds, read
from zen_tui.photos.intake import import_photos
from zen_tui.photos.judge import rejudge, rejudge_all

GOOD = (*NAMES, "hopper")


def plant(folder: Path) -> dict[str, set[str]]:
    """Write good photographs and spoilt ones into `folder`; what must be said of each, by file name."""
    cat, coffee, rocket, woman = (photograph(name) for name in ("chelsea", "coffee", "rocket", "astronaut"))
    for name in GOOD:
        save(folder / f"a-{name}.png", photograph(name))
    deep = coffee.convert("I").point(lambda value: value * 257)
    twins = {
        save(folder / "half.jpg", rocket.reduce(2), quality=60),
        save(folder / "mirrored.jpg", ImageOps.mirror(cat), quality=90),
        save(folder / "worn.jpg", coffee, quality=30),
        save_rotated(folder / "turned.jpg", woman),
        save(folder / "phone.heic", rocket, quality=60),
        save(folder / "modern.avif", cat, quality=60),
        save(folder / "deep.png", deep.convert("I;16")),
        save(folder / "deep.tif", deep.convert("I;16")),
        save(folder / "print.jpg", coffee.convert("CMYK"), quality=90),
        save(folder / "palette.png", woman.quantize(64)),
        save(folder / "grey.webp", cat.convert("L"), quality=80),
    }
    expected: dict[str, set[str]] = {f"a-{name}.png": set() for name in GOOD}
    expected |= {path.name: {"duplicate"} for path in twins}
    save(folder / "soft.jpg", cut(coffee, 0, 0, 0.7, 1).filter(ImageFilter.GaussianBlur(6)))
    save(folder / "soft-face.png", cut(woman, 0.1, 0, 0.8, 0.5).filter(ImageFilter.GaussianBlur(8)))
    save(folder / "burnt.jpg", ImageEnhance.Brightness(cut(cat, 0.2, 0, 1, 1)).enhance(3))
    save(folder / "night.jpg", ImageEnhance.Brightness(cut(rocket, 0, 0.2, 0.6, 1)).enhance(0.2))
    save(folder / "screen.png", on_a_screen(coffee, dark=False))
    save(folder / "dark-screen.png", on_a_screen(cat, dark=True))
    save(folder / "joined.jpg", side_by_side((woman, rocket), 0))
    save(folder / "gutter.jpg", side_by_side((coffee, rocket), 16))
    return expected | {
        "soft.jpg": {"blur"},
        "soft-face.png": {"blur"},
        "burnt.jpg": {"exposure"},
        "night.jpg": {"exposure"},
        "screen.png": {"screenshot", "aspect"},
        "dark-screen.png": {"screenshot", "aspect"},
        "joined.jpg": {"collage"},
        "gutter.jpg": {"collage"},
    }


def spoil(folder: Path) -> set[str]:
    """Write files that cannot be photos."""
    cat = photograph("chelsea")
    save(folder / "moving.webp", cat, save_all=True, append_images=[cat.rotate(9)])
    save(folder / "moving.gif", cat, save_all=True, append_images=[cat.rotate(9)])
    whole = save(folder / "cut.jpg", cat).read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "noise.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9)
    (folder / "empty.jpg").touch()
    return {"moving.webp", "moving.gif", "cut.jpg", "noise.png", "empty.jpg"}


@pytest.fixture
def mixed(db: Database) -> Dataset:
    return add_dataset(db, "mixed", "ohwx", "thing", "style")


def found(db: Database, dataset: Dataset) -> dict[str, set[str]]:
    return {photo.name: {verdict.kind for verdict in photo.verdicts} for photo in photos(db, dataset.id)}


def by_name(db: Database, dataset: Dataset) -> dict[str, Photo]:
    return {photo.name: photo for photo in photos(db, dataset.id)}


def test_every_plant_is_found_and_no_good_photo_is_refused(
    home: Home, db: Database, mixed: Dataset, tmp_path: Path
) -> None:
    write_text(home.settings, "[verdicts]\nsmall = 200\n")
    expected = plant(tmp_path / "in")
    bad = spoil(tmp_path / "in")
    report = import_photos(db, home, mixed, [tmp_path / "in"], resolution=200)

    assert {Path(entry["file"]).name for entry in report.skipped} == bad
    said = found(db, mixed)
    wanted = {(name, kind) for name, kinds in expected.items() for kind in kinds}
    given = {(name, kind) for name, kinds in said.items() for kind in kinds}
    precision, recall = len(given & wanted) / len(given), len(given & wanted) / len(wanted)
    print(f"plants: {len(wanted)}, precision {precision:.3f}, recall {recall:.3f}")
    assert said == expected
    for photo in photos(db, mixed.id):
        for verdict in photo.verdicts:
            assert verdict.limit is not None
            assert verdict.text


def test_near_duplicates_know_each_other_and_the_largest_is_kept(
    home: Home, db: Database, mixed: Dataset, tmp_path: Path
) -> None:
    cat = photograph("chelsea")
    save(tmp_path / "in" / "a.jpg", cat.reduce(2))
    save(tmp_path / "in" / "b.png", cat)
    save(tmp_path / "in" / "c.jpg", ImageOps.mirror(cat))
    save(tmp_path / "in" / "other.jpg", photograph("coffee"))
    import_photos(db, home, mixed, [tmp_path / "in"], resolution=100)
    seen = by_name(db, mixed)

    assert {seen[name].alike for name in ("a.jpg", "b.png", "c.jpg")} == {seen["a.jpg"].id}
    assert seen["other.jpg"].alike is None
    assert seen["b.png"].verdicts == []
    (mirrored,) = seen["c.jpg"].verdicts
    assert mirrored.text.startswith("the same shot as b.png, mirrored: ")
    assert mirrored.text.endswith(" of 64 bits differ.")
    assert (mirrored.value <= 8, mirrored.limit) == (True, 8)

    set_split(db, [seen["b.png"].id], "out")
    changed = rejudge(db, mixed, Thresholds(small=100), [seen["b.png"].id])
    assert {photo.name for photo in changed} == {"a.jpg", "b.png", "c.jpg"}
    assert found(db, mixed) == {"a.jpg": {"duplicate"}, "b.png": {"duplicate"}, "c.jpg": set(), "other.jpg": set()}


def test_of_copies_as_large_the_one_that_lost_least_is_kept_then_the_camera_s_own(
    home: Home, db: Database, mixed: Dataset, tmp_path: Path
) -> None:
    cat, coffee, rocket = (photograph(name) for name in ("chelsea", "coffee", "rocket"))
    camera = Image.Exif()
    camera[0x0110] = "a camera"
    folder = tmp_path / "in"
    harder = cat.filter(ImageFilter.UnsharpMask(3, 200))
    save(folder / "a-sent.jpg", harder, quality=40)  # by a messenger: crisper, for all its edges are doubled
    save(folder / "cat.jpg", cat.filter(ImageFilter.GaussianBlur(1)), quality=92)
    save(folder / "a-edited.jpg", coffee, quality=92)
    save(folder / "coffee.jpg", coffee, quality=92, exif=camera)
    save(folder / "a-sent.heic", rocket, quality=20)
    save(folder / "rocket.heic", rocket, quality=80)
    import_photos(db, home, mixed, [folder], resolution=100)
    assert found(db, mixed) == {
        "a-sent.jpg": {"duplicate"},
        "cat.jpg": set(),
        "a-edited.jpg": {"duplicate"},
        "coffee.jpg": set(),
        "a-sent.heic": {"duplicate"},
        "rocket.heic": set(),
    }
    blur = {photo.name: photo.measures.blur for photo in photos(db, mixed.id) if photo.measures}
    assert blur["a-sent.jpg"] < blur["cat.jpg"] - 0.1


def test_a_changed_threshold_is_applied_without_reading_the_photos(
    home: Home, db: Database, mixed: Dataset, tmp_path: Path
) -> None:
    save(tmp_path / "in" / "a.jpg", photograph("coffee"))
    save(tmp_path / "in" / "soft.jpg", photograph("chelsea").filter(ImageFilter.GaussianBlur(4)))
    import_photos(db, home, mixed, [tmp_path / "in"], resolution=100)
    assert found(db, mixed) == {"a.jpg": set(), "soft.jpg": {"blur"}}
    for photo in photos(db, mixed.id):
        home.photo(mixed.slug, photo.hash, photo.suffix).unlink()

    write_text(home.settings, "[verdicts]\nsmall = 450\nblur_frame = 0.95\n")
    assert rejudge_all(db, home, mixed, read(home).verdicts) == 2
    assert found(db, mixed) == {"a.jpg": {"small"}, "soft.jpg": {"small"}}
    assert rejudge_all(db, home, mixed, read(home).verdicts) == 0


@pytest.mark.parametrize(
    ("name", "phash", "mirror"),
    [
        ("astronaut", "c2924c5532bddfc8", "97c7191867e88a9d"),
        ("chelsea", "b15fe6465121175e", "f40ab33b5474c60f"),
        ("coffee", "bb8320376c0f3637", "eed67562195a6322"),
        ("rocket", "c0371bec1be51267", "95724eb94eb04736"),
    ],
)
def test_hashes_are_those_of_imagehash(name: str, phash: str, mirror: str) -> None:
    from zen_tui.photos.measure import hashes

    assert hashes(photograph(name)) == (phash, mirror)  # as imagehash 4.3.2 prints them
    assert hashes(ImageOps.mirror(photograph(name)))[0] == mirror


def test_pictures_of_one_colour_and_slivers_can_be_measured() -> None:
    from zen_tui.photos.measure import measure

    for size in ((1, 1), (512, 3), (3, 512), (64, 64)):
        flat = measure(Image.new("RGB", size, (90, 120, 200)))
        assert (flat.screen, flat.panels) == (0.0, 0.0)
    assert sum(flat.palette) == pytest.approx(1, abs=0.01)
