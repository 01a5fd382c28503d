"""Opening photos: upright, in sRGB, eight bits; everything else is refused with a reason."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from tests.helpers import colourful, save, save_rotated
from zen_tui.library.errors import BadFile
from zen_tui.photos.open import decode, format_of, open_upright, sniff

WHITE = (255, 255, 255)
CORNER = (60, 60)  # inside the white box of an upright `colourful`


RAMP = np.tile(np.arange(80, dtype=np.float32), (80, 1))  # 0 at the left, 79 at the right


def encoded(picture: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def close(found: object, wanted: tuple[int, ...], within: int = 12) -> bool:
    return bool(np.abs(np.subtract(found, wanted)).max() <= within)  # type: ignore[call-overload]


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces a size and holds nothing."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"\0")
    chunks = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, body))
    return b"\x89PNG\r\n\x1a\n" + chunks


def packed_bmp() -> bytes:
    """A run-length encoded BMP: a loop in Python would decode it, pixel by pixel."""
    pixels = b"\x40\x00" * 80 + b"\x00\x01"
    header = struct.pack("<IiiHHIIiiII", 40, 80, 80, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    start = 14 + 40 + 1024
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + bytes(1024) + pixels


def refusal(data: bytes, suffix: str = "") -> str:
    with pytest.raises(BadFile) as caught:
        decode(data, suffix)
    return caught.value.message


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".tif", ".heic"])
def test_a_photo_taken_sideways_is_turned_upright(suffix: str, tmp_path: Path) -> None:
    path = save_rotated(tmp_path / f"photo{suffix}", colourful(640, 480))
    seen = open_upright(path)
    assert seen.size == (640, 480)
    assert close(seen.getpixel(CORNER), WHITE)
    assert not close(seen.getpixel((600, 440)), WHITE)
    assert (seen.mode, dict(seen.getexif()), seen.info) == ("RGB", {}, {})
    whole = decode(path.read_bytes(), suffix, 256)
    assert (whole.width, whole.height, max(whole.picture.size)) == (640, 480, 256)
    assert close(whole.picture.getpixel((24, 24)), WHITE)


def test_the_format_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(colourful(), "PNG"))
    assert sniff(path) == "PNG"
    assert open_upright(path).size == (640, 480)


def test_a_colour_profile_is_applied() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"____").replace(b"gXYZ", b"rXYZ").replace(b"____", b"gXYZ")
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    red = Image.new("RGB", (100, 100), (255, 0, 0))
    assert close(decode(encoded(red, "PNG", icc_profile=swapped)).picture.getpixel((50, 50)), (0, 255, 0))
    assert close(decode(encoded(red, "PNG", icc_profile=profile)).picture.getpixel((50, 50)), (255, 0, 0), 0)
    damaged = swapped[:200]
    assert close(decode(encoded(red, "PNG", icc_profile=damaged)).picture.getpixel((50, 50)), (255, 0, 0), 0)


@pytest.mark.parametrize(
    ("picture", "format", "wanted"),
    [
        (Image.fromarray(np.full((80, 80), 32768, np.uint16)), "PNG", (128, 128, 128)),
        (Image.fromarray(np.full((80, 80), 32768, np.uint16)), "TIFF", (128, 128, 128)),
        (Image.new("RGBA", (80, 80), (255, 0, 0, 0)), "PNG", (127, 127, 127)),
        (Image.new("RGBA", (80, 80), (255, 0, 0, 0)), "WEBP", (127, 127, 127)),
        (Image.new("LA", (80, 80), (0, 255)), "PNG", (0, 0, 0)),
        (Image.new("CMYK", (80, 80), (0, 255, 255, 0)), "JPEG", (255, 0, 0)),
        (Image.new("L", (80, 80), 90), "JPEG", (90, 90, 90)),
        (Image.new("1", (80, 80), 1), "TIFF", WHITE),
        (Image.new("RGB", (80, 80), (0, 0, 255)).quantize(4), "PNG", (0, 0, 255)),
        (Image.new("RGB", (80, 80), (10, 200, 30)), "BMP", (10, 200, 30)),
        (Image.new("1", (80, 80), 1), "BMP", WHITE),
        (Image.new("LA", (80, 80), (200, 0)), "TIFF", (127, 127, 127)),
        (Image.new("CMYK", (80, 80), (255, 0, 255, 0)), "TIFF", (0, 255, 0)),
        (Image.fromarray(RAMP / 99), "TIFF", (103, 103, 103)),
        (Image.fromarray((RAMP / 79 * 2e9).astype(np.int32)), "TIFF", (129, 129, 129)),
        (Image.new("LAB", (80, 80), (128, 128, 128)), "TIFF", (118, 119, 118)),
    ],
    ids=[
        "16-bit png",
        "16-bit tiff",
        "clear",
        "clear webp",
        "grey+alpha",
        "cmyk",
        "grey",
        "1-bit",
        "palette",
        "bmp",
        "1-bit bmp",
        "clear tiff",
        "cmyk tiff",
        "float tiff",
        "32-bit tiff",
        "lab tiff",
    ],
)
def test_every_kind_of_pixel_becomes_rgb(picture: Image.Image, format: str, wanted: tuple[int, ...]) -> None:
    seen = decode(encoded(picture, format)).picture
    assert seen.mode == "RGB"
    assert close(seen.getpixel((40, 40)), wanted, 3)


def test_a_palette_with_transparency_lies_on_grey() -> None:
    picture = Image.new("P", (80, 80), 0)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    assert close(decode(encoded(picture, "PNG", transparency=0)).picture.getpixel((1, 1)), (127, 127, 127), 0)


def test_several_pictures_in_one_jpeg_give_the_first() -> None:
    data = encoded(colourful(), "MPO", save_all=True, append_images=[colourful(seed=5)])
    assert decode(data).format == "JPEG"


FRAMES = {"save_all": True, "append_images": [colourful(seed=1)]}
BEACH = encoded(colourful(), "JPEG")
LONG_TEXT = PngImagePlugin.PngInfo()
LONG_TEXT.add_text("note", "a" * 3_000_000, zip=True)


DAMAGED = ("truncated", "damaged")
BAD: dict[str, tuple[bytes, str, str | tuple[str, ...]]] = {
    "nothing": (b"", ".jpg", "empty"),
    "text": (b"this is only text", ".jpg", "not an image"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ".png", "not an image"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n", ".jpg", "not an image"),
    "packed bmp": (packed_bmp(), ".bmp", "compressed BMP"),
    "jpeg 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", ".jp2", "not an image"),
    "half a jpeg": (BEACH[: len(BEACH) // 2], ".jpg", "truncated"),
    "jpeg without its end": (BEACH[:-8], ".jpg", "truncated"),
    "start of a jpeg": (BEACH[:30], ".jpg", DAMAGED),
    "half a png": (encoded(colourful(), "PNG")[:5000], ".png", "truncated"),
    "half a webp": (encoded(colourful(), "WEBP")[:2000], ".webp", DAMAGED),
    "half an avif": (encoded(colourful(), "AVIF")[:2000], ".avif", DAMAGED),
    "large": (png_header(12_000, 10_000), ".png", "too large"),
    "bomb": (png_header(65_000, 65_000), ".png", "too large"),
    "text bomb": (encoded(colourful(), "PNG", pnginfo=LONG_TEXT), ".png", "damaged"),
    "gif": (encoded(colourful(), "GIF", **FRAMES), ".gif", "animated"),
    "moving webp": (encoded(colourful(), "WEBP", **FRAMES), ".webp", "animated"),
    "moving png": (encoded(colourful(), "PNG", **FRAMES), ".png", "animated"),
    "moving avif": (encoded(colourful(), "AVIF", **FRAMES), ".avif", "animated"),
    "pages": (encoded(colourful(), "TIFF", **FRAMES), ".tif", "several pages"),
    "raw": (encoded(colourful(), "TIFF"), ".NEF", "camera raw"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_refused_with_a_reason(case: str) -> None:
    data, suffix, reason = BAD[case]
    assert refusal(data, suffix).startswith(reason)


def test_damaged_heic_is_refused(made_photos: Path) -> None:
    data = (made_photos / "phone.heic").read_bytes()
    assert refusal(data[: len(data) // 2]).startswith(DAMAGED)


@pytest.mark.parametrize(
    "make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to(path)], ids=["pipe", "folder", "loop"]
)
def test_only_regular_files_are_opened(make: object, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    make(path)  # type: ignore[operator]
    with pytest.raises(BadFile, match=r"photo\.jpg cannot be used: not "):
        open_upright(path)


def test_an_unreadable_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    path = save(tmp_path / "photo.jpg", colourful())
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(BadFile, match="permission"):
        open_upright(path)


def test_a_damaged_tiff_writes_nothing_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encoded(colourful(), "TIFF", compression="jpeg"))
    data[200:4000] = bytes(3800)
    assert refusal(bytes(data)).startswith(DAMAGED)
    assert capfd.readouterr() == ("", "")


@given(st.binary(max_size=80))
def test_any_bytes_have_a_format_or_none(head: bytes) -> None:
    assert format_of(head) in {"JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "HEIF", ""}


SEEDS = [
    encoded(colourful(96, 80), format) for format in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP")
] + [encoded(Image.new("P", (80, 80)), "PNG", icc_profile=b"junk", exif=b"Exif\0\0junk")]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6), st.data()
)
def test_mutated_files_decode_or_are_refused(
    seed: bytes, changes: list[tuple[int, int]], data: st.DataObject
) -> None:
    mutated = bytearray(seed)
    for place, value in changes:
        mutated[place % len(mutated)] = value
    cut = data.draw(st.integers(0, len(mutated)))
    for candidate in (bytes(mutated), bytes(mutated[:cut])):
        with contextlib.suppress(BadFile):
            assert decode(candidate, largest=64).picture.mode == "RGB"


@pytest.mark.parametrize(
    ("stored", "quick"),
    [
        ((4000, 3000), (500, 375)),  # an eighth, as the decoder gives it
        ((4032, 3024), (504, 378)),
        ((3800, 1000), (512, 135)),  # an eighth would be too small, a quarter is scaled
        ((1000, 4000), (125, 500)),
        ((500, 400), (500, 400)),
    ],
)
def test_a_quick_look_decodes_no_more_than_it_needs(stored: tuple[int, int], quick: tuple[int, int]) -> None:
    found = decode(encoded(colourful(*stored), "JPEG", quality=90), largest=512, quick=True)
    assert (found.width, found.height) == stored
    assert found.picture.size == quick
    slow = decode(encoded(colourful(*stored), "PNG"), largest=512).picture.resize(quick)
    assert np.abs(np.asarray(found.picture, np.int16) - np.asarray(slow, np.int16)).mean() < 6
