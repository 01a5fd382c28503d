"""Import: from files anywhere to photos of a dataset.

The sources are only read. Threads decode, measure and write; rows are recorded by this one, a group of photos
at a time, once their files are durable. So an import that was stopped, killed or met a full disk is simply run
again and carries on where it was.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from zen_tui.library.database import Database
from zen_tui.library.datasets import add_photo, photo_by_hash, set_caption
from zen_tui.library.durable import require_space, sweep
from zen_tui.library.errors import DiskFull, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset
from zen_tui.library.settings import read as read_settings
from zen_tui.library.text import plural, shown
from zen_tui.photos.captions import default_caption, trigger
from zen_tui.photos.examine import Eye, Found, examine, examine_source
from zen_tui.photos.faces import finder
from zen_tui.photos.judge import rejudge_all
from zen_tui.photos.keep import Keeper
from zen_tui.photos.sources import Source, require_sources, scan

__all__ = ["Found", "ImportReport", "Outcome", "examine", "import_photos", "require_sources", "scan"]

THREADS = min(4, os.cpu_count() or 1)
WRITERS = 4  # threads that wait for the disk
AHEAD = 6 * THREADS  # files examined before they are recorded, so that memory stays small
GROUP = 32  # photos recorded in one transaction, at most
PATIENCE = 0.5  # seconds after which a group is recorded although it is not full
NAMED = 3  # photos in a note
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
    `skipped`: {"file", "reason"}. `notes`: what was not taken over, and of which photos.
    In a dry run nothing is kept and `id` is None.
    """

    dataset: str
    added: list[dict[str, int | str | None]] = []
    duplicates: list[dict[str, str]] = []
    skipped: list[dict[str, str]] = []
    notes: dict[str, list[str]] = {}
    stopped: bool = False

    def sentences(self) -> list[str]:
        """The notes for a person, each with some of the photos that it is about."""
        return [
            f"{note} ({', '.join(names[:NAMED])}{f' and {len(names) - NAMED:,} more' if names[NAMED:] else ''})"
            for note, names in self.notes.items()
        ]


def import_photos(
    db: Database,
    home: Home,
    dataset: Dataset,
    paths: Iterable[Path | Source],
    *,
    dry_run: bool = False,
    resolution: int = 512,
    on_file: Callable[[Outcome], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> ImportReport:
    """Add photos to `dataset`, skipping what is there or cannot be used.

    Args:
        paths: files, folders, and sources that a dataset described.
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
    thresholds = read_settings(home).verdicts
    eye = Eye(resolution, dataset.kind, thresholds, finder() if dataset.kind == "person" else None)
    keeper = None if dry_run else Keeper(home, dataset.slug)
    book = _Book(db, dataset, keeper, report, len(sources), on_file)
    try:
        with ThreadPoolExecutor(THREADS, "read") as readers, ThreadPoolExecutor(WRITERS, "write") as writers:
            _bring_in(_Ahead(readers, writers, sources, eye, keeper), book, stop or (lambda: False))
    except DiskFull as error:
        raise DiskFull(
            f"{error.message} {plural(len(report.added), 'photo')} of {len(sources)} files came in before.",
            "Free some space and run the import again: it carries on with the rest.",
        ) from error
    finally:
        if report.added and not dry_run:
            with contextlib.suppress(DiskFull):
                rejudge_all(db, home, dataset, thresholds, resolution)
    report.stopped = book.done < len(sources)
    return report


_Brought = tuple[Found, Future[None] | None]  # what was examined, and its files being written


class _Ahead:
    """The sources as they are examined and their files written, in order, a few ahead of who asks for them."""

    def __init__(
        self,
        readers: ThreadPoolExecutor,
        writers: ThreadPoolExecutor,
        sources: list[Source],
        eye: Eye,
        keeper: Keeper | None,
    ) -> None:
        self.readers, self.writers, self.rest = readers, writers, iter(sources)
        self.eye, self.keeper = eye, keeper
        self.waiting: deque[Future[_Brought]] = deque()

    def __iter__(self) -> Iterator[Found]:
        while True:
            while len(self.waiting) < AHEAD and (source := next(self.rest, None)) is not None:
                self.waiting.append(self.readers.submit(self._bring, source))
            if not self.waiting:
                return
            yield _kept(self.waiting.popleft())

    def _bring(self, source: Source) -> _Brought:
        found, content = examine_source(source, self.eye)
        if content and self.keeper:  # written by others: a disk makes who writes wait, and a reader need not
            return found, self.writers.submit(self.keeper.keep, found, content)
        return found, None

    def abandon(self) -> Iterator[Found]:
        """What had been examined, and will not be asked for any more."""
        self.readers.shutdown(cancel_futures=True)
        self.writers.shutdown()
        for future in self.waiting:
            if not future.cancelled():
                with contextlib.suppress(ZenError):
                    yield _kept(future)


def _kept(future: Future[_Brought]) -> Found:
    """What was examined, once its files are written. Raises what reading or writing raised."""
    found, written = future.result()
    if written:
        written.result()
    return found


def _bring_in(ahead: _Ahead, book: _Book, stop: Callable[[], bool]) -> None:
    """Record what comes in group by group; the first ones at once, so that a person sees that it goes on."""
    group: list[Found] = []
    size, began = 1, time.monotonic()
    try:
        if stop():
            return
        for found in ahead:
            group.append(found)
            if len(group) >= size or time.monotonic() - began > PATIENCE:
                book.record(group)
                group, size, began = [], min(GROUP, 2 * size), time.monotonic()
            if stop():
                break
        book.record(group)
        group = []
    except DiskFull:
        with contextlib.suppress(DiskFull):
            book.record(group)
            group = []
        raise
    finally:
        for found in (*group, *ahead.abandon()):
            book.forgo(found)


class _Book:
    """Records photos whose files are there, and tells of each; without a keeper it only tells."""

    def __init__(
        self,
        db: Database,
        dataset: Dataset,
        keeper: Keeper | None,
        report: ImportReport,
        total: int,
        on_file: Callable[[Outcome], None] | None,
    ) -> None:
        self.db, self.dataset, self.keeper = db, dataset, keeper
        self.report, self.total, self.on_file = report, total, on_file
        self.done = 0
        self.tried: dict[str, str] = {}  # hash: name, of what a dry run would add

    def record(self, group: list[Found]) -> None:
        """Make the files of a group durable, then their rows, then tell."""
        if self.keeper and group:
            self.keeper.settle()
            with self.db.transaction():
                outcomes = [self._recorded(found, self.done + n) for n, found in enumerate(group, 1)]
        else:
            outcomes = [self._tried(found, self.done + n) for n, found in enumerate(group, 1)]
        for outcome in outcomes:
            self.done = outcome.done
            _note(self.report, outcome)
            if self.on_file:
                self.on_file(outcome)

    def forgo(self, found: Found) -> None:
        """Leave nothing of a photo that was written and will not be recorded."""
        if self.keeper and not found.reason and not photo_by_hash(self.db, self.dataset.id, found.hash):
            self.keeper.drop(found)

    def _tried(self, found: Found, done: int) -> Outcome:
        if found.reason:
            return self._outcome(found, "skipped", found.reason, done)
        known = photo_by_hash(self.db, self.dataset.id, found.hash)
        name = known.name if known else self.tried.get(found.hash)
        self.tried.setdefault(found.hash, found.name)
        return self._outcome(found, "duplicate" if name else "added", name or "", done)

    def _recorded(self, found: Found, done: int) -> Outcome:
        if found.reason:
            return self._outcome(found, "skipped", found.reason, done)
        known = photo_by_hash(self.db, self.dataset.id, found.hash)
        if known is None:
            return self._outcome(found, "added", "", done, _add(self.db, self.dataset, found))
        if found.name not in (known.name, *known.aliases):
            self.db.update("photos", known.id, aliases=[*known.aliases, found.name])
        if found.caption and known.caption in ("", default_caption(self.dataset)):
            caption = caption_for(self.dataset, found)  # the copy with words beside it came second
            set_caption(self.db, known.id, caption)
        return self._outcome(found, "duplicate", known.name, done, known.id)

    def _outcome(
        self,
        found: Found,
        status: Literal["added", "duplicate", "skipped"],
        reason: str,
        done: int,
        photo_id: int | None = None,
    ) -> Outcome:
        return Outcome(shown(found.path), status, reason, found, done, self.total, photo_id)


def _add(db: Database, dataset: Dataset, found: Found) -> int:
    said = found.said
    return add_photo(
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
        weight=said.weight,
        verdicts=found.verdicts if said.verdicts is None else list(said.verdicts),
        split=said.split or "train",
        rating=said.rating,
        crop=said.crop,
        aliases=list(said.aliases),
        measures=found.measures,
    )


def caption_for(dataset: Dataset, found: Found) -> str:
    """The photo's own caption, else its folder's class words, else the dataset's default."""
    if found.said.exact:
        return found.caption
    own = found.caption.replace("[trigger]", trigger(dataset))  # ai-toolkit's placeholder
    return own or found.class_words or default_caption(dataset)


def _note(report: ImportReport, outcome: Outcome) -> None:
    found = outcome.found
    if outcome.status == "added":
        for note in found.notes:
            report.notes.setdefault(note, []).append(found.name)
        report.added.append({"id": outcome.photo_id, "name": found.name, "file": outcome.file})
    elif outcome.status == "duplicate":
        report.duplicates.append({"file": outcome.file, "of": outcome.reason})
    else:
        report.skipped.append({"file": outcome.file, "reason": outcome.reason})
    if found.mask_fault:
        report.skipped.append({"file": shown(found.mask), "reason": found.mask_fault})
