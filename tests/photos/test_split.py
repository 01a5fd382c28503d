"""Held-out photos and thumbnails."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.helpers import colourful, save
from zen_tui.library.database import Database
from zen_tui.library.datasets import add_dataset, photos
from zen_tui.library.errors import BadFile
from zen_tui.library.paths import Home
from zen_tui.library.records import Photo
from zen_tui.photos.captions import folder_class
from zen_tui.photos.intake import import_photos
from zen_tui.photos.split import hold_out
from zen_tui.photos.thumbs import photo_thumbnail, write_thumbnail


def some_photos(count: int) -> list[Photo]:
    return [
        Photo(id=number, dataset_id=1, hash=f"{number:064x}", suffix=".jpg", name=f"{number}.jpg")
        for number in range(1, count + 1)
    ]


def test_the_choice_depends_on_seed_and_content_alone() -> None:
    twenty = some_photos(20)
    chosen = hold_out(twenty, 0.1, seed=3)
    assert len(chosen) == 2
    assert hold_out(twenty[::-1], 0.1, seed=3) == chosen
    assert any(hold_out(twenty, 0.1, seed) != chosen for seed in range(4, 8))
    renumbered = [Photo(id=p.id + 100, dataset_id=2, hash=p.hash, suffix=p.suffix, name=p.name) for p in twenty]
    assert hold_out(renumbered, 0.1, seed=3) == {id + 100 for id in chosen}


@pytest.mark.parametrize(
    ("count", "fraction", "held"), [(3, 0.5, 0), (4, 0.1, 1), (10, 0.25, 2), (4, 1.0, 3), (20, 0.0, 0)]
)
def test_few_photos_are_all_learned_from_and_never_all_held_out(count: int, fraction: float, held: int) -> None:
    assert len(hold_out(some_photos(count), fraction, seed=0)) == held


def test_photos_marked_out_are_never_held_out() -> None:
    photos = some_photos(8)
    for photo in photos[:6]:
        photo.split = "out"
    assert hold_out(photos, 0.5, seed=0) == set()


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("10_ohwx man", (10, "ohwx man")),
        ("1_man", (1, "man")),
        ("2024_summer", (1, "")),
        ("0_man", (1, "")),
        ("holiday_10", (1, "")),
        ("photos", (1, "")),
    ],
)
def test_folders_name_repeats_and_class(name: str, meaning: tuple[int, str]) -> None:
    assert folder_class(Path("/somewhere") / name) == meaning


def test_a_thumbnail_carries_pixels_alone(tmp_path: Path) -> None:
    picture = Image.open(save(tmp_path / "a.jpg", colourful(), comment=b"secret place"))
    write_thumbnail(picture, tmp_path / "deep" / "thumb.jpg")
    data = (tmp_path / "deep" / "thumb.jpg").read_bytes()
    assert b"secret" in (tmp_path / "a.jpg").read_bytes()
    assert b"secret" not in data
    with Image.open(tmp_path / "deep" / "thumb.jpg") as thumbnail:
        assert thumbnail.size == (256, 192)


def test_a_lost_thumbnail_is_made_again(home: Home, db: Database, photo_folder: Path) -> None:
    mara = add_dataset(db, "mara", "ohwx", "woman", "person")
    import_photos(db, home, mara, [photo_folder / "beach.jpg"])
    photo = photos(db, mara.id)[0]
    path = home.thumbnail("mara", photo.hash)
    path.unlink()
    assert photo_thumbnail(home, "mara", photo) == path
    assert path.exists()
    path.unlink()
    home.photo("mara", photo.hash, photo.suffix).write_bytes(b"gone bad")
    with pytest.raises(BadFile, match="cannot be used: not an image"):
        photo_thumbnail(home, "mara", photo)
