"""ai-toolkit's YAML job: the datasets of its `sd_trainer` process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zen_tui.exchange.dataset_paths import Settings, text_of
from zen_tui.exchange.dataset_sources import DatasetSources, Folder, described, listed
from zen_tui.exchange.yaml_text import load_yaml
from zen_tui.library.errors import Refused
from zen_tui.library.text import shown

LARGEST = 2_000_000  # bytes; the parser is slow
TAKEN = {
    "folder_path", "dataset_path", "caption_ext", "default_caption", "trigger_word", "mask_path", "num_repeats",
    "is_reg",
}  # fmt: skip


def read_job(path: Path) -> DatasetSources:
    """The photos that an ai-toolkit job names; its trigger word stands in their captions as it would there.

    Raises:
        BadFile: not YAML, or a value that cannot be.
        Refused: some other YAML.
        NotFound: its folders are not there.
    """
    document = load_yaml(text_of(path, LARGEST), shown(path))
    folders, missing, notes = [], [], []
    used: set[str] = set()
    triggers = set()
    for values, of_process in _datasets(document, path):
        settings = Settings(values, path)
        used |= set(values)
        named = settings.text("folder_path") or settings.text("dataset_path")
        folder = settings.folder("folder_path") or settings.folder("dataset_path")
        trigger = settings.text("trigger_word", of_process)
        if settings.flag("is_reg"):
            notes.append(f"{named} holds regularisation images, which Zen makes by itself: left out.")
        elif folder is None:
            missing.append(named or "no folder")
        else:
            triggers.add(trigger)
            folders.append(_folder(folder, settings, trigger))
    if training := used - TAKEN:
        notes.append(f"Not taken over: {listed(training)}.")
    found = described(path, "ai-toolkit dataset", folders, missing, notes)
    if len(triggers) == 1:
        found.token = triggers.pop()
    return found


def _datasets(document: Any, path: Path) -> list[tuple[dict[str, Any], str]]:
    """Each dataset of each process, with the trigger word of the process."""
    config = document.get("config") if isinstance(document, dict) else None
    processes = config.get("process") if isinstance(config, dict) else None
    if not isinstance(processes, list):
        raise Refused(f"{shown(path)} is no ai-toolkit job.", "Such a file has config: and process: in it.")
    found = []
    for process in processes:
        if not isinstance(process, dict):
            continue
        trigger = Settings(process, path).text("trigger_word")
        datasets = process.get("datasets") or []
        found += [(each, trigger) for each in datasets if isinstance(each, dict)]
    return found


def _folder(folder: Path, settings: Settings, trigger: str) -> Folder:
    suffix = "." + settings.text("caption_ext", "txt").lstrip(".")
    return Folder(
        path=folder,
        recursive=True,
        suffixes=(suffix, *(each for each in (".txt", ".caption") if each != suffix)),
        words=_words(settings.text("default_caption"), trigger),
        repeats=max(1, round(settings.number("num_repeats", 1))),
        masks=settings.folder("mask_path"),
    )


def _words(default: str, trigger: str) -> Callable[[Path, str], str]:
    """A photo's caption as ai-toolkit makes it: the trigger in its place, or in front where it has none."""

    def words(photo: Path, beside: str) -> str:
        caption = (beside or default).replace("[trigger]", trigger)
        if caption and trigger and trigger not in caption:
            return f"{trigger} {caption}"
        return caption

    return words
