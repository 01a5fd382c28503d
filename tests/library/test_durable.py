"""Durable files: whole or absent, whatever happens in the middle."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from zen_tui.library import durable
from zen_tui.library.durable import (
    hash_file,
    replacing,
    replacing_folder,
    require_space,
    sweep,
    write_blob,
    write_file,
    write_text,
)
from zen_tui.library.errors import DiskFull, ZenError

WRITER = """
import sys
from pathlib import Path
from zen_tui.library.durable import write_file
path, size = Path(sys.argv[1]), 3_000_000
print("ready", flush=True)
while True:
    for letter in b"ab":
        write_file(path, bytes([letter]) * size)
"""


def test_killed_at_any_moment_the_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"a" * 3_000_000)
    for lines in range(12):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout
        writer.stdout.readline()
        before = os.stat(path).st_ino
        while os.stat(path).st_ino == before:  # until it has replaced the file at least once
            pass
        for _ in range(lines * 500):  # and then a different while in each round
            os.stat(path)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        data = path.read_bytes()
        assert len(data) == 3_000_000
        assert data in (b"a" * 3_000_000, b"b" * 3_000_000)
    sweep(tmp_path)
    assert [left.name for left in tmp_path.iterdir() if left.is_file()] == ["kept"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "old")
    with pytest.raises(ValueError), replacing(tmp_path / "file") as temporary:  # noqa: PT012
        temporary.write_text("half of the n")
        raise ValueError
    assert (tmp_path / "file").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_and_leaves_the_old_file(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(number, "full")

    write_text(tmp_path / "file", "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match="The disk filled up while writing file"):
        write_text(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(ZenError, match="a file/b cannot be written"):
        write_text(tmp_path / "a file" / "b", "x")


def test_files_and_folders_are_the_owners_alone(tmp_path: Path) -> None:
    write_file(tmp_path / "deep" / "file", b"x")
    assert (tmp_path / "deep").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "deep" / "file").stat().st_mode & 0o777 == 0o600


def test_a_blob_is_named_by_its_content_and_stored_once(tmp_path: Path) -> None:
    blob = write_blob(tmp_path, b"pixels", ".jpg")
    assert blob.path.name == f"{blob.hash}.jpg"
    assert blob.hash == hash_file(blob.path)
    written = blob.path.stat().st_mtime_ns
    assert write_blob(tmp_path, b"pixels", ".jpg") == blob
    assert blob.path.stat().st_mtime_ns == written
    blob.path.write_bytes(b"torn")
    assert write_blob(tmp_path, b"pixels", ".jpg").path.read_bytes() == b"pixels"


def test_sweep_removes_what_a_killed_process_left_and_no_other(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / f"{durable.TEMPORARY}{gone.pid}-file").touch()
    (tmp_path / f"{durable.TEMPORARY}{os.getpid()}-file").touch()
    (tmp_path / "kept").touch()
    folder = tmp_path / "deep" / f"{durable.TEMPORARY}{gone.pid}-folder"
    folder.mkdir()
    (folder / "file").touch()
    assert sweep(tmp_path) == 2
    assert not folder.exists()
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"kept", f"{durable.TEMPORARY}{os.getpid()}-file"}


FOLDER = """
import os, signal, sys
from pathlib import Path
from zen_tui.library.durable import replacing_folder
with replacing_folder(Path(sys.argv[1])) as made:
    made.mkdir()
    (made / "half").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_folder_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "[a]"
    for before in ([], ["old"]):
        killed = subprocess.run([sys.executable, "-c", FOLDER, str(path)], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert sorted(file.name for file in path.glob("*")) == before
        with pytest.raises(ZenError, match="cannot be written"), replacing_folder(path) as made:
            (made / "no" / "such").mkdir()
        assert sorted(file.name for file in path.glob("*")) == before
        with replacing_folder(path) as made:
            made.mkdir()
            (made / "old").touch()
        assert [left.name for left in tmp_path.iterdir()] == ["[a]"], "what the killed one left is gone"
        assert [file.name for file in path.iterdir()] == ["old"]


def test_space_is_asked_for_before_a_folder_exists(tmp_path: Path) -> None:
    require_space(tmp_path / "not" / "yet", 1)
    with pytest.raises(DiskFull, match="this needs"):
        require_space(tmp_path / "not" / "yet", 10**18)
