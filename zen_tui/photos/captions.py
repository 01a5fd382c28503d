"""Captions from the files and folders that other trainers use.

`photo.txt` or `photo.caption` beside `photo.jpg` (also `photo.jpg.txt`); a folder called `10_ohwx woman`
says how often its photos are repeated and what stands for a caption where there is none.
"""

from __future__ import annotations

import re
from pathlib import Path

from zen_tui.library.errors import BadFile
from zen_tui.library.records import Dataset
from zen_tui.library.text import clean
from zen_tui.photos.caption_templates import fill, templates
from zen_tui.photos.open import read

SUFFIXES = (".txt", ".caption")
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


def sidecar_caption(photo: Path) -> str:
    """The first line with words in the text file beside `photo`, or ''. Foreign text, made safe to show."""
    for suffix in SUFFIXES:
        for beside in (photo.with_suffix(suffix), photo.with_name(photo.name + suffix)):
            if beside.is_file():
                try:
                    text = read(beside, 16 * LONGEST).decode("utf-8-sig", "replace")
                except BadFile:
                    continue
                lines = (clean(line, LONGEST).strip() for line in text.splitlines())
                return next(filter(None, lines), "")
    return ""


def folder_class(folder: Path) -> tuple[int, str]:
    """Repeats and class words that a folder's name gives: '10_ohwx woman' is (10, 'ohwx woman'); else (1, '')."""
    found = re.fullmatch(r"(\d{1,3})_(.+)", folder.name)
    if not found or not 1 <= int(found[1]) <= MOST_REPEATS:
        return 1, ""
    return int(found[1]), clean(found[2]).strip()
