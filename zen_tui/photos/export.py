"""A dataset as plain files: each photo as it was imported, its caption beside it in a `.txt`."""

from __future__ import annotations

from pathlib import Path

from zen_tui.library.durable import require_space, write_file, write_text
from zen_tui.library.errors import Refused
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset, Photo
from zen_tui.library.text import slugify
from zen_tui.photos.masks import export_mask


def export_dataset(home: Home, dataset: Dataset, photos: list[Photo], out: Path) -> list[Path]:
    """Write `photos` into `out`, numbered and named after their files; return what was written.

    Raises:
        Refused: the folder holds something already.
        DiskFull: not enough room; nothing is written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Refused(f"{out} is not an empty folder.", "Choose a new one; Zen overwrites nothing.")
    sources = [home.photo(dataset.slug, photo.hash, photo.suffix) for photo in photos]
    require_space(out, sum(source.stat().st_size for source in sources))
    written = []
    for number, (photo, source) in enumerate(zip(photos, sources, strict=True), 1):
        stem = f"{number:03d}-{slugify(Path(photo.name).stem) or 'photo'}"
        target = out / f"{stem}{photo.suffix}"
        write_file(target, source.read_bytes())
        written.append(target)
        if photo.caption:
            write_text(out / f"{stem}.txt", photo.caption + "\n")
            written.append(out / f"{stem}.txt")
        if mask := export_mask(home.mask(dataset.slug, photo.hash), target, (photo.width, photo.height)):
            written.append(mask)
    return written
