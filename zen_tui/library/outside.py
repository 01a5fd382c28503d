"""Copies of pictures for the world outside Zen; the files carry neither prompt nor seed."""

from __future__ import annotations

from pathlib import Path

from zen_tui.library.durable import require_space, write_file
from zen_tui.library.paths import Home
from zen_tui.library.records import Picture


def export_pictures(home: Home, pictures: list[Picture], folder: Path) -> list[Path]:
    """Copy `pictures` into `folder` as NUMBER-SEED.png and return what was written; overwrites nothing.

    Raises:
        DiskFull: there is not enough room; nothing is written.
        ZenError: the folder cannot be written.
    """
    sources = [home.resolve(picture.path) for picture in pictures]
    require_space(folder.absolute(), sum(source.stat().st_size for source in sources))
    written = []
    for picture, source in zip(pictures, sources, strict=True):
        target = _free(folder.absolute() / f"{picture.id:04d}-{picture.seed}{source.suffix}")
        write_file(target, source.read_bytes())
        written.append(target)
    return written


def _free(path: Path) -> Path:
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free
