"""A photo's file without what the camera wrote beside the pixels: place, time, owner, comments, thumbnails.

JPEG, PNG and WebP are taken apart and put together again without decoding, so that not a pixel changes. Kept
are the colour profile and which way is up. What follows the picture in its file, such as a short film, goes.
"""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

from zen_tui.library.errors import BadFile
from zen_tui.photos.open import ORIENTATION

LOSSLESS = ("JPEG", "PNG", "WEBP", "BMP")  # formats that `cleaned` takes
UNFIT = "its parts are not as the format says"

SOI, EOI, SOS, APP0, APP15, COM = 0xD8, 0xD9, 0xDA, 0xE0, 0xEF, 0xFE
BARE = {0x01, *range(0xD0, 0xD8)}  # markers without a length: TEM and the restarts
PNG_KEPT = {b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs", b"cICP", b"mDCV", b"cLLI"}
WEBP_KEPT = {b"VP8X", b"ICCP", b"ALPH", b"VP8 ", b"VP8L"}
WEBP_EXIF, WEBP_XMP = 0x08, 0x04


def cleaned(data: bytes, format: str) -> bytes:
    """`data` without metadata; the same pixels, bit for bit.

    Args:
        format: one of `LOSSLESS`.

    Raises:
        BadFile: the file is not put together as its format says.
    """
    if format == "BMP":
        return data  # holds none
    exif = _upright(orientation_of(data, format))
    try:
        return {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}[format](data, exif)
    except (IndexError, struct.error):
        raise BadFile(UNFIT) from None


def orientation_of(data: bytes, format: str) -> int:
    """Which way a stored picture is turned: 1 for upright, up to 8, as EXIF counts."""
    try:
        with Image.open(io.BytesIO(data), formats=(format,)) as image:
            found = image.getexif().get(ORIENTATION, 1)
    except Exception:  # EXIF is foreign, and readers raise whatever they like
        return 1
    return found if found in range(1, 9) else 1


def _upright(orientation: int) -> bytes:
    """The shortest EXIF that says which way is up; nothing where the picture is upright already."""
    if orientation == 1:
        return b""
    return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, ORIENTATION, 3, 1, orientation, 0, 0)


def _jpeg(data: bytes, exif: bytes) -> bytes:
    kept = [data[:2]]
    if exif:
        kept.append(struct.pack(">BBH", 0xFF, 0xE1, len(exif) + 8) + b"Exif\0\0" + exif)
    at = 2
    while True:
        if data[at] != 0xFF:
            raise BadFile(UNFIT)
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == EOI:
            return b"".join((*kept, b"\xff\xd9"))
        end = at + 2
        if marker not in BARE:
            end += int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == SOS:
            end = _scan_end(data, end)
        segment = data[at:end]
        if marker == APP0 and segment[4:9] == b"JFIF\0":
            kept.append(b"\xff\xe0\x00\x10" + segment[4:16] + b"\0\0")  # without its thumbnail
        elif not _is_metadata(marker, segment):
            kept.append(segment)
        at = end


def _scan_end(data: bytes, at: int) -> int:
    """Where the marker after the compressed pixels begins that start at `at`."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0:
            raise BadFile(UNFIT)
        if data[at + 1] != 0 and data[at + 1] not in BARE and data[at + 1] != 0xFF:
            return at
        at += 2 if data[at + 1] != 0xFF else 1


def _is_metadata(marker: int, segment: bytes) -> bool:
    if marker == COM:
        return True
    if not APP0 <= marker <= APP15:
        return False
    return not segment[4:].startswith((b"ICC_PROFILE\0", b"Adobe"))


def _png(data: bytes, exif: bytes) -> bytes:
    kept, at = [data[:8]], 8
    while True:
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if len(data) < end:
            raise BadFile(UNFIT)
        if kind[:1].isupper() or kind in PNG_KEPT:
            kept.append(data[at:end])
        if kind == b"IHDR" and exif:
            chunk = b"eXIf" + exif
            kept.append(struct.pack(">I", len(exif)) + chunk + struct.pack(">I", zlib.crc32(chunk)))
        if kind == b"IEND":
            return b"".join(kept)
        at = end


def _webp(data: bytes, exif: bytes) -> bytes:
    kept, at = [], 12
    whole = 8 + int.from_bytes(data[4:8], "little")
    while at + 8 <= min(whole, len(data)):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + length]
        if kind == b"VP8X":
            flags = body[0] & ~(WEBP_EXIF | WEBP_XMP) | (WEBP_EXIF if exif else 0)
            body = bytes([flags]) + body[1:]
        if kind in WEBP_KEPT:
            kept.append(_riff(kind, body))
        at += 8 + length + length % 2
    if exif:
        kept.append(_riff(b"EXIF", exif))
    content = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def _riff(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
