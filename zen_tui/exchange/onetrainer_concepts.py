"""OneTrainer's concepts: the JSON list of folders that its trainer reads, or a whole configuration with one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from zen_tui.exchange.dataset_paths import Settings, text_of
from zen_tui.exchange.dataset_sources import DatasetSources, Folder, described, listed
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.text import clean, shown
from zen_tui.photos.captions import LONGEST

TAKEN = {"name", "path", "enabled", "type", "validation_concept", "include_subdirectories", "balancing",
         "balancing_strategy", "repeats", "text", "concept_stats", "__version"}  # fmt: skip
TEXT_TAKEN = {"prompt_source", "prompt_path"}
ONLY = "Import the folder of photos itself, or OneTrainer's concepts, ai-toolkit's or kohya's description."


def read_concepts(path: Path) -> DatasetSources:
    """The photos that OneTrainer's concepts name. Validation concepts are held out.

    Raises:
        BadFile: not JSON, or a value that cannot be.
        Refused: some other JSON.
        NotFound: its folders are not there.
    """
    try:
        document = msgspec.json.decode(text_of(path))
    except msgspec.MsgspecError as error:
        raise BadFile(f"{shown(path)} is not JSON: {clean(str(error))}.") from None
    folders, missing, notes = [], [], []
    left: set[str] = set()
    for values in _concepts(document, path):
        settings = Settings(values, path)
        text = Settings(words if isinstance(words := values.get("text"), dict) else {}, path)
        named = settings.text("path")
        folder = settings.folder("path")
        left |= {key for key in values if key not in TAKEN and key != "image"}
        left |= {f"text.{key}" for key in text.values if key not in TEXT_TAKEN}
        left |= {"image (augmentation)"} if values.get("image") else set()
        if not settings.flag("enabled", True):
            notes.append(f"{named} is switched off there: left out.")
        elif settings.text("type").upper() == "PRIOR_PREDICTION":
            notes.append(f"{named} is for prior prediction, which Zen does by itself: left out.")
        elif folder is None or not folder.is_dir():
            missing.append(named or "no folder")
        else:
            folders.append(_folder(folder, settings, text, notes))
    if left:
        notes.append(f"Not taken over: {listed(left)}.")
    return described(path, "OneTrainer concept", folders, missing, notes)


def _concepts(document: Any, path: Path) -> list[dict[str, Any]]:
    concepts = document.get("concepts") if isinstance(document, dict) else document
    named = Settings(document, path).folder("concept_file_name") if isinstance(document, dict) else None
    if concepts is None and named is not None:
        try:
            concepts = msgspec.json.decode(text_of(named))
        except msgspec.MsgspecError as error:
            raise BadFile(f"{shown(named)} is not JSON: {clean(str(error))}.") from None
    if not isinstance(concepts, list) or not all(isinstance(each, dict) and "path" in each for each in concepts):
        raise Refused(f"{shown(path)} holds no concepts of OneTrainer.", ONLY)
    return concepts


def _folder(folder: Path, settings: Settings, text: Settings, notes: list[str]) -> Folder:
    balancing = settings.number("balancing", settings.number("repeats", 1))
    if settings.text("balancing_strategy").upper() == "SAMPLES":
        notes.append(f"{shown(folder)} asks for {balancing:g} samples an epoch: each photo counts once here.")
        balancing = 1
    elif balancing != max(1, round(balancing)):
        notes.append(f"{shown(folder)} asks for {balancing:g} repeats: {max(1, round(balancing))} were taken.")
    return Folder(
        path=folder,
        recursive=settings.flag("include_subdirectories"),
        suffixes=(".txt",),
        words=_words(text, notes),
        repeats=max(1, round(balancing)),
        held_out=settings.text("type").upper() == "VALIDATION" or settings.flag("validation_concept"),
    )


def _words(text: Settings, notes: list[str]) -> Callable[[Path, str], str]:
    """A photo's caption as OneTrainer finds it: beside the photo, in one file for all, or in its name."""
    source = text.text("prompt_source", "sample")
    if source == "filename":
        return lambda photo, beside: clean(photo.stem, LONGEST)
    if source == "concept":
        prompts = text.folder("prompt_path")
        lines = [clean(line, LONGEST).strip() for line in text_of(prompts).splitlines()] if prompts else []
        lines = [line for line in lines if line]
        if not lines:
            notes.append(f"The prompt file {text.text('prompt_path')} is not there or empty: no captions.")
        elif len(lines) > 1:
            notes.append(f"{shown(prompts or '')} has {len(lines)} prompts; the first was taken for every photo.")
        return lambda photo, beside: lines[0] if lines else ""
    return lambda photo, beside: beside
