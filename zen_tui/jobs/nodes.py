"""What machines that share a run must know and have: where they meet, and the same photos, masks and base."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import msgspec

import zen_tui
from zen_tui.exchange.bases import facts_of
from zen_tui.exchange.source import source_of
from zen_tui.jobs import queue
from zen_tui.library import datasets, models
from zen_tui.library.database import Database
from zen_tui.library.durable import hash_file, write_file
from zen_tui.library.errors import NotFound, Refused, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Job, Run
from zen_tui.library.specs import TrainSpec
from zen_tui.library.text import plural
from zen_tui.ranks.meeting import Place, new_key
from zen_tui.training.beginning import examples

KEY = "ZEN_NODE_KEY"


class Meeting(msgspec.Struct, frozen=True):
    """Where the machines of a run meet, and what they know each other by; in the job's folder."""

    place: str
    key: str


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What the first machine tells another: what is trained, and which part of it will be that one's.

    `photos` are (hash, suffix, hash of the mask or ''); `base_files` the SHA-256 of each part's files. `first` is
    the number of that machine's first process, of `processes` on all; `gpus` it has itself.
    """

    run: str
    dataset: str
    photos: list[tuple[str, str, str]]
    base: str
    base_files: dict[str, list[str]]
    versions: dict[str, str]
    gpus: int
    first: int
    processes: int


def arrange(home: Home, job: Job, place: Place) -> Meeting:
    """Decide on a key for the machines of `job`, and keep it with the place."""
    meeting = Meeting(str(place), new_key())
    write_file(_file(home, job.id), msgspec.json.encode(meeting))
    return meeting


def meeting_of(home: Home, run: Run, job: Job) -> Meeting:
    """Where the machines of `run` meet. Raises `Refused` for a run of one machine."""
    try:
        return msgspec.json.decode(_file(home, job.id).read_bytes(), type=Meeting)
    except (OSError, msgspec.MsgspecError):
        words = f"{run.slug} is not shared by several machines."
        raise Refused(words, "`zen train --nodes 2` begins such a run.") from None


def commands(run: Run, meeting: Meeting, machines: int) -> list[tuple[str, str]]:
    """What to type on each machine, as (machine, command)."""
    other = f"{KEY}={meeting.key} zen train-node {meeting.place}"
    return [
        ("this machine", f"zen train-node --lead {run.slug}"),
        *((f"machine {number}", other) for number in range(2, machines + 1)),
    ]


def offer_of(db: Database, home: Home, run: Run, spec: TrainSpec) -> Offer:
    """What the first machine offers the second. Raises as taking the run up would."""
    dataset, base = datasets.dataset(db, spec.dataset), models.base(db, spec.base)
    photos = examples(db, home, run, dataset, spec.settings, spec.origin)
    return Offer(
        run=run.slug,
        dataset=dataset.slug,
        photos=[(photo.hash, Path(photo.path).suffix, photo.mask) for photo in photos],
        base=base.slug,
        base_files=base_files(base),
        versions=versions(),
        gpus=spec.gpus,
        first=spec.gpus,
        processes=spec.processes,
    )


def missing(db: Database, home: Home, offer: Offer) -> list[str]:
    """Why this machine cannot share what `offer` is about, in sentences; none if it can."""
    return list(_missing(db, home, offer))


def _missing(db: Database, home: Home, offer: Offer) -> Iterator[str]:
    for name, wanted in offer.versions.items():
        if (own := versions().get(name)) != wanted:
            yield f"It has {name} {own}, and the first machine has {wanted}."
    try:
        datasets.dataset(db, offer.dataset)
    except NotFound:
        yield f"It has no dataset called {offer.dataset}."
    else:
        photos = [(home.photo(offer.dataset, hash, suffix), hash) for hash, suffix, _ in offer.photos]
        lost = [hash for path, hash in photos if not _is(path, hash)]
        if lost:
            yield f"Its dataset {offer.dataset} lacks {plural(len(lost), 'photo')} of {len(offer.photos)}."
        masks = [hash for hash, _, mask in offer.photos if mask and not _is(home.mask(offer.dataset, hash), mask)]
        if masks:
            yield f"Its dataset {offer.dataset} has {plural(len(masks), 'mask')} missing or different."
    try:
        own_files = base_files(models.base(db, offer.base))
    except ZenError:
        yield f"It has no base called {offer.base} that can be read."
    else:
        parts = sorted(part for part in offer.base_files if own_files.get(part) != offer.base_files[part])
        if parts:
            yield f"Its base {offer.base} is another one: {', '.join(parts)} differ."


def base_files(base: Base) -> dict[str, list[str]]:
    """The SHA-256 of the files of each part of `base`; read anew only where they have changed."""
    known = facts_of(base).files

    def digest(file: Path) -> str:
        now, kept = file.stat(), known.get(str(file))
        same = kept and (kept.size, kept.changed) == (now.st_size, now.st_mtime_ns)
        return kept.sha256 if kept and same else hash_file(file)

    return {name: [digest(file) for file in part.files] for name, part in source_of(base).parts.items()}


def versions() -> dict[str, str]:
    """What must be the same everywhere, so that everybody computes the same."""
    return {"Zen": zen_tui.__version__, "torch": version("torch")}


def job_of(db: Database, home: Home, run: Run) -> tuple[Job, TrainSpec]:
    """The job of a run, and what it is asked to do. Raises `Refused` for a run without one."""
    if run.job_id is None:
        raise Refused(f"{run.slug} has no job.")
    spec = queue.spec_of(home, run.job_id)
    assert isinstance(spec, TrainSpec)
    return queue.job(db, run.job_id), spec


def _is(path: Path, hash: str) -> bool:
    try:
        return hash_file(path) == hash
    except OSError:
        return False


def _file(home: Home, job_id: int) -> Path:
    return home.job(job_id) / "machines.json"
