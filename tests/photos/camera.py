"""Photos as a camera writes them: place, owner, comments and a thumbnail beside the pixels."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageCms, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational

from tests.helpers import ORIENTATION, save

SECRETS = (b"Secret Street", b"Mara Jones", b"\x01\x02\x03private film")
XMP = b"<x:xmpmeta><dc:creator>Mara Jones</dc:creator></x:xmpmeta>"


def exif(orientation: int) -> bytes:
    """EXIF with an owner, a place, and which way is up."""
    found = Image.Exif()
    found[ORIENTATION] = orientation
    found[0x013B] = "Mara Jones"
    found[0x010E] = "Secret Street"
    found.get_ifd(0x8825)[2] = (IFDRational(48), IFDRational(51), IFDRational(30))
    return found.tobytes()


def taken(path: Path, picture: Image.Image, orientation: int = 1) -> Path:
    """Write `picture` with all that gives somebody away; JPEGs are progressive and carry a film at the end."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, object] = {"exif": exif(orientation), "icc_profile": profile}
    if path.suffix == ".jpg":
        options |= {"progressive": True, "comment": b"Secret Street", "xmp": XMP, "quality": 90}
    elif path.suffix == ".png":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("Author", "Mara Jones")
        options["pnginfo"] = text
    elif path.suffix == ".webp":
        options |= {"xmp": XMP, "quality": 90}
    save(path, picture, **options)
    if path.suffix == ".jpg":
        path.write_bytes(path.read_bytes() + SECRETS[2])
    return path


def pixels(data: bytes) -> tuple[tuple[int, int], bytes]:
    """The size and the pixels of a file as they are stored, not turned upright."""
    with Image.open(io.BytesIO(data)) as image:
        return image.size, image.convert("RGBA").tobytes()
