"""Photos of a dataset as files again: as they were imported, without metadata, or cropped.

The stored originals are only read.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zen_tui.library.durable import require_space, write_file, write_text
from zen_tui.library.errors import BadFile, Refused
from zen_tui.library.paths import Home
from zen_tui.library.records import Crop, Dataset, Photo
from zen_tui.library.text import slugify
from zen_tui.photos.clean import LOSSLESS, cleaned, orientation_of
from zen_tui.photos.masks import export_mask
from zen_tui.photos.open import decode

QUALITY = 95  # of JPEGs that are made; the pixels of lossless formats stay lossless


@dataclass(frozen=True)
class Manner:
    """How photos are written. Nothing chosen: byte for byte as they were imported.

    Args:
        cropped: only the part that is trained on, upright and without metadata.
        clean: without metadata; pixels stay as they are, but for HEIC, AVIF and TIFF, which become PNG.
        simple: what tools misread is made anew: turned upright, and as JPEG or PNG.
    """

    cropped: bool = False
    clean: bool = False
    simple: bool = False


@dataclass(frozen=True)
class Written:
    """A photo as it was written: its file, bytes, upright pixels, and the file of its mask.

    `made_anew` if its pixels were encoded again.
    """

    photo: Photo
    path: Path
    mask: Path | None
    size: int
    width: int
    height: int
    made_anew: bool

    @property
    def files(self) -> list[Path]:
        """Every file that was written for the photo."""
        caption = self.path.with_suffix(".txt")
        return [self.path, *([caption] if self.photo.caption else []), *([self.mask] if self.mask else [])]


def require_empty(out: Path) -> None:
    """Raise `Refused` unless `out` is a new or empty folder."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Refused(f"{out} is not an empty folder.", "Choose a new one; Zen overwrites nothing.")


def require_room(home: Home, dataset: Dataset, photos: Sequence[Photo], out: Path) -> None:
    """Raise `DiskFull` unless the photos fit under `out`.

    Raises:
        BadFile: a stored photo is gone.
    """
    try:
        sizes = [home.photo(dataset.slug, p.hash, p.suffix).stat().st_size for p in photos]
    except FileNotFoundError as error:
        raise BadFile(f"The stored photo {error.filename} is gone.", "Import it again, or set it out.") from None
    require_space(out, sum(sizes))


def write_photo(home: Home, dataset: Dataset, photo: Photo, stem: Path, manner: Manner, masks: Path) -> Written:
    """Write a photo at `stem` with the suffix that fits, its caption beside it, its mask into the folder `masks`.

    Raises:
        BadFile: the stored photo is gone or damaged.
        DiskFull: nothing half-written is left.
    """
    try:
        data = home.photo(dataset.slug, photo.hash, photo.suffix).read_bytes()
    except OSError:
        raise BadFile(f"The stored photo of {photo.name} is gone.", "Import it again, or set it out.") from None
    crop = photo.crop if manner.cropped else None
    suffix, width, height = photo.suffix, photo.width, photo.height
    wanted = manner.cropped or (manner.simple and not is_simple(data, photo.format))
    made_anew = wanted or (manner.clean and photo.format not in LOSSLESS)
    try:
        if made_anew:
            data, suffix, (width, height) = rendered(data, photo, crop, lossless=not wanted)
        elif manner.clean:
            data = cleaned(data, photo.format)
    except BadFile as error:
        raise BadFile(f"The stored photo of {photo.name} cannot be written: {error.message}.") from None
    path = stem.with_name(stem.name + suffix)
    write_file(path, data)
    if photo.caption:
        write_text(stem.with_name(f"{stem.name}.txt"), photo.caption + "\n")
    mask = export_mask(home.mask(dataset.slug, photo.hash), masks / path.name, (width, height), crop)
    return Written(photo, path, mask, len(data), width, height, made_anew)


def stem_of(number: int, photo: Photo) -> str:
    """The name under which the `number`th photo is written, without a suffix."""
    return f"{number:03d}-{slugify(Path(photo.name).stem) or 'photo'}"


def is_simple(data: bytes, format: str) -> bool:
    """Whether every tool shows this file as Zen does: a common format, stored upright."""
    return format in ("JPEG", "PNG", "WEBP") and orientation_of(data, format) == 1


def rendered(
    data: bytes, photo: Photo, crop: Crop | None, *, lossless: bool
) -> tuple[bytes, str, tuple[int, int]]:
    """The photo's pixels upright, cropped and without metadata: a file, its suffix, its size in pixels.

    PNG where `lossless` or the photo is a PNG, else JPEG.
    """
    picture = decode(data, photo.suffix).picture
    if crop:
        picture = picture.crop(_box(crop, picture.size))
    buffer = io.BytesIO()
    if lossless or photo.format in ("PNG", "BMP"):
        picture.save(buffer, "PNG")
        return buffer.getvalue(), ".png", picture.size
    picture.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue(), ".jpg", picture.size


def _box(crop: Crop, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The crop in whole pixels, at least one wide and high."""
    left, top = int(crop.left * size[0]), int(crop.top * size[1])
    right, bottom = round(crop.right * size[0]), round(crop.bottom * size[1])
    return left, top, max(left + 1, right), max(top + 1, bottom)
