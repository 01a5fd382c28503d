"""From whatever numbers a file holds to plain eight-bit sRGB."""

from __future__ import annotations

import contextlib
import functools
import io
import re

from PIL import Image, ImageCms

MID_GREY = (127, 127, 127)
PLAIN_SRGB = re.compile(r"sRGB( built-in| IEC61966-2[.-]1.*)?", re.IGNORECASE)  # what needs no conversion
DEEP = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def srgb(image: Image.Image, largest: int | None = None, *, quick: bool = False) -> Image.Image:
    """`image` as RGB in sRGB, transparent parts on mid-grey, no side longer than `largest` pixels.

    The result carries pixels alone: no metadata, no profile. `quick` scales with a shorter filter.
    """
    profile = image.info.get("icc_profile")
    image = _plain_mode(image)
    if largest and max(image.size) > largest:
        filter = Image.Resampling.BICUBIC if quick else Image.Resampling.LANCZOS
        image.thumbnail((largest, largest), filter, reducing_gap=3.0)
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    if alpha:
        image = image.convert(image.mode[:-1])
    colours = _managed(image, profile) if profile else image.convert("RGB")
    if alpha:
        colours = Image.composite(colours, Image.new("RGB", colours.size, MID_GREY), alpha)
    colours.info = {}
    return colours


def _plain_mode(image: Image.Image) -> Image.Image:
    """`image` as L, LA, RGB, RGBA or CMYK."""
    if image.mode in DEEP:
        return _eight_bits(image)
    if "transparency" in image.info or image.mode in ("PA", "RGBa", "La"):
        return image.convert("RGBA")
    if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Deep grey scaled to 0..255, not clipped: by 65535, or by what a float or a deeper picture spans."""
    import numpy as np

    if image.mode.startswith("I;16"):
        table = ((np.arange(65536) + 128) // 257).astype(np.uint8)
        return Image.fromarray(table[np.asarray(image)])
    values = np.nan_to_num(np.array(image, dtype=np.float32), copy=False)
    if image.mode == "F":
        low, high = float(values.min(initial=0)), float(values.max(initial=1))
    else:
        low, high = 0.0, max(65535.0, float(values.max(initial=0)))
    values -= low
    values *= 255 / (high - low)
    return Image.fromarray(np.clip(values, 0, 255, out=values).round().astype(np.uint8))


def _managed(image: Image.Image, profile: bytes) -> Image.Image:
    """`image` from its own colour space to sRGB; a damaged or unfitting profile is ignored."""
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        way = _way(profile, image.mode)
        if way:
            return way.apply(image)
    return image.convert("RGB")


@functools.lru_cache(maxsize=8)
def _way(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The way from a profile to sRGB, None where it is sRGB; one camera's photos all have the same."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if PLAIN_SRGB.fullmatch(ImageCms.getProfileDescription(source).strip()):
        return None
    return ImageCms.buildTransform(source, _target(), mode, "RGB")


@functools.cache
def _target() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
