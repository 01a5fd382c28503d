"""A dataset as files: a plain folder, a folder for kohya's sd-scripts, or a folder with a manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from zen_tui.exchange import dataset_manifest
from zen_tui.exchange.dataset_sources import MANIFEST
from zen_tui.library.durable import write_text
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset, Photo
from zen_tui.photos.captions import trigger
from zen_tui.photos.export import Manner, Written, require_empty, require_room, stem_of, write_photo

Format = Literal["plain", "kohya", "manifest"]
FORMATS: tuple[Format, ...] = ("plain", "kohya", "manifest")
TOML = "dataset.toml"
MASKS = "masks"
HELD_OUT = "holdout"  # no number in front: kohya passes such a folder over
RESOLUTIONS = (1024, 768, 512)

Progress = Callable[[int, int], None]
"""Told how many photos of how many are written; may raise to stop."""


class Exported(msgspec.Struct):
    """The files that were written, and how many photos had to be made anew because the tool misreads them."""

    files: list[Path] = []
    made_anew: int = 0


def export_format(text: str) -> Format:
    """The format of this name. Raises `WrongUse`."""
    for known in FORMATS:
        if text == known:
            return known
    raise WrongUse(f"There is no format {text!r}.", f"The formats are: {', '.join(FORMATS)}.")


def export_dataset(
    home: Home,
    dataset: Dataset,
    photos: Sequence[Photo],
    out: Path,
    *,
    format: Format = "plain",
    cropped: bool = False,
    clean: bool = False,
    on_photo: Progress | None = None,
) -> Exported:
    """Write `photos` into the folder `out`; a photo that is out goes into a manifest alone.

    Raises:
        Refused: the folder holds something already, or there is no photo to write.
        DiskFull: not enough room; nothing half-written is left.
        BadFile: a stored photo is gone or damaged.
    """
    require_empty(out)
    chosen = [photo for photo in photos if format == "manifest" or photo.split != "out"]
    if not chosen:
        raise Refused(f"{dataset.slug} has no photo to write.", "Import some, or put some in again.")
    require_room(home, dataset, chosen, out)
    manner = Manner(cropped=cropped, clean=clean, simple=format == "kohya")
    written = []
    for number, photo in enumerate(chosen, 1):
        folder = out / kohya_folder(dataset, photo) if format == "kohya" else out
        masks = out / MASKS / folder.name if format == "kohya" else out
        written.append(write_photo(home, dataset, photo, folder / stem_of(number, photo), manner, masks))
        if on_photo:
            on_photo(number, len(chosen))
    done = Exported([file for each in written for file in each.files])
    if format == "kohya":
        done.made_anew = 0 if cropped else sum(each.made_anew for each in written)
        done.files.append(out / TOML)
        write_text(done.files[-1], kohya_toml(dataset, written, out))
    elif format == "manifest":
        entries = [dataset_manifest.entry(each, cropped=cropped) for each in written]
        done.files.append(out / MANIFEST)
        write_text(done.files[-1], dataset_manifest.encode(dataset, entries))
    return done


def kohya_folder(dataset: Dataset, photo: Photo) -> str:
    """`10_ohwx woman`: repeats and what the photo shows; held-out photos lie where kohya does not look."""
    if photo.split == "holdout":
        return HELD_OUT
    words = re.sub(r"[^\w .,-]+", "-", trigger(dataset)).strip(" .-") or "subject"
    return f"{photo.repeats}_{words}"


def kohya_toml(dataset: Dataset, written: Sequence[Written], out: Path) -> str:
    """The dataset TOML for `--dataset_config`: a subset for each folder that is trained on."""
    folders = dict.fromkeys(each.path.parent for each in written if each.photo.split == "train")
    shorts = sorted(min(each.width, each.height) for each in written)
    middle = shorts[len(shorts) // 2]
    resolution = next((pixels for pixels in RESOLUTIONS if pixels <= middle), RESOLUTIONS[-1])
    lines = [
        "[general]",
        'caption_extension = ".txt"',
        "enable_bucket = true",
        "bucket_no_upscale = true",
        "",
        "[[datasets]]",
        f"resolution = {resolution}",
    ]
    for folder in folders:
        inside = [each for each in written if each.path.parent == folder]
        lines += [
            "",
            "[[datasets.subsets]]",
            f"image_dir = {_quoted(folder.absolute())}",
            f"class_tokens = {_quoted(trigger(dataset))}",
            f"num_repeats = {inside[0].photo.repeats}",
        ]
        if all(each.mask for each in inside):
            lines.append(
                f"# with --masked_loss: conditioning_data_dir = {_quoted((out / MASKS / folder.name).absolute())}"
            )
    return "\n".join(lines) + "\n"


def _quoted(text: object) -> str:
    """A TOML string."""
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007f")
