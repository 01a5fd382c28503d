"""Thumbnails: 256 px JPEGs made once, when a photo comes in or a picture is made."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from zen_tui.library.durable import write_file
from zen_tui.library.paths import Home
from zen_tui.library.records import Photo
from zen_tui.photos.open import QUICK, open_upright

SIZE = 256
QUALITY = 85


def thumbnail(image: Image.Image) -> Image.Image:
    """A copy of `image` whose longer side is at most `SIZE` pixels: RGB, and nothing but pixels."""
    small = image.convert("RGB")
    small.info = {}  # Pillow would write a comment found there into the JPEG
    if 2 * QUICK * SIZE <= max(small.size) <= 2 * SIZE:
        return small.reduce(2)  # a picture that was made to be measured
    small.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return small


def thumbnail_jpeg(image: Image.Image) -> bytes:
    """The thumbnail of `image` as a JPEG file without metadata."""
    buffer = io.BytesIO()
    thumbnail(image).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def write_thumbnail(image: Image.Image, path: Path) -> None:
    """Write the thumbnail of `image` to `path`, durably."""
    write_file(path, thumbnail_jpeg(image))


def photo_thumbnail(home: Home, slug: str, photo: Photo) -> Path:
    """The thumbnail of a photo of dataset `slug`, made anew if it is missing.

    Raises:
        BadFile: it is missing and the stored original cannot be read either.
    """
    path = home.thumbnail(slug, photo.hash)
    if not path.exists():
        write_thumbnail(open_upright(home.photo(slug, photo.hash, photo.suffix), SIZE), path)
    return path
