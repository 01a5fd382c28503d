"""Masks: which part of a photo is the subject. Grey PNGs, white is the subject and what is trained on.

A mask lies beside its photo under the photo's hash, upright and of the photo's shape, with its longer side at most
1024 pixels. It says itself how it came to be, so that what a person drew is not overwritten by a model.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw, PngImagePlugin

from zen_tui.library.durable import write_file
from zen_tui.library.errors import BadFile
from zen_tui.library.records import Crop
from zen_tui.library.text import shown
from zen_tui.photos.open import open_upright

Origin = Literal["drawn", "imported", "model"]

LARGEST = 1024  # pixels of the longer side
SUFFIX = "-masklabel.png"  # OneTrainer's: `photo-masklabel.png` beside `photo.jpg`
CONTROL = "-condlabel.png"
ORIGIN = "origin"
WHITE = 128  # from this grey on a pixel counts as subject
SAME_SHAPE = 0.02  # how far the sides of a mask may be off its photo's


def mask_size(width: int, height: int) -> tuple[int, int]:
    """The size of the mask of a photo of `width` × `height` pixels."""
    scale = min(1.0, LARGEST / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def draw_rectangles(size: tuple[int, int], rectangles: Sequence[Crop]) -> Image.Image:
    """A mask of `size` that is white inside `rectangles` and black elsewhere."""
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    for box in rectangles:
        left, top = round(box.left * size[0]), round(box.top * size[1])
        right, bottom = round(box.right * size[0]), round(box.bottom * size[1])
        if right > left and bottom > top:
            draw.rectangle((left, top, right - 1, bottom - 1), fill=255)
    return mask


def subject_box(mask: Image.Image, margin: float = 0.0) -> Crop | None:
    """The rectangle around the white of `mask`, by `margin` of its own sides wider; None if all is black."""
    box = mask.convert("L").point(lambda value: 255 if value >= WHITE else 0).getbbox()
    if box is None:
        return None
    left, top, right, bottom = box
    wide, high = (right - left) * margin, (bottom - top) * margin
    return Crop(
        max(0.0, (left - wide) / mask.width),
        max(0.0, (top - high) / mask.height),
        min(1.0, (right + wide) / mask.width),
        min(1.0, (bottom + high) / mask.height),
    )


def write_mask(path: Path, mask: Image.Image, origin: Origin) -> None:
    """Keep `mask` at `path` (`Home.mask`), durably: eight bits of grey, no larger than needed."""
    small = mask.convert("L").resize(mask_size(*mask.size), Image.Resampling.LANCZOS)
    write_file(path, _png(small, origin))


def read_mask(path: Path) -> Image.Image | None:
    """The mask at `path`, or None if there is none.

    Raises:
        BadFile: it is damaged.
    """
    return open_upright(path).convert("L") if path.exists() else None


def origin_of(path: Path) -> Origin | None:
    """How the mask at `path` came to be; None if there is none. One that does not say is a person's own."""
    if not path.exists():
        return None
    try:
        with Image.open(path, formats=("PNG",)) as image:
            said = image.info.get(ORIGIN)
    except (OSError, ValueError, SyntaxError):
        return "model"  # damaged: it may be made again
    return said if said in ("imported", "model") else "drawn"


def sidecar_mask(photo: Path) -> Path:
    """Where OneTrainer keeps the mask of `photo`."""
    return photo.with_name(photo.stem + SUFFIX)


def is_sidecar(name: str) -> bool:
    """Whether a file of this name is a mask of OneTrainer's, or its card for control: no photo in any case."""
    return name.lower().endswith((SUFFIX, CONTROL))


def import_mask(path: Path, mask: Path, size: tuple[int, int]) -> bool:
    """Keep the picture `mask` at `path` (`Home.mask`) as the mask of a photo of `size` upright pixels.

    False if there is no such file, or the photo has a mask already.

    Raises:
        BadFile: it cannot be read, or has another shape than its photo.
    """
    if path.exists() or not mask.is_file() or mask.is_symlink():
        return False
    picture = open_upright(mask, LARGEST).convert("L")
    if abs(picture.width / picture.height * size[1] / size[0] - 1) > SAME_SHAPE:
        raise BadFile(f"{shown(mask.name)} is not of the shape of its photo: {picture.width} × {picture.height}.")
    write_mask(path, picture.resize(mask_size(*size), Image.Resampling.LANCZOS), "imported")
    return True


def export_mask(path: Path, photo: Path, size: tuple[int, int], crop: Crop | None = None) -> Path | None:
    """Write the mask at `path` (`Home.mask`) beside `photo`, an exported file of `size`; None if there is none.

    Args:
        crop: the part of the whole photo that was exported.

    Raises:
        BadFile: the mask is damaged.
    """
    mask = read_mask(path)
    if mask is None:
        return None
    target = sidecar_mask(photo)
    part = crop or Crop(0.0, 0.0, 1.0, 1.0)
    box = (part.left * mask.width, part.top * mask.height, part.right * mask.width, part.bottom * mask.height)
    write_file(target, _png(mask.resize(size, Image.Resampling.BICUBIC, box), None))
    return target


def _png(mask: Image.Image, origin: Origin | None) -> bytes:
    said = PngImagePlugin.PngInfo()
    if origin is not None:
        said.add_text(ORIGIN, origin)
    buffer = io.BytesIO()
    mask.save(buffer, "PNG", optimize=True, pnginfo=said)
    return buffer.getvalue()
