"""How a photo is looked at: as it is, and if wished mirrored, moved a little or recoloured.

A training sees a fixed few views of each photo, so that their latents can be kept; nothing of a view is ever
written as a picture. What is random in them follows from the seed, the photo and the view's number.
"""

from __future__ import annotations

from random import Random

import msgspec

from zen_tui.library.records import Crop
from zen_tui.library.specs import TrainSettings
from zen_tui.training.buckets import Size

VARIANTS = 4  # of a photo when there is jitter, itself the first
WHOLE = Crop(0, 0, 1, 1)


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The rectangle `box` of a photo, then mirrored and its colours changed; factors of 1 change nothing."""

    box: Crop
    mirrored: bool = False
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0


def variants_of(settings: TrainSettings) -> int:
    """How many variants there are of a photo, itself among them; one without jitter."""
    return (settings.variants or VARIANTS) if settings.crop_jitter or settings.colour_jitter else 1


def plain_view(width: int, height: int, crop: Crop | None, size: Size) -> View:
    """The middle of the crop of a photo of `width` x `height` pixels, as much as has the shape of `size`."""
    crop = crop or WHOLE
    across, down = (crop.right - crop.left) * width, (crop.bottom - crop.top) * height
    scale = min(across / size[0], down / size[1])
    half_across, half_down = scale * size[0] / width / 2, scale * size[1] / height / 2
    x, y = (crop.left + crop.right) / 2, (crop.top + crop.bottom) / 2
    return View(box=Crop(x - half_across, y - half_down, x + half_across, y + half_down))


def all_views(
    hash: str, width: int, height: int, crop: Crop | None, size: Size, settings: TrainSettings
) -> list[View]:
    """All views of a photo that is trained on; the first is the plain one. Mirrored twins come last."""
    plain = plain_view(width, height, crop, size)
    found = [plain]
    for number in range(1, variants_of(settings)):
        chance = Random(f"{settings.seed}/{hash}/{number}")
        found.append(_jittered(plain.box, crop or WHOLE, settings, chance))
    if settings.flip:
        found += [msgspec.structs.replace(view, mirrored=True) for view in found]
    return found


def _jittered(box: Crop, crop: Crop, settings: TrainSettings, chance: Random) -> View:
    zoom = 1 - settings.crop_jitter * chance.random()
    left, right = _moved(box.left, box.right, crop.left, crop.right, zoom, settings.crop_jitter, chance)
    top, bottom = _moved(box.top, box.bottom, crop.top, crop.bottom, zoom, settings.crop_jitter, chance)
    brightness, contrast, saturation = (1 + settings.colour_jitter * chance.uniform(-1, 1) for _ in range(3))
    moved = Crop(left, top, right, bottom)
    return View(box=moved, brightness=brightness, contrast=contrast, saturation=saturation)


def _moved(
    low: float, high: float, least: float, most: float, zoom: float, jitter: float, chance: Random
) -> tuple[float, float]:
    """One side of a box, enlarged and moved by up to half of `jitter` either way, but never out of the crop."""
    side = zoom * (high - low)
    start = (low + high - side) / 2 + jitter * (high - low) * chance.uniform(-0.5, 0.5)
    start = min(max(start, least), most - side)
    return start, start + side
