"""The database: all or nothing, private, migrated once, and honest about what it cannot do."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from zen_tui.library.database import SCHEMA_VERSION, Database, free_slug
from zen_tui.library.datasets import (
    add_dataset,
    add_photo,
    all_datasets,
    dataset,
    photo_by_hash,
    photos,
    set_split,
)
from zen_tui.library.errors import DiskFull, NotFound, Refused, WrongUse, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Verdict


def test_a_failed_transaction_changes_nothing(db: Database) -> None:
    with pytest.raises(KeyError), db.transaction():  # noqa: PT012
        add_dataset(db, "mara", "ohwx", "woman", "person")
        assert len(all_datasets(db)) == 1
        raise KeyError
    assert all_datasets(db) == []
    add_dataset(db, "mara", "ohwx", "woman", "person")
    assert [found.slug for found in all_datasets(db)] == ["mara"]


def test_a_nested_transaction_is_part_of_the_outer(db: Database) -> None:
    with pytest.raises(KeyError), db.transaction():  # noqa: PT012
        with db.transaction():
            add_dataset(db, "mara", "ohwx", "woman", "person")
        raise KeyError
    assert all_datasets(db) == []


def test_a_name_that_does_not_exist_suggests_the_nearest(db: Database) -> None:
    with pytest.raises(NotFound) as nothing:
        dataset(db, "mara")
    assert nothing.value.hint == "There is no dataset yet."
    add_dataset(db, "mara", "ohwx", "woman", "person")
    with pytest.raises(NotFound) as close:
        dataset(db, "mar")
    assert (close.value.message, close.value.hint) == ("There is no dataset called mar.", "Did you mean mara?")
    with pytest.raises(NotFound) as far:
        dataset(db, "zzz")
    assert far.value.hint == "There are: mara."
    assert dataset(db, "1").slug == "mara"


def test_datasets_are_checked(db: Database) -> None:
    add_dataset(db, "Mara!", "ohwx", "woman", "person")
    with pytest.raises(Refused, match="mara exists already"):
        add_dataset(db, "mara", "ohwx", "woman", "person")
    with pytest.raises(WrongUse, match="no letters or digits"):
        add_dataset(db, "!!", "ohwx", "woman", "person")
    with pytest.raises(WrongUse, match="no kind persn"):
        add_dataset(db, "other", "ohwx", "woman", "persn")
    assert free_slug(db, "datasets", "mara") == "mara-2"


def test_a_photo_is_read_back_as_it_was_recorded(db: Database) -> None:
    mara = add_dataset(db, "mara", "ohwx", "woman", "person")
    verdicts = [Verdict("small", 400, "small")]
    photo_id = add_photo(
        db, mara.id, source="/p/caf\udce9.jpg", hash="h", suffix=".jpg", name="[1].jpg", aliases=["2.jpg"],
        caption="{not json}", verdicts=verdicts,
    )  # fmt: skip
    set_split(db, [photo_id], "out")
    found = photo_by_hash(db, mara.id, "h")
    assert found is not None
    assert (found.name, found.aliases, found.caption, found.verdicts, found.split) == (
        "[1].jpg", ["2.jpg"], "{not json}", verdicts, "out",
    )  # fmt: skip
    assert photos(db, mara.id, usable=True) == []
    assert (dataset(db, "mara").photo_count, dataset(db, "mara").usable_count) == (1, 0)
    with pytest.raises(sqlite3.IntegrityError):
        add_photo(db, mara.id, source="/p/other.jpg", hash="h", suffix=".jpg", name="other.jpg")


RACER = """
import sys
from pathlib import Path
from zen_tui.library.database import Database
print("ready", flush=True)
sys.stdin.readline()
with Database(Path(sys.argv[1])) as db:
    print(db.version, len(db.rows("SELECT name FROM sqlite_master WHERE name = 'datasets'")))
"""


def test_two_processes_that_open_a_new_database_migrate_it_once(home: Home) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(home.database)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for racer in racers:
        assert racer.stdout
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("go\n")
        racer.stdin.flush()
    answers = [racer.communicate(timeout=60) for racer in racers]
    assert [answer[0].split() for answer in answers] == [[str(SCHEMA_VERSION), "1"]] * 3, answers


def test_folders_and_files_are_the_owners_alone(home: Home, db: Database) -> None:
    add_dataset(db, "mara", "ohwx", "woman", "person")
    assert (home.root / "zen.db-wal").exists()
    for path in [home.root, *home.root.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_a_database_of_a_newer_zen_is_left_alone(home: Home) -> None:
    with Database.open(home) as db:
        db.connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(ZenError, match="written by a newer Zen"):
        Database.open(home)


def test_a_file_that_is_no_database_is_said_and_kept(home: Home) -> None:
    home.database.write_bytes(b"not a database, but something that someone kept here" * 100)
    before = home.database.read_bytes()
    with pytest.raises(ZenError, match="cannot be opened"):
        Database.open(home)
    assert home.database.read_bytes() == before


def test_a_full_disk_rolls_back(db: Database) -> None:
    pages = db.connection.execute("PRAGMA page_count").fetchone()[0]
    db.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(DiskFull, match="is full"), db.transaction():  # noqa: PT012
        for number in range(200):
            add_dataset(db, f"mara {number}", "ohwx" * 200, "woman", "person")
    assert all_datasets(db) == []


def test_a_home_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ZenError, match="Set ZEN_HOME"):
        Home(tmp_path / "file" / "home").create()


def test_photos_of_an_older_zen_count_alike(home: Home) -> None:
    with Database.open(home) as db:
        mara = add_dataset(db, "mara", "ohwx", "woman", "person")
        add_photo(db, mara.id, source="/p/1.jpg", hash="h", suffix=".jpg", name="1.jpg", caption="kept")
        db.connection.execute("ALTER TABLE photos DROP COLUMN weight")
        db.connection.execute("PRAGMA user_version = 2")
    with Database.open(home) as db:
        (photo,) = photos(db, mara.id)
        assert (db.version, photo.weight, photo.caption) == (SCHEMA_VERSION, 1.0, "kept")
    assert home.database.with_suffix(f".before-{SCHEMA_VERSION}.db").exists()
