"""Small makers and runners that several tests share."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image

ORIENTATION = 0x0112


def colourful(width: int = 640, height: int = 480, seed: int = 0) -> Image.Image:
    """A picture that no other seed gives nor one near to it: smooth colours with a white box in the upper left.

    The box tells which way up the picture is.
    """
    draw = random.Random(seed).randrange
    small = Image.new("RGB", (8, 6))
    small.putdata([(draw(256), draw(256), draw(256)) for _ in range(8 * 6)])
    picture = small.resize((width, height), Image.Resampling.BICUBIC)
    picture.paste((255, 255, 255), (width // 16, height // 16, width // 4, height // 4))
    return picture


def save(path: Path, picture: Image.Image, **options: Any) -> Path:
    """Write `picture` in the format of the path's suffix; its folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() in (".heic", ".heif"):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    picture.save(path, **options)
    return path


def save_rotated(path: Path, upright: Image.Image) -> Path:
    """Write `upright` as a phone held sideways does: turned pixels and an EXIF tag that turns them back."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return save(path, upright.transpose(Image.Transpose.ROTATE_90), exif=exif.tobytes(), quality=92)


def make_photos(folder: Path) -> Path:
    """Six photos in the formats that phones and cameras write; two have captions beside them."""
    save(folder / "beach.jpg", colourful(seed=1), quality=92)
    save_rotated(folder / "sideways.jpg", colourful(480, 640, seed=2))
    save(folder / "garden.png", colourful(600, 600, seed=3))
    save(folder / "city.webp", colourful(560, 700, seed=4), quality=90)
    save(folder / "phone.heic", colourful(seed=5), quality=80)
    save(folder / "scan.tif", colourful(520, 520, seed=6))
    (folder / "beach.txt").write_text("a photo of ohwx woman on a beach\n")
    (folder / "garden.caption").write_text("a photo of ohwx woman in a garden\n")
    return folder


def python(
    code: str, *arguments: str, env: dict[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh Python and return what it printed; the caller checks the exit status."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(env or {})},
        check=False,
    )
