"""Files that are whole or absent.

Every byte Zen keeps goes through here: a crash, a full disk or a pulled plug leaves the old file or the
new one, never a torn one. Temporary file in the same folder, fsync, rename, fsync of the folder; after
restic and borg.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import io
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zen_tui.library.errors import DiskFull, ZenError
from zen_tui.library.text import megabytes

TEMPORARY = ".tmp-"


@dataclass(frozen=True)
class Blob:
    """A stored file: where it lies, its SHA-256 in hex, its size in bytes."""

    path: Path
    hash: str
    size: int


def require_space(folder: Path, need: int) -> None:
    """Raise `DiskFull` unless the disk under `folder` has `need` bytes free."""
    while not folder.exists():
        folder = folder.parent
    have = shutil.disk_usage(folder).free
    if have < need:
        raise DiskFull(
            f"The disk that holds {folder} is full: this needs {megabytes(need)} and {megabytes(have)} are free.",
            "Free some space and try again; nothing was lost.",
        )


@contextlib.contextmanager
def replacing(path: Path, *, settled: bool = True) -> Iterator[Path]:
    """Give a temporary path beside `path`; on leaving without an error it becomes `path`, durably.

    The body writes the temporary file in any way it likes. If it fails, nothing is left behind.

    Args:
        settled: False where the caller writes many files and then makes their names durable itself, all at
            once, by `sync_folder`; until then a power cut may lose the name, but never tear the file.

    Raises:
        DiskFull: the disk filled up while writing.
        ZenError: the folder cannot be written.
    """
    temporary = path.parent / f"{TEMPORARY}{os.getpid()}-{threading.get_ident()}-{path.name}"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb+") as file:
            os.fchmod(file.fileno(), 0o600)
            os.fsync(file.fileno())
        os.replace(temporary, path)
        if settled:
            sync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise disk_error(error, path) from error
        raise


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`; on leaving without an error it becomes `path`, whole.

    The body makes the folder, and what is in it durable. If it fails, nothing is left behind; what a killed
    process left of the same folder goes first.

    Raises:
        DiskFull, ZenError: as `replacing`.
    """
    for left in path.parent.glob(f"{TEMPORARY}*-{glob.escape(path.name)}"):
        if left.is_dir() and not _being_written(left):
            shutil.rmtree(left, ignore_errors=True)
    temporary = path.parent / f"{TEMPORARY}{os.getpid()}-{threading.get_ident()}-{path.name}"
    try:
        yield temporary
        move(temporary, path)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError):
            raise disk_error(error, path) from error
        raise


def disk_error(error: OSError, path: Path) -> ZenError:
    """The sentence for a failed write to `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            f"The disk filled up while writing {path.name}.",
            f"Free some space on the disk that holds {path.parent} and try again; nothing was lost.",
        )
    return ZenError(
        f"{path} cannot be written: {error.strerror or error}.", "Check the folder and its permissions."
    )


def write_file(path: Path, data: bytes, *, settled: bool = True) -> None:
    """Replace `path` by `data`; it is on disk, not only in the page cache, when this returns.

    Args:
        settled: as in `replacing`.
    """
    with replacing(path, settled=settled) as temporary, open(temporary, "wb") as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` in UTF-8, durably."""
    write_file(path, text.encode())


def move(source: Path, target: Path) -> None:
    """Put the file or folder `source` in the place of `target`, on the same disk; until then the old one stays."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    old = target.with_name(f"{TEMPORARY}{os.getpid()}-{target.name}")
    if target.is_dir():
        os.rename(target, old)  # a folder cannot be replaced in one go
    os.replace(source, target)
    sync_folder(target.parent)
    if old.is_dir():
        shutil.rmtree(old)


def write_blob(folder: Path, data: bytes, suffix: str = "") -> Blob:
    """Store `data` in `folder` under the SHA-256 of its content. Writing it twice stores it once."""
    digest = hashlib.sha256(data).hexdigest()
    path = folder / f"{digest}{suffix}"
    if not (path.exists() and path.stat().st_size == len(data)):
        write_file(path, data)
    return Blob(path, digest, len(data))


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with open(path, "rb") as file:
        return hash_stream(file)


def hash_stream(file: io.BufferedReader) -> str:
    """SHA-256 of what is left in `file`, in hex."""
    return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut.

    Raises:
        DiskFull: there was no room for it.
        ZenError: the folder cannot be read.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise disk_error(error, folder) from error


def sweep(folder: Path) -> int:
    """Remove temporary files and folders that a killed process left in `folder` and below; return how many.

    Those of a process that still runs are its own business.
    """
    left = [path for path in folder.rglob(f"{TEMPORARY}*") if not _being_written(path)]
    for path in left:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(left)


def _being_written(temporary: Path) -> bool:
    pid = temporary.name.removeprefix(TEMPORARY).partition("-")[0]
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
