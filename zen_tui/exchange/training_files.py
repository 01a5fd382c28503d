"""A file that says how to train: one of Zen's own, or another tool's.

Whatever is wrong with it is wrong use, told in a sentence: the file was named on the command line or in a form.
"""

from __future__ import annotations

from pathlib import Path

from zen_tui.library import run_files
from zen_tui.library.errors import BadFile, NotFound, WrongUse
from zen_tui.library.run_files import RunFile
from zen_tui.library.text import megabytes, shown
from zen_tui.photos.open import read

SUFFIXES = (".toml",)


def is_file_name(word: str) -> bool:
    """Whether `word` means a file of settings and not a run."""
    return "/" in word or Path(word).suffix.lower() in SUFFIXES


def read_training(path: Path) -> RunFile:
    """The training that a file describes.

    Raises:
        NotFound: there is no such file.
        WrongUse: it cannot be understood.
    """
    if not path.exists():
        raise NotFound(f"There is no file {shown(path)}.", "Check the path.")
    return run_files.decode(_text(path), shown(path))


def _text(path: Path) -> str:
    try:
        data = read(path, run_files.LARGEST)
    except BadFile as error:
        raise WrongUse(f"{shown(path)} cannot be read: {error.message}.") from None
    if len(data) >= run_files.LARGEST:
        raise WrongUse(f"{shown(path)} is longer than {megabytes(run_files.LARGEST)}: no file of settings is.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WrongUse(f"{shown(path)} is not text in UTF-8, so it holds no settings.") from None
