"""What is done with photos, and what it costs before the first step; told without torch or opening a photo.

No step takes longer for it: each sees as many pictures of at most as many pixels.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from zen_tui.exchange.diffusers_folder import read_json, shrink
from zen_tui.exchange.profiles import Profile
from zen_tui.exchange.source import Source
from zen_tui.library.records import Dataset, Photo
from zen_tui.library.specs import TrainSettings
from zen_tui.library.text import megabytes, plural
from zen_tui.training.buckets import Size, trained_size
from zen_tui.training.views import plain_view, variants_of

BYTES = 4  # of a number in the cache
SHOWN = 4  # shapes; the others are counted together
SIDES = re.compile(r"\b(left|right)\b", re.IGNORECASE)


def feeding(
    learned: Sequence[Photo], held_out: int, masked: int, settings: TrainSettings, multiple: int, numbers: float
) -> list[tuple[str, str]]:
    """Names and values to show of every setting that does something with photos; none for plain squares.

    Args:
        learned: the photos to learn from, `held_out` more to score, of all of them `masked` with a mask.
        numbers: what a pixel makes in the latents.
    """
    lines: list[tuple[str, str]] = []
    if settings.aspect == "buckets":
        lines.append(("shapes", _shapes(Counter(_size(photo, settings, multiple) for photo in learned))))
    pixels = sum(w * h for w, h in (_size(photo, settings, multiple) for photo in learned))
    once = round(BYTES * numbers * pixels)  # bytes of one view of each
    variants, photos = variants_of(settings), len(learned)
    if variants > 1:
        more = _more(variants, (variants - 1) * photos, (variants - 1) * once)
        lines.append(("variants", f"{variants} of each photo; {more}"))
    if settings.flip:
        lines.append(("flip", f"each mirrored too; {_more(2, variants * photos, variants * once)}"))
    if masked:
        outside = f"an error outside the subject counts {settings.mask_outside:g} of one inside"
        lines.append(("masks", f"{masked} of {plural(photos + held_out, 'photo')}; {outside}"))
    return lines


def _more(times: int, reads: int, cache: int) -> str:
    often = "twice" if times == 2 else f"{times} times"
    return f"{often} the photos to read once: {reads:,} more, {megabytes(cache)} of cache"


def _shapes(sizes: Counter[Size]) -> str:
    named = [f"{w}x{h} ({count})" for (w, h), count in sizes.most_common(SHOWN)]
    left = sizes.total() - sum(count for _, count in sizes.most_common(SHOWN))
    others = [f"others ({left})"] if left else []
    return f"photos whole, in {plural(len(sizes), 'shape')}: {', '.join(named + others)}"


def latent_numbers(source: Source, profile: Profile) -> float:
    """How many numbers of latents a pixel makes."""
    vae = read_json(source.parts[profile.vae].config / "config.json")
    return float(vae.get("latent_channels", vae.get("z_dim", 4))) / shrink(vae) ** 2


def too_small_photos(photos: Sequence[Photo], settings: TrainSettings, multiple: int) -> int:
    """How many photos have fewer pixels than they are trained at."""
    return sum(1 for photo in photos if photo.width and photo.height and _enlarged(photo, settings, multiple))


def _enlarged(photo: Photo, settings: TrainSettings, multiple: int) -> bool:
    size = _size(photo, settings, multiple)
    box = plain_view(photo.width, photo.height, photo.crop, size).box
    return (box.right - box.left) * photo.width < size[0] - 0.5


def _size(photo: Photo, settings: TrainSettings, multiple: int) -> Size:
    return trained_size(photo.width, photo.height, photo.crop, settings, multiple)


def feed_warnings(learned: Sequence[Photo], dataset: Dataset, settings: TrainSettings, multiple: int) -> list[str]:
    """What to be wary of, in sentences."""
    found: list[str] = []
    jitter = settings.crop_jitter or settings.colour_jitter
    if settings.variants > 1 and not jitter:
        found.append(f"variants={settings.variants} does nothing without crop_jitter or colour_jitter.")
    if settings.flip and dataset.kind == "person":
        found.append("No face is symmetric: mirrored photos teach one that is nobody's.")
    if settings.flip and (sided := sum(1 for photo in learned if SIDES.search(photo.caption))):
        found.append(f"{plural(sided, 'caption')} with left or right in it will be wrong of mirrored photos.")
    if settings.aspect == "buckets":
        shapes: Counter[Size] = Counter()
        for photo in learned:
            shapes[_size(photo, settings, multiple)] += max(1, photo.repeats)
        few = sum(1 for count in shapes.values() if count < settings.batch_size)
        if few and settings.batch_size <= shapes.total():
            found.append(
                f"{plural(few, 'shape')} with fewer photos than a batch of {settings.batch_size}: "
                "such a batch repeats them."
            )
    return found
