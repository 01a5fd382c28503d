"""Import through its public door: what comes in, what is left out and why, and what a crash leaves."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.helpers import colourful, python, save
from zen_tui.library.database import Database
from zen_tui.library.datasets import add_dataset, add_photo, photos
from zen_tui.library.durable import hash_file, sync_folder
from zen_tui.library.errors import DiskFull, NotFound, Refused
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset
from zen_tui.photos import intake, keep
from zen_tui.photos.intake import Outcome, examine, import_photos, scan


@pytest.fixture
def mara(db: Database) -> Dataset:
    return add_dataset(db, "Mara", "ohwx", "woman", "person")


def captions(db: Database, dataset: Dataset) -> dict[str, str]:
    return {photo.name: photo.caption for photo in photos(db, dataset.id)}


def state(folder: Path) -> dict[str, tuple[str, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (hash_file(path), path.stat().st_mtime_ns) for path in files}


def test_a_folder_of_photos_comes_in_whole(home: Home, db: Database, mara: Dataset, photo_folder: Path) -> None:
    before = state(photo_folder)
    report = import_photos(db, home, mara, [photo_folder])
    assert (len(report.added), report.duplicates, report.skipped, report.stopped) == (6, [], [], False)
    assert state(photo_folder) == before
    for photo in photos(db, mara.id):
        stored = home.photo(mara.slug, photo.hash, photo.suffix)
        assert hash_file(stored) == photo.hash == hash_file(photo_folder / photo.name)
        with Image.open(home.thumbnail(mara.slug, photo.hash)) as thumbnail:
            assert (thumbnail.format, max(thumbnail.size)) == ("JPEG", 256)
            wide, high = thumbnail.size
            assert (wide > high) == (photo.width > photo.height)
            assert min(thumbnail.convert("RGB").getpixel((wide // 10, high // 10))) > 240  # type: ignore[arg-type]
        assert stored.stat().st_mode & 0o077 == 0
    formats = {photo.name: (photo.format, photo.width, photo.height) for photo in photos(db, mara.id)}
    assert formats["sideways.jpg"] == ("JPEG", 480, 640)
    assert formats["phone.heic"] == ("HEIF", 640, 480)


def test_captions_come_from_beside_the_photo_else_the_folder_else_the_subject(
    home: Home, db: Database, mara: Dataset, tmp_path: Path
) -> None:
    for number, name in enumerate(("a.jpg", "b.jpg", "c.jpg", "d.jpg")):
        save(tmp_path / "10_ohwx lady" / name, colourful(seed=number))
    folder = tmp_path / "10_ohwx lady"
    (folder / "a.txt").write_text("\n[trigger] at \x1b[2Jsea\nsecond variant\n")
    (folder / "b.caption").write_bytes("ohwx woman, café".encode("utf-8-sig"))
    (folder / "c.jpg.txt").write_text("ohwx woman, garden")
    save(tmp_path / "2024_summer" / "e.jpg", colourful(seed=9))
    report = import_photos(db, home, mara, [folder, tmp_path / "2024_summer"])
    assert report.skipped == []
    assert captions(db, mara) == {
        "a.jpg": "ohwx woman at [2Jsea",
        "b.jpg": "ohwx woman, café",
        "c.jpg": "ohwx woman, garden",
        "d.jpg": "ohwx lady",
        "e.jpg": "a photo of ohwx woman",
    }
    assert [photo.repeats for photo in photos(db, mara.id)] == [10, 10, 10, 10, 1]


def test_one_bad_file_does_not_stop_the_rest(home: Home, db: Database, mara: Dataset, photo_folder: Path) -> None:
    whole = (photo_folder / "beach.jpg").read_bytes()
    (photo_folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (photo_folder / "text.jpg").write_text("not a photo")
    (photo_folder / "empty.png").touch()
    (photo_folder / ".DS_Store").touch()
    os.mkfifo(photo_folder / "pipe.jpg")
    (photo_folder / "link.jpg").symlink_to(photo_folder / "beach.jpg")
    (photo_folder / "loop").symlink_to(photo_folder)
    save(photo_folder / "tiny.png", colourful(40, 40))
    report = import_photos(db, home, mara, [photo_folder])
    assert len(report.added) == 6
    reasons = {Path(entry["file"]).name: entry["reason"].split(":")[0] for entry in report.skipped}
    assert reasons == {
        "cut.jpg": "truncated",
        "text.jpg": "not an image",
        "empty.png": "empty",
        "pipe.jpg": "not a regular file",
        "link.jpg": "not a regular file",
        "loop": "not a regular file",
        "tiny.png": "too small",
    }


def test_the_same_photo_twice_is_kept_once_under_both_names(
    home: Home, db: Database, mara: Dataset, photo_folder: Path
) -> None:
    shutil.copy(photo_folder / "beach.jpg", photo_folder / "copy.jpg")
    report = import_photos(db, home, mara, [photo_folder])
    assert report.duplicates == [{"file": str(photo_folder / "copy.jpg"), "of": "beach.jpg"}]
    again = import_photos(db, home, mara, [photo_folder])
    assert (again.added, len(again.duplicates)) == ([], 7)
    beach = next(photo for photo in photos(db, mara.id) if photo.name == "beach.jpg")
    assert beach.aliases == ["copy.jpg"]


def test_a_dry_run_keeps_nothing_and_says_the_same(
    home: Home, db: Database, mara: Dataset, photo_folder: Path
) -> None:
    shutil.copy(photo_folder / "beach.jpg", photo_folder / "copy.jpg")
    before = state(home.datasets)
    tried = import_photos(db, home, mara, [photo_folder], dry_run=True)
    assert photos(db, mara.id) == []
    assert state(home.datasets) == before
    real = import_photos(db, home, mara, [photo_folder])
    assert [entry["name"] for entry in tried.added] == [entry["name"] for entry in real.added]
    assert (tried.duplicates, tried.skipped) == (real.duplicates, real.skipped)
    assert {entry["id"] for entry in tried.added} == {None}


def test_names_that_are_not_text_or_are_hostile_are_shown_safely(
    home: Home, db: Database, mara: Dataset, tmp_path: Path
) -> None:
    folder = tmp_path / "odd"
    save(folder / "plain.jpg", colourful(seed=1)).rename(folder / os.fsdecode(b"caf\xe9.jpg"))
    save(folder / "plain.jpg", colourful(seed=2)).rename(folder / "a\x1b[2J[b]\u202egpj.jpg")
    (folder / "text\udce9.jpg").write_text("no photo")
    report = import_photos(db, home, mara, [folder])
    assert sorted(captions(db, mara)) == ["a[2J[b]gpj.jpg", "caf\\xe9.jpg"]
    assert report.skipped[0]["file"] == f"{folder}/text\\xe9.jpg"
    sources = [bytes(row["source"]) for row in db.rows("SELECT source FROM photos")]
    assert os.fsencode(folder) + b"/caf\xe9.jpg" in sources


def test_size_is_judged(home: Home, db: Database, mara: Dataset, tmp_path: Path) -> None:
    path = save(tmp_path / "wide.jpg", colourful(1200, 400))
    found = examine(path)
    assert [(v.kind, v.value, v.limit) for v in found.verdicts] == [
        ("small", 400, 512),
        ("aspect", 3.0, 2.0),
        ("blur", found.measures.blur if found.measures else 0, 0.5),  # it is drawn smooth
    ]
    assert examine(path, resolution=128).verdicts == found.verdicts[1:]
    import_photos(db, home, mara, [path])
    assert photos(db, mara.id)[0].verdicts == found.verdicts


def test_nothing_to_import_is_said(home: Home, db: Database, mara: Dataset, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    with pytest.raises(Refused, match="There are no photos in"):
        import_photos(db, home, mara, [tmp_path / "bare"])
    with pytest.raises(NotFound, match="There is no file or folder"):
        import_photos(db, home, mara, [tmp_path / "bare", tmp_path / "absent"])


def test_scan_is_sorted_and_gives_regular_files(photo_folder: Path) -> None:
    (photo_folder / "a").mkdir()
    shutil.copy(photo_folder / "beach.jpg", photo_folder / "a" / "deep.jpg")
    names = [path.name for path in scan([photo_folder])]
    assert names == ["deep.jpg", "beach.jpg", "city.webp", "garden.png", "phone.heic", "scan.tif", "sideways.jpg"]


def test_it_can_be_stopped_and_carries_on(home: Home, db: Database, mara: Dataset, photo_folder: Path) -> None:
    seen: list[Outcome] = []
    report = import_photos(db, home, mara, [photo_folder], on_file=seen.append, stop=lambda: len(seen) >= 2)
    came = len(report.added)
    assert came in (2, 3), "they are recorded one, then up to two, then up to four at a time"
    assert report.stopped
    assert [(outcome.done, outcome.total) for outcome in seen] == [(done, 6) for done in range(1, came + 1)]
    stored = {path.stem for path in (home.dataset(mara.slug) / "photos").iterdir()}
    assert stored == {photo.hash for photo in photos(db, mara.id)}, "what was read ahead left something behind"
    assert len(list((home.dataset(mara.slug) / "thumbnails").iterdir())) == came
    rest = import_photos(db, home, mara, [photo_folder])
    assert (len(rest.added), len(rest.duplicates), rest.stopped) == (6 - came, came, False)


KILLED = """
import os, signal, sys
from pathlib import Path
from zen_tui.library.database import Database
from zen_tui.library.datasets import dataset
from zen_tui.library.paths import Home
from zen_tui.photos import intake
kept, recorded = intake.add_photo, []
def add_photo(*arguments, **values):
    if len(recorded) == 2:
        os.kill(os.getpid(), signal.SIGKILL)  # the file is there, its row is not
    recorded.append(kept(*arguments, **values))
    return recorded[-1]
intake.add_photo = add_photo
home = Home.find()
with Database.open(home) as db:
    intake.import_photos(db, home, dataset(db, "mara"), [Path(sys.argv[1])])
"""


def test_killed_between_file_and_row_the_next_import_carries_on(
    home: Home, db: Database, mara: Dataset, photo_folder: Path
) -> None:
    assert python(KILLED, str(photo_folder)).returncode == -signal.SIGKILL
    there = len(photos(db, mara.id))
    assert there in (1, 2), "the group that was being recorded is not there at all"
    report = import_photos(db, home, mara, [photo_folder])
    assert (len(report.added), len(report.duplicates)) == (6 - there, there)
    stored = sorted((home.dataset(mara.slug) / "photos").iterdir())
    assert [hash_file(path) for path in stored] == [path.stem for path in stored]
    assert len(stored) == len(photos(db, mara.id)) == 6


def test_no_row_speaks_of_a_file_whose_name_a_power_cut_could_lose(
    home: Home, db: Database, mara: Dataset, photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    safe: set[str] = set()
    real_sync, real_add = sync_folder, add_photo

    def sync(folder: Path) -> None:
        names = {path.name for path in folder.iterdir()}  # as they were when it began
        real_sync(folder)
        safe.update(names)

    def add(*arguments: Any, **values: Any) -> int:
        assert values["hash"] + values["suffix"] in safe
        assert values["hash"] + ".jpg" in safe, "its thumbnail"
        return real_add(*arguments, **values)

    monkeypatch.setattr(keep, "sync_folder", sync)
    monkeypatch.setattr(intake, "add_photo", add)
    assert len(import_photos(db, home, mara, [photo_folder]).added) == 6


def test_a_disk_that_is_too_full_is_noticed_before_anything_is_copied(
    home: Home, db: Database, mara: Dataset, photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    with pytest.raises(DiskFull, match="is full: this needs"):
        import_photos(db, home, mara, [photo_folder])
    assert not home.dataset(mara.slug).exists()


@pytest.mark.parametrize("good_writes", range(1, 9))
def test_a_disk_that_fills_up_midway_leaves_whole_photos_only(
    good_writes: int, home: Home, db: Database, mara: Dataset, photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.fsync, 0

    def fill_up(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls > good_writes:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fill_up)
    with pytest.raises(DiskFull, match="came in before"):
        import_photos(db, home, mara, [photo_folder])
    monkeypatch.setattr(os, "fsync", real)
    for photo in photos(db, mara.id):
        assert hash_file(home.photo(mara.slug, photo.hash, photo.suffix)) == photo.hash
        assert home.thumbnail(mara.slug, photo.hash).exists()
    assert list(home.root.rglob(".tmp-*")) == []
    import_photos(db, home, mara, [photo_folder])
    assert len(photos(db, mara.id)) == 6


@pytest.mark.slow
def test_twenty_photos_of_a_phone_take_seconds(home: Home, db: Database, mara: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "phone"
    grain = Image.effect_noise((4000, 3000), 12).convert("RGB")
    for number in range(20):
        save(folder / f"{number}.jpg", Image.blend(colourful(4000, 3000, number), grain, 0.2), quality=92)
    started = time.monotonic()
    assert len(import_photos(db, home, mara, [folder]).added) == 20
    taken = time.monotonic() - started
    print(f"20 photos of 12 MP, {sum(p.stat().st_size for p in folder.iterdir()) / 1e6:.0f} MB: {taken:.1f} s")
    assert taken < 20


def test_the_words_beside_a_second_copy_are_not_lost(
    home: Home, db: Database, mara: Dataset, photo_folder: Path
) -> None:
    shutil.copy(photo_folder / "beach.jpg", photo_folder / "a-copy.jpg")  # comes first, and has no words

    import_photos(db, home, mara, [photo_folder])

    assert captions(db, mara)["a-copy.jpg"] == "a photo of ohwx woman on a beach"
