"""What a set lacks, which photos are held out, and which crops are suggested: all from measures alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from zen_tui.library.records import Crop, Dataset, Face, Measures, Photo
from zen_tui.photos.crops import box_of_mask, suggest_crop
from zen_tui.photos.split import hold_out, torn
from zen_tui.photos.variety import pose
from zen_tui.photos.verdicts import coverage, set_verdicts

MARA = Dataset(id=1, slug="mara", token="ohwx", class_word="woman", kind="person")
SCENES = [tuple(1.0 if at == scene else 0.0 for at in range(27)) for scene in range(27)]
DARK, BRIGHT = SCENES[0], SCENES[26]


def face(height: float = 0.3, nose: float = 0.0, left: float = 0.4, top: float = 0.2) -> Face:
    """A face whose nose is off the middle of the eyes by `nose` times their distance."""
    width = 0.75 * height
    box = Crop(left, top, left + width, top + height)
    middle, span = left + width / 2, width / 2
    eyes = (middle - span / 2, top + 0.4 * height), (middle + span / 2, top + 0.4 * height)
    return Face(box=box, points=(*eyes, (middle + nose * span, top + 0.6 * height)), score=0.9)


def photo(number: int, seen: Face | None = None, **values: object) -> Photo:
    """A square photo of 1000 pixels that was measured; `palette` and `clothes` are given by name."""
    colours = {name: values.pop(name) for name in ("palette", "clothes") if name in values}
    measures = Measures(
        version=1, phash=f"{number:016x}", mirror=f"{number:016x}", faces=(seen,) if seen else (), **colours,  # type: ignore[arg-type]
    )  # fmt: skip
    fixed: dict[str, object] = {"width": 1000, "height": 1000, "caption": "ohwx woman", **values}
    return Photo(
        id=number, dataset_id=1, hash=f"{number:064x}", suffix=".jpg", name=f"{number}.jpg",
        measures=measures, **fixed,  # type: ignore[arg-type]
    )  # fmt: skip


def kinds(photos: list[Photo], dataset: Dataset = MARA) -> set[str]:
    return {verdict.kind for verdict in set_verdicts(dataset, photos)}


@pytest.mark.parametrize(("nose", "way"), [(0.0, "front"), (0.2, "front"), (-0.4, "left"), (0.7, "right")])
def test_which_way_a_face_looks(nose: float, way: str) -> None:
    assert pose(face(nose=nose)) == way


def test_a_varied_set_of_twenty_lacks_nothing() -> None:
    looks = [0.0, 0.0, -0.5, 0.5]
    sizes = [0.35, 0.35, 0.2, 0.1, 0.2]
    varied = [
        photo(number, face(sizes[number % 5], looks[number % 4]), palette=SCENES[number % 27],
              clothes=SCENES[number % 6])
        for number in range(1, 28)
    ]  # fmt: skip
    assert kinds(varied) == set()
    assert [row for row in coverage(MARA, varied) if not row.enough] == []


def test_sameness_is_told_with_its_number() -> None:
    alike = [photo(number, face(0.4), palette=DARK, clothes=BRIGHT) for number in range(1, 22)]
    assert kinds(alike) == {"background", "clothes", "pose", "close"}
    told = {verdict.kind: verdict for verdict in set_verdicts(MARA, alike)}
    assert told["background"].text.startswith("21 of 21 shots have the same background")
    assert told["close"].text.startswith("all 21 shots are close-ups")
    lacking = {row.label for row in coverage(MARA, alike) if not row.enough}
    assert lacking >= {"turned left", "turned right", "half-length", "backgrounds", "sets of clothes"}
    assert kinds([photo(number, face(0.1, 0.5)) for number in range(1, 22)]) == {"close"}


def test_near_duplicates_count_once_and_what_is_out_not_at_all() -> None:
    photos = [photo(number, face(), alike=1 if number <= 15 else None) for number in range(1, 22)]
    photos[20].split = "out"
    few = next(verdict for verdict in set_verdicts(MARA, photos) if verdict.kind == "few")
    assert (few.value, few.limit) == (6, 20)
    assert few.text == "20 photos in use, 6 different shots: about 20 varied ones make a good person."
    assert coverage(MARA, photos)[0].have == 6


@pytest.mark.parametrize("kind", ["pet", "object", "garment", "style"])
def test_other_kinds_are_told_nothing_of_faces(kind: str) -> None:
    thing = Dataset(id=1, slug="cup", token="ohwx", class_word="cup", kind=kind)
    photos = [photo(number, palette=DARK) for number in range(1, 22)]
    assert kinds(photos, thing) == {"background"}
    assert {row.label for row in coverage(thing, photos)} <= {
        "different shots", "backgrounds", "different colours", "bright surroundings", "dark surroundings",
    }  # fmt: skip


def test_the_same_shot_is_never_on_both_sides() -> None:
    photos = [photo(number, alike=1 + (number - 1) // 4 * 4 if number <= 16 else None) for number in range(1, 31)]
    for seed in range(40):
        held = hold_out(photos, 0.15, seed)
        assert len(held) in (4, 5)
        for each in photos:
            each.split = "holdout" if each.id in held else "train"
        assert torn(photos) == []
    photos[0].split, photos[1].split = "holdout", "train"
    assert "leak" in kinds(photos)


def test_where_every_shot_was_taken_often_the_smallest_is_held_out() -> None:
    photos = [photo(number, alike=1 if number <= 4 else 5) for number in range(1, 8)]
    assert hold_out(photos, 0.1, seed=0) == {5, 6, 7}
    assert hold_out([photo(number, alike=1) for number in range(1, 8)], 0.1, seed=0) == set()


def inside(part: Crop, whole: Crop) -> bool:
    return (
        whole.left <= part.left
        and part.right <= whole.right
        and whole.top <= part.top
        and part.bottom <= whole.bottom
    )


@pytest.mark.parametrize(("width", "height"), [(1000, 1500), (1500, 1000), (600, 2400)])
@pytest.mark.parametrize(("left", "top"), [(0.02, 0.02), (0.7, 0.05), (0.4, 0.6)])
def test_a_crop_is_square_within_the_photo_and_keeps_the_face(
    width: int, height: int, left: float, top: float
) -> None:
    seen = face(0.15 * 1000 / height, left=left, top=top)
    crop = suggest_crop(photo(1, seen, width=width, height=height), "person")
    assert crop is not None
    assert inside(crop, Crop(0, 0, 1, 1))
    assert (crop.right - crop.left) * width == pytest.approx((crop.bottom - crop.top) * height, abs=1)
    assert inside(seen.box, crop)


def test_a_far_face_is_brought_near_and_a_near_one_left_alone() -> None:
    near = suggest_crop(photo(1, face(0.35), width=2000, height=2000), "person")
    far = suggest_crop(photo(1, face(0.06), width=4000, height=4000), "person")
    assert near is None
    assert far is not None
    assert 512 <= (far.right - far.left) * 4000 < 1000


def test_where_nothing_is_known_nothing_is_cropped_and_a_mask_is_followed(tmp_path: Path) -> None:
    wide = photo(1, width=2000, height=1000)
    assert suggest_crop(wide, "object") is None
    assert suggest_crop(wide, "person") is None
    mask = Image.new("L", (200, 100))
    ImageDraw.Draw(mask).rectangle((150, 20, 189, 79), fill=255)
    mask.save(tmp_path / "mask.png")
    box = box_of_mask(tmp_path / "mask.png")
    assert box == Crop(0.75, 0.2, 0.95, 0.8)
    crop = suggest_crop(wide, "object", box)
    assert crop is not None
    assert inside(box, crop)
    assert (crop.left, crop.right) == (0.5, 1.0)
    assert box_of_mask(tmp_path / "none.png") is None
