"""Opening a photo: by its content, upright, in sRGB, eight bits, no transparency.

Only formats on a list are tried, so that nothing exotic is ever handed to a decoder, and the size in
the header is checked before a pixel is decoded. Whatever goes wrong becomes a reason in plain words.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
import logging
import os
import stat
import threading
from dataclasses import dataclass
from pathlib import Path

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    _imaging,
)

from zen_tui.library.errors import BadFile
from zen_tui.library.text import shown
from zen_tui.photos.colour import srgb

SUFFIXES = {
    "JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "AVIF": ".avif",
    "TIFF": ".tif", "BMP": ".bmp", "HEIF": ".heic",
}  # fmt: skip
READABLE = "Zen reads JPEG, PNG, WebP, AVIF, TIFF, BMP and HEIC."
PLUGINS = (
    AvifImagePlugin,
    BmpImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)  # registered by import

MAX_PIXELS = 100_000_000
LARGE = 32_000_000  # pixels: of these only one at a time is decoded, so that threads do not add up
QUICK = 15 / 16  # of the size asked for is enough where time counts
MAX_BYTES = 1_000_000_000
MAKE, MODEL, ORIENTATION = 0x010F, 0x0110, 0x0112  # tags of EXIF
SIDEWAYS = (5, 6, 7, 8)

CAMERA_RAW = {".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef", ".srw"}
HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
BMP_HEADERS = [size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)]

_heif = threading.Lock()
_large = threading.Lock()
logging.getLogger("PIL").addHandler(logging.NullHandler())  # its complaints become reasons, not terminal output


def sniff(path: Path) -> str:
    """The format of a file by its first bytes: a key of `SUFFIXES`, or '' for anything else.

    Raises:
        BadFile: it is not a regular file, or may not be read.
    """
    return format_of(read(path, 64))


def format_of(head: bytes) -> str:
    """The format that the first 64 bytes of a file announce, or ''."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[:2] == b"BM" and head[14:18] in BMP_HEADERS:
        return "BMP"
    if head[4:8] == b"ftyp":
        end = min(len(head), int.from_bytes(head[:4], "big"))
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & HEIF_BRANDS:
            return "HEIF"
    return ""


def read(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The first `limit` bytes of a regular file; pipes and devices are never waited for.

    Raises:
        BadFile: it is not a regular file, or may not be read, or is gone.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            there = os.fstat(handle)
            if not stat.S_ISREG(there.st_mode):
                raise BadFile("not a regular file")
            return file.read(min(limit, there.st_size + 1))  # a read allocates all that it asks for
    except PermissionError:
        raise BadFile("permission: it may not be read; try chmod u+r on it") from None
    except OSError as error:
        raise BadFile(f"not readable: {error.strerror or 'unknown fault'}") from None


def open_upright(path: Path, largest: int | None = None) -> Image.Image:
    """The photo as a person would see it: RGB, turned upright, in sRGB, transparency on mid-grey.

    Args:
        largest: scale down so that neither side exceeds this many pixels; much faster for large JPEGs.

    Raises:
        BadFile: which file cannot be used, and why.
    """
    try:
        return decode(read(path), path.suffix, largest).picture
    except BadFile as error:
        raise BadFile(f"{shown(path)} cannot be used: {error.message}.") from None


@dataclass(frozen=True)
class Decoded:
    """A photo that decoded whole: its format, its upright size as stored, and its pixels.

    `coarse` is how much was lost when it was saved, from 1 for hardly anything: the mean step of a JPEG's table of
    brightness (12 at quality 90, 29 at 75), and for other formats the pixels to a byte, which is about the same
    scale: a phone's HEIC has some 10. `camera` says whether the file names the camera.
    """

    format: str
    width: int
    height: int
    picture: Image.Image
    coarse: float
    camera: bool


def decode(data: bytes, suffix: str = "", largest: int | None = None, *, quick: bool = False) -> Decoded:
    """Decode a whole file. `suffix` is its name's, to tell camera raw files from TIFF.

    Args:
        largest: scale down so that neither side exceeds this many pixels; a JPEG is not even decoded larger than
            needed. `quick` takes half the time for it and is good enough to look at and to measure; a JPEG may
            then come out up to a sixteenth smaller than asked for, because its own eighths cost no scaling.

    Raises:
        BadFile: why it cannot be used, in a few words that begin with the kind of fault.
    """
    format = _usable_format(data, suffix)
    try:
        with Image.open(io.BytesIO(data), formats=(format,)) as image:
            _check_header(image, format)
            stored = image.size
            if largest and format == "JPEG":
                share = (QUICK * largest if quick else 2 * largest) / max(stored)
                image.draft("RGB", (max(1, int(share * stored[0])), max(1, int(share * stored[1]))))
            with _large if image.width * image.height > LARGE else contextlib.nullcontext():
                image.load()
                if format == "JPEG":
                    sideways = image.getexif().get(ORIENTATION) in SIDEWAYS
                    size = stored[::-1] if sideways else stored
                ImageOps.exif_transpose(image, in_place=True)
                if format != "JPEG":
                    size = image.size
                coarse = _coarse(image, stored[0] * stored[1] / len(data))
                return Decoded(format, *size, srgb(image, largest, quick=quick), coarse, _by_camera(image))
    except BadFile:
        raise
    except Image.DecompressionBombError:
        raise BadFile(TOO_LARGE) from None
    except MemoryError:
        raise BadFile("too large: there was not enough memory to decode it") from None
    except Exception as error:  # decoders raise whatever they like on damaged files
        raise BadFile(_fault(error)) from None


def _coarse(image: Image.Image, pixels_to_a_byte: float) -> float:
    tables = getattr(image, "quantization", None)
    steps = tables.get(0) if tables else None
    return round(max(1.0, sum(steps) / len(steps) if steps else pixels_to_a_byte), 1)


def _by_camera(image: Image.Image) -> bool:
    with contextlib.suppress(Exception):  # damaged words beside the pixels are no fault of the photo
        exif = image.getexif()
        return bool(exif.get(MAKE) or exif.get(MODEL))
    return False


TOO_LARGE = f"too large: it has more than {MAX_PIXELS // 1_000_000} megapixels"


def _usable_format(data: bytes, suffix: str) -> str:
    if not data:
        raise BadFile("empty: the file has no content")
    if len(data) >= MAX_BYTES:
        raise BadFile(f"too large: the file has more than {MAX_BYTES // 1_000_000} MB")
    format = format_of(data[:64])
    if suffix.lower() in CAMERA_RAW:
        raise BadFile("camera raw: not read; export it as JPEG or TIFF")
    if data[:6] in (b"GIF87a", b"GIF89a"):
        raise BadFile("animated: GIF files are not read; save the frame you want as PNG")
    if not format:
        raise BadFile("not an image: its content is not JPEG, PNG, WebP, AVIF, TIFF, BMP or HEIC")
    if format == "HEIF":
        _register_heif()
    if format == "TIFF":
        _silence_tiff()
    return format


def _check_header(image: Image.Image, format: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise BadFile(TOO_LARGE)
    if format in ("PNG", "WEBP", "AVIF") and getattr(image, "is_animated", False):
        raise BadFile("animated: it has several frames; save the one you want on its own")
    if format == "BMP" and any(tile[0] != "raw" for tile in getattr(image, "tile", ())):
        raise BadFile("compressed BMP: not read; save it as PNG")
    if format == "TIFF" and getattr(image, "n_frames", 1) > 1:
        raise BadFile("several pages: save the one you want on its own")


def _fault(error: Exception) -> str:
    said = str(error).lower()
    if any(word in said for word in ("truncat", "end of file", "not enough", "unexpected end", "eof")):
        return "truncated: the file ends before the picture does"
    return "damaged: it cannot be decoded"


def _register_heif() -> None:
    """Teach Pillow to read HEIC; done when the first one is met, for the library is slow to load."""
    with _heif:
        if "HEIF" not in Image.OPEN:
            from pillow_heif import register_heif_opener

            register_heif_opener()


@functools.cache
def _silence_tiff() -> None:
    """Keep the TIFF library from writing about damaged files straight onto the terminal, across the screen."""
    with contextlib.suppress(AttributeError, OSError):
        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            getattr(library, name)(None)
