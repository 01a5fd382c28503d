"""Masks by a model, by hand, and by other tools; through the commands and the worker."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.cli.conftest import Zen
from tests.feeds import KeptFeed
from tests.helpers import colourful, save
from tests.jobs.conftest import Workshop
from zen_tui.jobs.looking import submit_masks
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.errors import Refused
from zen_tui.library.events import Interrupted, Progress
from zen_tui.library.paths import Home
from zen_tui.library.photo_specs import MaskSpec
from zen_tui.library.records import Crop, Dataset, Photo
from zen_tui.photos.intake import import_photos
from zen_tui.photos.masks import (
    draw_rectangles,
    import_mask,
    mask_size,
    origin_of,
    read_mask,
    subject_box,
    write_mask,
)
from zen_tui.vision.mask_job import make_masks


def spotlight(width: int, height: int) -> Image.Image:
    """A bright disc left of the middle, in the dark."""
    picture = Image.new("RGB", (width, height), (8, 10, 12))
    ImageDraw.Draw(picture).ellipse(
        (width // 8, height // 4, width // 8 + height // 2, height // 4 + height // 2), fill=(250, 250, 245)
    )
    return picture


@pytest.fixture
def lamp(db: Database, home: Home, tmp_path: Path) -> Dataset:
    """Two photos of a lamp; the first is wide and large, the second upright."""
    save(tmp_path / "lamp" / "wide.png", spotlight(1600, 800))
    save(tmp_path / "lamp" / "tall.png", spotlight(300, 500))
    dataset = datasets.add_dataset(db, "lamp", "zxl", "lamp", "object")
    import_photos(db, home, dataset, [tmp_path / "lamp"], resolution=64)
    return datasets.dataset(db, "lamp")


def photos_of(db: Database, dataset: Dataset) -> dict[str, Photo]:
    return {Path(photo.name).stem: photo for photo in datasets.photos(db, dataset.id)}


def mask_of(home: Home, dataset: Dataset, photo: Photo) -> Image.Image:
    return mask_of_path(home.mask(dataset.slug, photo.hash))


def test_a_model_finds_the_subject_of_every_photo(lamp: Dataset, db: Database, home: Home, matte: Path) -> None:
    feed = KeptFeed(1)
    result = make_masks(MaskSpec(dataset="lamp", model=str(matte)), feed, db, home)
    photos = photos_of(db, lamp)
    assert sorted(result["masked"]) == sorted(photo.id for photo in photos.values())
    assert (result["kept"], result["failed"]) == (0, [])
    assert [event.done for event in feed.heard(Progress)] == [1, 2]
    wide, tall = (mask_of(home, lamp, photos[name]) for name in ("wide", "tall"))
    assert (wide.size, wide.mode, tall.size) == ((1024, 512), "L", (300, 500))
    for mask, light, dark in ((wide, (256, 256), (900, 60)), (tall, (150, 250), (20, 20))):
        assert mask.getpixel(light) > 200  # type: ignore[operator]
        assert mask.getpixel(dark) < 60  # type: ignore[operator]
    assert home.mask("lamp", photos["wide"].hash).stat().st_mode & 0o077 == 0


def test_what_a_person_drew_stays(lamp: Dataset, db: Database, home: Home, matte: Path) -> None:
    wide, tall = (photos_of(db, lamp)[name] for name in ("wide", "tall"))
    own = home.mask("lamp", wide.hash)
    write_mask(own, draw_rectangles((1600, 800), [Crop(0, 0, 0.5, 0.5)]), "drawn")
    before = own.read_bytes()
    spec = MaskSpec(dataset="lamp", model=str(matte))
    assert make_masks(spec, KeptFeed(1), db, home)["masked"] == [tall.id]
    assert own.read_bytes() == before
    assert make_masks(spec, KeptFeed(2), db, home)["masked"] == [tall.id], "a model's own mask is made anew"
    everything = MaskSpec(dataset="lamp", model=str(matte), overwrite=True)
    assert len(make_masks(everything, KeptFeed(3), db, home)["masked"]) == 2
    assert origin_of(own) == "model"


def test_a_stopped_job_goes_on_where_it_was(lamp: Dataset, db: Database, home: Home, matte: Path) -> None:
    home.job(4).mkdir(parents=True)
    spec = MaskSpec(dataset="lamp", model=str(matte))
    with pytest.raises(Interrupted):
        make_masks(
            spec, KeptFeed(4, lambda told: "pause" if any(isinstance(e, Progress) for e in told) else ""), db, home
        )
    again = KeptFeed(4)
    assert len(make_masks(spec, again, db, home)["masked"]) == 2
    assert [event.done for event in again.heard(Progress)] == [2]


def test_the_worker_makes_masks_on_command(
    workshop: Workshop,
    zen: Zen,
    lamp: Dataset,
    db: Database,
    home: Home,
    matte: Path,
) -> None:
    photo = photos_of(db, lamp)["wide"]
    home.photo("lamp", photos_of(db, lamp)["tall"].hash, ".png").write_bytes(b"not a photo any more")
    answer = zen("datasets", "mask", "lamp", "--model", matte, "--wait", "--json")
    document = answer.json()
    assert answer.code == 1, "one photo could not be read"
    assert (document["status"], document["masked"], document["kept"]) == ("done", [photo.id], 0)
    assert document["failed"][0]["name"] == "tall.png"
    assert home.mask("lamp", photo.hash).exists()
    assert zen("datasets", "mask", "lamp", "--model", home.root / "none.onnx", "--json").code == 3


def test_masks_are_drawn_and_taken_away_on_command(zen: Zen, lamp: Dataset, db: Database, home: Home) -> None:
    photo = photos_of(db, lamp)["wide"]
    draw = ("datasets", "mask", "lamp", "--rectangle", "0.25,0,0.5,0.5", "--photo", photo.id)
    assert zen(*draw, "--json").json() == {"dataset": "lamp", "photos": [photo.id]}
    mask = mask_of(home, lamp, photo)
    assert (mask.size, mask.getcolors()) == ((1024, 512), [(512 * 1024 * 7 // 8, 0), (256 * 256, 255)])
    assert zen(*draw).code == 1, "it is a person's own"
    assert zen(*draw, "--rectangle", "0.5,0.5,1,1", "--overwrite").code == 0
    assert subject_box(mask_of(home, lamp, photo)) == Crop(0.25, 0, 1, 1)
    assert zen("datasets", "mask", "lamp", "--clear").out == "lamp: 1 mask removed.\n"
    assert not home.mask("lamp", photo.hash).exists()
    for wrong in (
        (),
        ("--clear", "--model", "x"),
        ("--rectangle", "0,0,1,1"),
        ("--rectangle", "1,0,0,1", "--photo", 1),
    ):
        assert zen("datasets", "mask", "lamp", *wrong).code == 2
    assert zen("datasets", "mask", "lamp", "--clear", "--photo", 99).code == 3


def test_nothing_to_do_is_said_before_anything_waits(lamp: Dataset, db: Database, home: Home, matte: Path) -> None:
    for photo in photos_of(db, lamp).values():
        write_mask(home.mask("lamp", photo.hash), Image.new("L", (10, 10)), "imported")
    with pytest.raises(Refused, match="Every photo of lamp has a mask"):
        submit_masks(db, home, lamp, matte)
    assert submit_masks(db, home, lamp, matte, overwrite=True).title == "Masks for 2 photos of lamp"


def test_a_box_around_the_subject() -> None:
    mask = draw_rectangles((200, 100), [Crop(0.1, 0.2, 0.3, 0.4), Crop(0.5, 0.5, 0.6, 0.9)])
    assert subject_box(mask) == Crop(0.1, 0.2, 0.6, 0.9)
    assert subject_box(mask, margin=0.5) == Crop(0, 0, 0.85, 1)
    assert subject_box(Image.new("L", (20, 20), 100)) is None
    assert draw_rectangles((10, 10), []).getbbox() is None
    assert mask_size(4000, 30) == (1024, 8)


def test_onetrainers_masks_come_in_and_go_out(zen: Zen, home: Home, tmp_path: Path, db: Database) -> None:
    folder = tmp_path / "in"
    save(folder / "one.png", spotlight(400, 200))
    save(folder / "one-masklabel.png", draw_rectangles((400, 200), [Crop(0, 0, 0.5, 1)]).convert("RGB"))
    save(folder / "two.png", colourful(200, 200, seed=1))
    save(folder / "two-masklabel.png", Image.new("L", (200, 400)))
    save(folder / "three.png", colourful(200, 200, seed=2))
    (folder / "three-masklabel.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    answer = zen("datasets", "import", folder, "--name", "lamp", "--json")
    assert answer.code == 1, "two masks cannot be used"
    assert len(answer.json()["added"]) == 3
    reasons = {Path(skipped["file"]).name: skipped["reason"] for skipped in answer.json()["skipped"]}
    assert "not of the shape of its photo" in reasons["two-masklabel.png"]
    assert "cannot be used" in reasons["three-masklabel.png"]
    dataset = datasets.dataset(db, "lamp")
    photos = photos_of(db, dataset)
    assert origin_of(home.mask("lamp", photos["one"].hash)) == "imported"
    assert not home.mask("lamp", photos["two"].hash).exists()
    assert zen("datasets", "export", "lamp", "--out", tmp_path / "out").code == 0
    (written,) = (tmp_path / "out").glob("*-masklabel.png")
    assert written.with_name(written.name.replace("-masklabel", "")).exists()
    with Image.open(written) as mask:
        assert (mask.size, mask.mode, mask.info) == ((400, 200), "L", {})
        assert (mask.getpixel((100, 100)), mask.getpixel((300, 100))) == (255, 0)


def test_a_mask_that_is_here_stays_when_another_comes_in(home: Home, tmp_path: Path) -> None:
    mask = save(tmp_path / "one-masklabel.png", Image.new("L", (400, 200), 255))
    path = home.mask("lamp", "a" * 64)
    write_mask(path, Image.new("L", (400, 200)), "drawn")
    before = path.read_bytes()
    assert not import_mask(path, mask, (400, 200))
    assert path.read_bytes() == before
    path.unlink()
    assert import_mask(path, mask, (4000, 2000))
    assert mask_of_path(path).size == (1024, 512)


def mask_of_path(path: Path) -> Image.Image:
    mask = read_mask(path)
    assert mask is not None
    return mask
