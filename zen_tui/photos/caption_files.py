"""Captions that were written elsewhere, as text files named after the photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zen_tui.library.errors import NotFound, Refused
from zen_tui.library.records import Photo
from zen_tui.library.text import clean, shown
from zen_tui.photos.captions import caption_beside


def captions_from(folder: Path, photos: Sequence[Photo]) -> dict[int, str]:
    """The captions in `folder` that belong to `photos`, by photo id.

    `beach.txt` and `beach.jpg.txt` belong to the photo that came as beach.jpg, under any of its names.

    Raises:
        NotFound: there is no such folder.
        Refused: no file in it belongs to a photo.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no folder {shown(folder)}.", "Check the path.")
    files = {clean(path.stem).casefold(): path for path in sorted(folder.glob("*.txt")) if path.is_file()}
    found = {}
    for photo in photos:
        names = [name.casefold() for name in (photo.name, *photo.aliases)]
        wanted = [key for name in names for key in (name, Path(name).stem)]
        path = next((files[key] for key in wanted if key in files), None)
        if path is not None and (text := caption_beside(path).text):
            found[photo.id] = text
    if not found:
        raise Refused(
            f"No caption in {shown(folder)} belongs to a photo.", "A caption is called as its photo: beach.txt."
        )
    return found
