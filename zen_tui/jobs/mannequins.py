"""The job that photographs a mannequin: 20 renders of one person, imported like anybody's photos."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.durable import replacing, write_text
from zen_tui.library.errors import BadFile
from zen_tui.library.events import Feed, Interrupted, Note, Progress
from zen_tui.library.mannequin_specs import MannequinPhotosSpec
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset
from zen_tui.mannequins import cast
from zen_tui.photos.captions import trigger
from zen_tui.photos.intake import import_photos

SIZE = 256  # pixels; twice what the built-in base draws, as photos are larger than what is learned from them
MAY_VISIT = ("studio", "white", "beach", "forest", "city", "mountains", "office")
"""Where the photos are taken, in turn. The other places are for pictures of the person where it never was."""


def mannequin_photos(spec: MannequinPhotosSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Render and import the photos. The same spec gives the same files, so a restart adds none twice.

    Returns:
        `dataset` and `photos`, how many it now has.

    Raises:
        Interrupted: the feed asked for it.
        BadFile: a render could not be imported.
    """
    dataset = datasets.dataset(db, spec.dataset)
    folder = home.work / f"photos-{feed.job_id}"
    feed.tell(Note(text=f"Taking {spec.count} photos of a {dataset.class_word} who does not exist."))
    for shot in range(spec.count):
        if how := feed.asked():
            raise Interrupted(how)
        _photograph(spec, dataset, shot, folder / f"{spec.dataset}-{shot + 1:02d}.png")
        feed.tell(Progress(what="taking photos", done=shot + 1, total=spec.count))
        feed.progressed(shot + 1, spec.count)
    report = import_photos(db, home, dataset, [folder], resolution=SIZE)
    shutil.rmtree(folder, ignore_errors=True)
    if report.skipped:
        raise BadFile(f"A photo could not be imported: {report.skipped[0]['reason']}.")
    return {"dataset": dataset.slug, "photos": len(datasets.photos(db, dataset.id))}


def _photograph(spec: MannequinPhotosSpec, dataset: Dataset, shot: int, path: Path) -> None:
    """Write one photo and, beside it, its caption."""
    from PIL import Image

    from zen_tui.mannequins.captions import caption
    from zen_tui.mannequins.world import render

    person = cast.person("demo", spec.seed)
    background = MAY_VISIT[shot % len(MAY_VISIT)]
    scene = cast.scene("demo", spec.seed, shot, style="photo", background=background)
    words = caption(person, scene, cast.stream("demo", "caption", spec.seed, shot), subject=trigger(dataset))
    pixels = render([person], [scene], size=SIZE)[0]  # (3, SIZE, SIZE) uint8
    with replacing(path) as temporary:
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(temporary, "PNG")
    write_text(path.with_suffix(".txt"), words + "\n")
