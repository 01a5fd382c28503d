"""Import: from files anywhere to photos of a dataset.

The sources are only read. A photo is first a durable file under its hash, then a row, so that an import
that was stopped, killed or met a full disk is simply run again and carries on where it was.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from zen_tui.library.database import Database
from zen_tui.library.datasets import add_photo, photo_by_hash, set_caption
from zen_tui.library.durable import require_space, sweep, write_blob
from zen_tui.library.errors import DiskFull
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset
from zen_tui.library.settings import read as read_settings
from zen_tui.library.text import plural, shown
from zen_tui.photos.captions import default_caption, trigger
from zen_tui.photos.examine import Eye, Found, examine, examine_source
from zen_tui.photos.faces import finder, keep_likenesses
from zen_tui.photos.judge import rejudge
from zen_tui.photos.sources import Source, require_sources, scan
from zen_tui.photos.thumbs import write_thumbnail

__all__ = ["Found", "ImportReport", "Outcome", "examine", "import_photos", "require_sources", "scan"]

THREADS = min(4, os.cpu_count() or 1)
SPARE_BYTES = 32_000_000  # the database, and not to fill a disk to the brim
THUMBNAIL_BYTES = 32_000


@dataclass(frozen=True)
class Outcome:
    """What became of one file. `done` of `total` files have been looked at, this one included."""

    file: str
    status: Literal["added", "duplicate", "skipped"]
    reason: str
    found: Found
    done: int
    total: int
    photo_id: int | None = None


class ImportReport(msgspec.Struct):
    """What became of all files, as `datasets import --json` prints it; `stopped` if not all were reached.

    `added`: {"id", "name", "file"}; `duplicates`: {"file", "of"}, the name it is known by;
    `skipped`: {"file", "reason"}. In a dry run nothing is kept and `id` is None.
    """

    dataset: str
    added: list[dict[str, int | str | None]] = []
    duplicates: list[dict[str, str]] = []
    skipped: list[dict[str, str]] = []
    stopped: bool = False


def import_photos(
    db: Database,
    home: Home,
    dataset: Dataset,
    paths: Iterable[Path],
    *,
    dry_run: bool = False,
    resolution: int = 512,
    on_file: Callable[[Outcome], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> ImportReport:
    """Add the photos in `paths` (files and folders) to `dataset`, skipping what is there or cannot be used.

    Args:
        dry_run: only say what would happen; nothing is written.
        resolution: the pixels that training will use, for the verdict `small`.
        on_file: called after each file, in this thread.
        stop: asked before each file; what was added until then stays.

    Raises:
        NotFound: one of `paths` does not exist.
        Refused: there is nothing in them that could be a photo.
        DiskFull: what was added until then stays, and nothing half-written is left.
    """
    sources = require_sources(paths)
    if not dry_run:
        sweep(home.dataset(dataset.slug))
        require_space(home.root, sum(source.size + THUMBNAIL_BYTES for source in sources) + SPARE_BYTES)
    report = ImportReport(dataset.slug)
    new: dict[str, str] = {}  # hash: name, of a dry run
    thresholds = read_settings(home).verdicts
    eye = Eye(resolution, dataset.kind, thresholds, finder() if dataset.kind == "person" else None)
    with ThreadPoolExecutor(THREADS, "import") as pool:
        waiting = _examined(pool, sources, eye, stop or (lambda: False))
        try:
            for done, (found, data) in enumerate(waiting, 1):
                outcome = _take(db, home, dataset, found, data, new if dry_run else None, (done, len(sources)))
                _note(report, outcome, new)
                if on_file:
                    on_file(outcome)
        except DiskFull as error:
            raise DiskFull(
                f"{error.message} {plural(len(report.added), 'photo')} of {len(sources)} files came in before.",
                "Free some space and run the import again: it carries on with the rest.",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)
            if report.added and not dry_run:
                rejudge(db, home, dataset, thresholds, resolution=resolution)
    report.stopped = len(report.added) + len(report.duplicates) + len(report.skipped) < len(sources)
    return report


def _examined(
    pool: ThreadPoolExecutor, sources: list[Source], eye: Eye, stop: Callable[[], bool]
) -> Iterator[tuple[Found, bytes]]:
    """The sources examined in order, a few ahead of the reader so that memory stays small."""
    ahead: deque[Future[tuple[Found, bytes]]] = deque()
    rest = iter(sources)
    while not stop():
        while len(ahead) < 2 * THREADS and (source := next(rest, None)) is not None:
            ahead.append(pool.submit(examine_source, source, eye))
        if not ahead:
            return
        yield ahead.popleft().result()


def _take(
    db: Database,
    home: Home,
    dataset: Dataset,
    found: Found,
    data: bytes,
    dry: dict[str, str] | None,
    count: tuple[int, int],
) -> Outcome:
    """Keep one examined file, or say why not; with `dry` (what was new so far) only say it."""
    file = shown(found.path)
    if found.reason:
        return Outcome(file, "skipped", found.reason, found, *count)
    known = photo_by_hash(db, dataset.id, found.hash)
    if dry is not None:
        name = known.name if known else dry.get(found.hash)
        return Outcome(file, "duplicate" if name else "added", name or "", found, *count)
    blob = write_blob(home.photo(dataset.slug, found.hash, found.suffix).parent, data, found.suffix)
    thumbnail = home.thumbnail(dataset.slug, blob.hash)
    if found.thumbnail and not thumbnail.exists():
        write_thumbnail(found.thumbnail, thumbnail)
    keep_likenesses(home, dataset.slug, blob.hash, found.likenesses)
    if known:
        if found.name not in (known.name, *known.aliases):
            db.update("photos", known.id, aliases=[*known.aliases, found.name])
        if found.caption and known.caption in ("", default_caption(dataset)):
            set_caption(db, known.id, caption_for(dataset, found))  # the copy with words beside it came second
        return Outcome(file, "duplicate", known.name, found, *count, known.id)
    photo_id = add_photo(
        db,
        dataset.id,
        source=str(found.path.absolute()),
        hash=found.hash,
        suffix=found.suffix,
        name=found.name,
        format=found.format,
        width=found.width,
        height=found.height,
        caption=caption_for(dataset, found),
        repeats=found.repeats,
        verdicts=found.verdicts,
        measures=found.measures,
    )
    return Outcome(file, "added", "", found, *count, photo_id)


def caption_for(dataset: Dataset, found: Found) -> str:
    """The photo's own caption, else its folder's class words, else the dataset's default."""
    own = found.caption.replace("[trigger]", trigger(dataset))  # ai-toolkit's placeholder
    return own or found.class_words or default_caption(dataset)


def _note(report: ImportReport, outcome: Outcome, new: dict[str, str]) -> None:
    found = outcome.found
    if outcome.status == "added":
        new[found.hash] = found.name
        report.added.append({"id": outcome.photo_id, "name": found.name, "file": outcome.file})
    elif outcome.status == "duplicate":
        report.duplicates.append({"file": outcome.file, "of": outcome.reason})
    else:
        report.skipped.append({"file": outcome.file, "reason": outcome.reason})
