"""Captions from the files and folders that other trainers use.

`photo.txt` or `photo.caption` beside `photo.jpg` (also `photo.jpg.txt`); a folder called `10_ohwx woman`
says how often its photos are repeated and what stands for a caption where there is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from zen_tui.library.errors import BadFile
from zen_tui.library.records import Dataset
from zen_tui.library.text import clean
from zen_tui.photos.caption_templates import fill, templates
from zen_tui.photos.open import read

SUFFIXES = (".txt", ".caption")
SEVERAL_LINES = "The caption file has several lines; the first was taken."
DIFFERENT = "There are several caption files that differ; .txt was taken before .caption."
LONGEST = 2000  # characters
MOST_REPEATS = 100  # a folder called 2024_summer is a date, not 2,024 repeats


def default_caption(dataset: Dataset) -> str:
    """What a photo shows when nobody has said it: 'a photo of ohwx woman', 'a picture in ohwx style'."""
    return fill(templates(dataset.kind)[0], dataset)


def trigger(dataset: Dataset) -> str:
    """The words that mean this subject in a prompt: 'ohwx woman', 'ohwx style'."""
    return f"{dataset.token} {'style' if dataset.kind == 'style' else dataset.class_word}".strip()


def sample_prompts(dataset: Dataset) -> tuple[str, str]:
    """What a training draws to show how far it is: a plain prompt, and one that no photo answers."""
    words = trigger(dataset)
    other = {"garment": f"an oil painting of a person wearing {words}", "style": f"a house by the sea in {words}"}
    return default_caption(dataset), other.get(dataset.kind, f"an oil painting of {words}")


class Beside(NamedTuple):
    """The caption in a text file beside a photo, made safe to show; '' if there is none.

    `notes` say what of these files was not taken over, each a sentence that does not name the photo.
    """

    text: str = ""
    notes: tuple[str, ...] = ()


def caption_beside(photo: Path, suffixes: Sequence[str] = SUFFIXES) -> Beside:
    """The first line with words in the first text file beside `photo` that has any.

    Args:
        suffixes: of the files that are asked, in this order; `photo.txt` comes before `photo.jpg.txt`.
    """
    beside = [path for suffix in suffixes for path in _named_after(photo, suffix) if path.is_file()]
    texts = [lines for path in beside if (lines := _lines(path))]
    if not texts:
        return Beside()
    notes = []
    if len(texts[0]) > 1:
        notes.append(SEVERAL_LINES)
    if any(other != texts[0] for other in texts[1:]):
        notes.append(DIFFERENT)
    return Beside(texts[0][0], tuple(notes))


def _named_after(photo: Path, suffix: str) -> tuple[Path, Path]:
    return photo.with_name(photo.stem + suffix), photo.with_name(photo.name + suffix)


def _lines(path: Path) -> list[str]:
    """The lines of a foreign text file that have words, made safe to show."""
    try:
        text = read(path, 16 * LONGEST).decode("utf-8-sig", "replace")
    except BadFile:
        return []
    return [line for raw in text.splitlines() if (line := clean(raw, LONGEST).strip())]


def folder_class(folder: Path) -> tuple[int, str]:
    """Repeats and class words that a folder's name gives: '10_ohwx woman' is (10, 'ohwx woman'); else (1, '')."""
    found = re.fullmatch(r"(\d{1,3})_(.+)", folder.name)
    if not found or not 1 <= int(found[1]) <= MOST_REPEATS:
        return 1, ""
    return int(found[1]), clean(found[2]).strip()
