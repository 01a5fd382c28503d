"""A file that says how to train: one of Zen's own, or another tool's.

Whatever is wrong with it is wrong use, told in a sentence: the file was named on the command line or in a form.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from zen_tui.exchange import aitoolkit_training, kohya_training, onetrainer_training
from zen_tui.exchange.borrowed import About, Borrowed
from zen_tui.exchange.yaml_text import load_yaml
from zen_tui.library import run_files
from zen_tui.library.errors import BadFile, NotFound, WrongUse
from zen_tui.library.run_files import RunFile
from zen_tui.library.text import clean, megabytes, shown
from zen_tui.photos.open import read

__all__ = ["SUFFIXES", "About", "Borrowed", "is_file_name", "read_training"]

SUFFIXES = (".toml", ".yaml", ".yml", ".json")
READS = (
    "Zen reads its own TOML, ai-toolkit's YAML jobs, OneTrainer's configurations, and the TOML and GUI settings "
    "of kohya's sd-scripts."
)


def is_file_name(word: str) -> bool:
    """Whether `word` means a file of settings and not a run."""
    return "/" in word or Path(word).suffix.lower() in SUFFIXES


def read_training(path: Path, about: About | None = None) -> RunFile:
    """The training that a file describes; a `Borrowed` where another tool wrote it.

    Args:
        about: what a borrowed one will be used with.

    Raises:
        NotFound: there is no such file.
        WrongUse: it cannot be understood.
    """
    if not path.exists():
        raise NotFound(f"There is no file {shown(path)}.", "Check the path.")
    text, about, suffix = _text(path), about or About(), path.suffix.lower()
    if suffix in (".yaml", ".yml"):
        document = _yaml(text, path)
        if aitoolkit_training.is_job(document):
            return aitoolkit_training.read_job_settings(document, about)
    elif suffix == ".json":
        document = _json(text, path)
        if onetrainer_training.is_config(document):
            return onetrainer_training.read_config(document, about, path)
        if kohya_training.is_training(document):
            return kohya_training.read_training_of_kohya(document, about, path)
    else:
        return _toml(text, path, about)
    raise WrongUse(f"{shown(path)} holds no settings of a training that Zen knows.", READS)


def _toml(text: str, path: Path, about: About) -> RunFile:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        document = {}  # which is told below
    if "settings" not in document and kohya_training.is_training(document):
        return kohya_training.read_training_of_kohya(document, about, path)
    if "datasets" in document:
        raise WrongUse(f"{shown(path)} describes photos, not a training.", "`zen datasets import` takes it.")
    return run_files.decode(text, shown(path))


def _yaml(text: str, path: Path) -> Any:
    try:
        return load_yaml(text, shown(path))
    except BadFile as error:
        raise WrongUse(error.message, error.hint) from None


def _json(text: str, path: Path) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError as error:
        raise WrongUse(f"{shown(path)} is not JSON: {clean(str(error))}.") from None
    except RecursionError:
        raise WrongUse(f"{shown(path)} is nested too deeply.", READS) from None


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
