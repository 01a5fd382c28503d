"""Keeping a picture: its file, its thumbnail, its row, its copy; in that order, each once."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from zen_tui.library import pictures
from zen_tui.library.database import Database
from zen_tui.library.durable import hash_file, write_blob, write_file
from zen_tui.library.paths import Home
from zen_tui.library.records import Picture
from zen_tui.library.specs import PictureRequest
from zen_tui.photos.thumbs import write_thumbnail

# The one thing a picture says about itself: that a model made it.
# https://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia
LABEL = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def png(image: Image.Image) -> bytes:
    """`image` as a PNG that carries the label and nothing else: no prompt, no seed, no date."""
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", LABEL)
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def keep(
    db: Database,
    home: Home,
    image: Image.Image,
    request: PictureRequest,
    *,
    job_id: int,
    index: int,
    adapters: list[tuple[int, float]],
    recipe: dict[str, Any],
) -> Picture:
    """Store a picture and record it; it is durable when this returns.

    Raises:
        DiskFull: the disk filled up; the picture is not recorded and its job can be taken up again.
    """
    blob = write_blob(home.pictures / time.strftime("%Y/%m"), png(image), ".png")
    write_thumbnail(image, home.picture_thumbnail(blob.hash))
    picture_id = pictures.add_picture(
        db,
        adapters,
        job_id=job_id,
        idx=index,
        hash=blob.hash,
        path=home.relative(blob.path),
        prompt=request.prompt,
        negative=request.negative,
        seed=request.seed,
        width=request.width,
        height=request.height,
        recipe=recipe,
    )
    return pictures.picture(db, picture_id)


def copy_out(home: Home, picture: Picture, folder: Path) -> Path:
    """Copy `picture` into `folder` as 0001-SEED.png, counting from its place in the job; overwrites nothing.

    A copy that is there already is left alone; another file of that name makes this one 0001-SEED-2.png.
    """
    stem = f"{picture.idx + 1:04d}-{picture.seed}"
    number, target = 1, folder / f"{stem}.png"
    while target.exists():
        if target.is_file() and hash_file(target) == picture.hash:
            return target
        number += 1
        target = folder / f"{stem}-{number}.png"
    write_file(target, home.resolve(picture.path).read_bytes())
    return target
