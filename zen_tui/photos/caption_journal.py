"""Changing captions so that it can be taken back: what a change did is durable before the change is made.

Each change is a file in the dataset's folder, `captions/000012.json`, with the captions as they were and as they
became. The last fifty are kept; they go with the dataset when it is forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from zen_tui.library.database import Database
from zen_tui.library.datasets import captions, set_captions
from zen_tui.library.durable import write_file
from zen_tui.library.errors import Refused, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset, Photo
from zen_tui.library.text import clean
from zen_tui.photos.caption_edits import Edit
from zen_tui.photos.captions import LONGEST

KEPT = 50  # changes


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What one edit did: `before` and `after` are captions by photo id, of the photos that it changed.

    `what` says it in words, 'added at sea'; `number` names its file.
    """

    number: int
    what: str
    when: float
    before: dict[int, str]
    after: dict[int, str]


def edited(chosen: Sequence[Photo], edit: Edit) -> dict[int, str]:
    """The new captions that `edit` gives, of those photos alone that it changes.

    Raises:
        Refused: a caption would grow past `LONGEST` characters; nothing was changed.
    """
    found: dict[int, str] = {}
    for photo in chosen:
        text = clean(edit(photo), 10 * LONGEST).strip()
        if len(text) > LONGEST:
            raise Refused(
                f"The caption of {photo.name} would be {len(text):,} characters long; {LONGEST:,} are the most.",
                "Nothing was changed.",
            )
        if text != photo.caption:
            found[photo.id] = text
    return found


def apply(db: Database, home: Home, dataset: Dataset, chosen: Sequence[Photo], edit: Edit, what: str) -> Change:
    """Change the captions of `chosen`, in the database and in the records, all or none.

    Returns:
        What was changed, which `take_back` undoes; it is empty, and not kept, when no caption changes.

    Raises:
        Refused: as `edited`.
        DiskFull: nothing was changed.
    """
    after = edited(chosen, edit)
    before = {photo.id: photo.caption for photo in chosen if photo.id in after}
    change = Change(number=_newest(home, dataset) + 1, what=what, when=time.time(), before=before, after=after)
    if not after:
        return change
    kept = _file(home, dataset, change.number)
    write_file(kept, msgspec.json.encode(change))
    try:
        set_captions(db, after)
    except ZenError:
        kept.unlink(missing_ok=True)
        raise
    for photo in chosen:
        photo.caption = after.get(photo.id, photo.caption)
    for path in _files(home, dataset)[:-KEPT]:
        path.unlink(missing_ok=True)
    return change


def last_change(home: Home, dataset: Dataset) -> Change | None:
    """The newest change that was not taken back; None when there is none."""
    for path in reversed(_files(home, dataset)):
        try:
            return msgspec.json.decode(path.read_bytes(), type=Change)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            path.unlink(missing_ok=True)  # of no use to anybody
    return None


def take_back(db: Database, home: Home, dataset: Dataset, change: Change) -> dict[int, str]:
    """Undo `change`; photos whose caption was changed again since, or that are gone, stay as they are.

    Returns:
        The captions that were put back, by photo id.
    """
    now = captions(db, dataset.id)
    restored = {id: text for id, text in change.before.items() if now.get(id) == change.after[id]}
    set_captions(db, restored)
    _file(home, dataset, change.number).unlink(missing_ok=True)
    return restored


def restored_sentence(change: Change, restored: Mapping[int, str]) -> str:
    """What `take_back` did, for a person."""
    left = len(change.before) - len(restored)
    since = f" {left:,} changed again since and stayed." if left else ""
    return f"Undone: {change.what}. {len(restored):,} of {len(change.before):,} captions are as before.{since}"


def _file(home: Home, dataset: Dataset, number: int) -> Path:
    return home.caption_changes(dataset.slug) / f"{number:06d}.json"


def _files(home: Home, dataset: Dataset) -> list[Path]:
    """The kept changes, the oldest first."""
    folder = home.caption_changes(dataset.slug)
    return sorted(path for path in folder.glob("*.json") if path.stem.isdigit())


def _newest(home: Home, dataset: Dataset) -> int:
    return max((int(path.stem) for path in _files(home, dataset)), default=0)
