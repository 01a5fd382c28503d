"""kohya's dataset TOML, as sd-scripts reads it with `--dataset_config`.

A value in a subset comes before one in its dataset, and that before `[general]`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from zen_tui.exchange.dataset_paths import Settings, text_of
from zen_tui.exchange.dataset_sources import DatasetSources, Folder, described, listed, subject_of
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.text import clean, shown
from zen_tui.photos.captions import LONGEST

TAKEN = {
    "image_dir", "num_repeats", "class_tokens", "caption_extension", "caption_prefix", "caption_suffix",
    "metadata_file", "conditioning_data_dir", "is_reg",
}  # fmt: skip
OF_TRAINING = {
    "resolution", "batch_size", "enable_bucket", "min_bucket_reso", "max_bucket_reso", "bucket_reso_steps",
    "bucket_no_upscale", "skip_image_resolution", "resize_interpolation", "network_multiplier",
    "prior_loss_weight", "validation_split", "validation_seed", "shuffle_caption", "caption_separator",
    "keep_tokens", "keep_tokens_separator", "secondary_separator", "enable_wildcard", "color_aug", "flip_aug",
    "face_crop_aug_range", "random_crop", "caption_dropout_rate", "caption_dropout_every_n_epochs",
    "caption_tag_dropout_rate", "token_warmup_min", "token_warmup_step", "cache_info", "alpha_mask",
    "custom_attributes", "debug_dataset", "max_token_length",
}  # fmt: skip
DEFAULT_SUFFIX = ".caption"  # sd-scripts' own, although most people write .txt


def read_toml(path: Path) -> DatasetSources:
    """The photos that a kohya dataset TOML names. What belongs to training, and unknown keys, become notes.

    Raises:
        BadFile: not TOML, or a value that cannot be.
        Refused: some other TOML.
        NotFound: its folders are not there.
    """
    try:
        document = tomllib.loads(text_of(path))
    except tomllib.TOMLDecodeError as error:
        raise BadFile(f"{shown(path)} is not TOML: {clean(str(error))}.") from None
    if "datasets" not in document:
        raise Refused(f"{shown(path)} describes no dataset.", "A kohya dataset TOML has [[datasets]] in it.")
    folders, missing, notes = [], [], []
    used: set[str] = set()
    for values in _subsets(document, path):
        settings = Settings(values, path)
        used |= set(values)
        named = settings.text("image_dir")
        folder = settings.folder("image_dir")
        if settings.flag("is_reg"):
            notes.append(f"{named} holds regularisation images, which Zen makes by itself: left out.")
        elif settings.number("num_repeats", 1) < 1:
            notes.append(f"{named} has num_repeats 0: left out.")
        elif folder is None:
            missing.append(named or "no folder")
        else:
            folders.append(_folder(folder, settings, notes))
    if unknown := used - TAKEN - OF_TRAINING:
        notes.append(f"Not known, and left out: {listed(unknown)}.")
    if training := used & OF_TRAINING:
        notes.append(f"Settings of the training, not taken over: {listed(training)}.")
    found = described(path, "kohya dataset", folders, missing, notes)
    found.token, found.class_word = subject_of([f.class_words for f in folders if f.class_words])
    return found


def _subsets(document: dict[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    general = document.get("general", {})
    for dataset in _tables(document["datasets"], path):
        above = {**general, **{key: value for key, value in dataset.items() if key != "subsets"}}
        for subset in _tables(dataset.get("subsets", []), path):
            yield {**above, **subset}


def _tables(value: Any, path: Path) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise BadFile(f"{shown(path)}: datasets and subsets are written [[datasets]] and [[datasets.subsets]].")
    return value


def _folder(folder: Path, settings: Settings, notes: list[str]) -> Folder:
    suffix = "." + settings.text("caption_extension", DEFAULT_SUFFIX).lstrip(".")
    others = tuple(each for each in (".txt", ".caption") if each != suffix)
    if not _any(folder, suffix) and (there := [each for each in others if _any(folder, each)]):
        notes.append(
            f"caption_extension is {suffix}, and {shown(folder)} has none: kohya finds no captions there. "
            f"Those in {there[0]} were taken."
        )
    return Folder(
        path=folder,
        suffixes=(suffix, *others),
        words=_words(settings),
        class_words=settings.text("class_tokens"),
        repeats=round(settings.number("num_repeats", 1)),
        masks=settings.folder("conditioning_data_dir"),
    )


def _any(folder: Path, suffix: str) -> bool:
    return next(folder.glob(f"*{suffix}"), None) is not None


def _words(settings: Settings) -> Callable[[Path, str], str]:
    """A photo's caption as sd-scripts puts it together."""
    known = _metadata(settings)
    before, after = settings.text("caption_prefix"), settings.text("caption_suffix")

    def words(photo: Path, beside: str) -> str:
        caption = known.get(str(photo)) or known.get(photo.name) or known.get(photo.stem) or beside
        return " ".join(filter(None, (before, caption, after))) if caption else ""

    return words


def _metadata(settings: Settings) -> dict[str, str]:
    """Captions by path, name or stem from a `metadata_file`: caption and tags, joined as sd-scripts does."""
    path = settings.folder("metadata_file")
    if path is None:
        return {}
    try:
        entries = msgspec.json.decode(text_of(path), type=dict[str, dict[str, Any]])
    except msgspec.MsgspecError as error:
        raise BadFile(f"{shown(path)} is not kohya's metadata: {clean(str(error))}.") from None
    captions = {}
    for key, entry in entries.items():
        parts = [entry.get("caption"), entry.get("tags")]
        caption = ", ".join(clean(part, LONGEST).strip() for part in parts if isinstance(part, str) and part)
        captions[key] = caption
        captions.setdefault(key.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or key, caption)
    return captions
