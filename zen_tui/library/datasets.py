"""Datasets and their photos in the database."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from zen_tui.library.database import Database, find, record
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.records import KINDS, SPLITS, Crop, Dataset, Photo, Split
from zen_tui.library.text import slugify

CHANGEABLE = {
    "split",
    "rating",
    "caption",
    "crop",
    "weight",
    "repeats",
}  # by hand, without another look at the pixels
HEAVIEST, MOST_REPEATS = 10.0, 100  # of a photo
COUNTED = """
SELECT datasets.*,
       (SELECT count(*) FROM photos WHERE dataset_id = datasets.id) AS photo_count,
       (SELECT count(*) FROM photos WHERE dataset_id = datasets.id AND split != 'out') AS usable_count
FROM datasets
"""


def all_datasets(db: Database) -> list[Dataset]:
    """Every dataset, newest last."""
    return [record(row, Dataset) for row in db.rows(COUNTED + " ORDER BY id")]


def dataset(db: Database, name: str) -> Dataset:
    """The dataset with this slug or id, with its counts. Raises `NotFound`."""
    found = find(db, "datasets", Dataset, name, "dataset")
    row = db.row(COUNTED + " WHERE datasets.id = ?", found.id)
    assert row is not None
    return record(row, Dataset)


def add_dataset(db: Database, name: str, token: str, class_word: str, kind: str) -> Dataset:
    """A new, empty dataset.

    Raises:
        WrongUse: the name has no letters or digits, or the kind is unknown.
        Refused: a dataset of that name exists.
    """
    slug = slugify(name)
    if not slug:
        raise WrongUse(f"The name {name!r} has no letters or digits in it.", "Give a name such as mara.")
    if kind not in KINDS:
        raise WrongUse(f"There is no kind {kind}.", f"The kinds are: {', '.join(KINDS)}.")
    if db.row("SELECT 1 FROM datasets WHERE slug = ?", slug):
        raise Refused(f"A dataset called {slug} exists already.", "Choose another name.")
    db.insert("datasets", slug=slug, token=token, class_word=class_word, kind=kind, created=time.time())
    return dataset(db, slug)


def photos(db: Database, dataset_id: int, *, usable: bool = False) -> list[Photo]:
    """The photos of a dataset in the order they came; `usable` leaves out those marked out."""
    where = "dataset_id = ? AND split != 'out'" if usable else "dataset_id = ?"
    rows = db.connection.execute(f"SELECT * FROM photos WHERE {where} ORDER BY id", (dataset_id,))
    return [record(row, Photo) for row in rows]


def photos_to_judge(db: Database, dataset_id: int, ids: Collection[int]) -> list[Photo]:
    """These photos of a dataset in the order they came, without their colours.

    Colours are most of what is known of a photo, and no verdict depends on them.
    """
    wanted = "dataset_id = ? AND id IN (SELECT value FROM json_each(?))"
    rows = db.connection.execute(
        f"SELECT {_JUDGED} FROM photos WHERE {wanted} ORDER BY id", (dataset_id, _listed(ids))
    )
    return [record(row, Photo) for row in rows]


_JUDGED = ", ".join(
    "json_remove(measures, '$.palette', '$.clothes') AS measures" if name == "measures" else name
    for name in Photo.__struct_fields__
)


def with_twins(db: Database, dataset_id: int, ids: Collection[int]) -> list[int]:
    """These photos of a dataset and the near-duplicates of each, by id, in the order they came."""
    rows = db.rows(
        """
        WITH named AS (SELECT id, alike FROM photos WHERE id IN (SELECT value FROM json_each(?)))
        SELECT id FROM photos WHERE dataset_id = ?
        AND (id IN (SELECT id FROM named) OR alike IN (SELECT alike FROM named)) ORDER BY id
        """,
        _listed(ids),
        dataset_id,
    )
    return [int(row["id"]) for row in rows]


def _listed(ids: Collection[int]) -> str:
    return msgspec.json.encode(list(ids)).decode()


def hashes(db: Database, dataset_id: int) -> list[tuple[int, str, str]]:
    """The id, the perceptual hash and that of the mirror image of each photo, '' of one without measures."""
    rows = db.connection.execute(
        """
        SELECT id, coalesce(json_extract(measures, '$.phash'), '') AS hash,
        coalesce(json_extract(measures, '$.mirror'), '') AS mirror FROM photos WHERE dataset_id = ? ORDER BY id
        """,
        (dataset_id,),
    )
    return [tuple(row) for row in rows]


def faces_by_photo(db: Database, dataset_id: int) -> list[tuple[int, str, float | None, int]]:
    """Id, hash, `likeness` and `subject` of each photo of a dataset with faces, in the order they came."""
    rows = db.connection.execute(
        """
        SELECT id, hash, json_extract(measures, '$.likeness'), coalesce(json_extract(measures, '$.subject'), 0)
        FROM photos WHERE dataset_id = ? AND json_array_length(measures, '$.faces') > 0 ORDER BY id
        """,
        (dataset_id,),
    )
    return [tuple(row) for row in rows]


def faces_found(db: Database, dataset_id: int) -> tuple[int, int]:
    """In how many photos of a dataset faces were looked for, and in how many of these there is one."""
    row = db.row(
        """
        SELECT count(*) AS looked, total(json_array_length(measures, '$.faces') > 0) AS found FROM photos
        WHERE dataset_id = ? AND json_type(measures, '$.faces') = 'array'
        """,
        dataset_id,
    )
    assert row is not None
    return int(row["looked"]), int(row["found"])


def photo(db: Database, photo_id: int) -> Photo:
    """One photo by id."""
    row = db.row("SELECT * FROM photos WHERE id = ?", photo_id)
    assert row is not None
    return record(row, Photo)


def photo_by_hash(db: Database, dataset_id: int, hash: str) -> Photo | None:
    """The photo of a dataset whose original has this SHA-256."""
    row = db.row("SELECT * FROM photos WHERE dataset_id = ? AND hash = ?", dataset_id, hash)
    return record(row, Photo) if row else None


def add_photo(db: Database, dataset_id: int, *, source: str, **values: Any) -> int:
    """Record a photo whose blob is durable; `source` is the path it came from. Returns its id."""
    return db.insert("photos", dataset_id=dataset_id, source=os.fsencode(source), created=time.time(), **values)


def set_likeness(db: Database, photo_id: int, likeness: float | None, subject: int) -> None:
    """Store how alike the face of a measured photo is to the dataset's own, and which face that is."""
    with db.transaction() as connection:
        connection.execute(
            "UPDATE photos SET measures = json_set(measures, '$.likeness', ?, '$.subject', ?) WHERE id = ?",
            (likeness, subject, photo_id),
        )


def set_split(db: Database, photo_ids: list[int], split: Split) -> None:
    """Put photos into training, into the hold-out, or out."""
    if split not in SPLITS:
        raise WrongUse(f"There is no split {split}.", f"The splits are: {', '.join(SPLITS)}.")
    with db.transaction() as connection:
        connection.executemany("UPDATE photos SET split = ? WHERE id = ?", [(split, id) for id in photo_ids])


def set_caption(db: Database, photo_id: int, caption: str) -> None:
    """Change a photo's caption."""
    db.update("photos", photo_id, caption=caption)


def set_captions(db: Database, captions: dict[int, str]) -> None:
    """Change the captions of several photos, by id, all or none."""
    with db.transaction() as connection:
        changed = [(caption, id) for id, caption in captions.items()]
        connection.executemany("UPDATE photos SET caption = ? WHERE id = ?", changed)


def captions(db: Database, dataset_id: int) -> dict[int, str]:
    """The captions of a dataset's photos as they are now, by photo id."""
    rows = db.rows("SELECT id, caption FROM photos WHERE dataset_id = ? ORDER BY id", dataset_id)
    return {row["id"]: row["caption"] for row in rows}


def source_folders(db: Database, dataset_id: int) -> dict[int, str]:
    """The name of the folder that each photo came from, by photo id; foreign text, for `clean`."""
    rows = db.rows("SELECT id, source FROM photos WHERE dataset_id = ?", dataset_id)
    return {row["id"]: os.path.basename(os.path.dirname(os.fsdecode(row["source"] or b""))) for row in rows}


def set_rating(db: Database, photo_ids: list[int], rating: int) -> None:
    """Give photos 1 to 5 stars, or 0 for none."""
    if not 0 <= rating <= 5:
        raise WrongUse(f"A rating is 1 to 5 stars, or 0 for none, not {rating}.")
    with db.transaction() as connection:
        connection.executemany("UPDATE photos SET rating = ? WHERE id = ?", [(rating, id) for id in photo_ids])


def set_crop(db: Database, photo_id: int, crop: Crop | None) -> None:
    """Choose the part of a photo that is trained on; None is the whole photo."""
    db.update("photos", photo_id, crop=crop)


def change_photos(db: Database, changes: Mapping[int, Mapping[str, Any]]) -> None:
    """Set split, rating, caption, crop, weight or repeats of several photos, by their ids; all of them or none.

    Raises:
        WrongUse: something else was to be changed, or a value is none of those there are.
    """
    for values in changes.values():
        if wrong := set(values) - CHANGEABLE:
            raise WrongUse(f"{', '.join(sorted(wrong))} of a photo cannot be changed.")
        if values.get("split", "train") not in SPLITS or not 0 <= values.get("rating", 0) <= 5:
            raise WrongUse("A photo is in train, holdout or out, and has 0 to 5 stars.")
        if not 0 < values.get("weight", 1.0) <= HEAVIEST:
            raise WrongUse(
                f"A photo's weight is more than 0 and at most {HEAVIEST:g}, not {values['weight']:g}.",
                "To leave a photo out: zen datasets split NAME --photo ID --to out.",
            )
        if not 1 <= values.get("repeats", 1) <= MOST_REPEATS:
            raise WrongUse(f"A photo comes 1 to {MOST_REPEATS} times an epoch, not {values['repeats']}.")
    with db.transaction():
        for photo_id, values in changes.items():
            db.update("photos", photo_id, **values)


def remove_dataset(db: Database, dataset_id: int) -> None:
    """Take a dataset and its photos out of the database; runs made with it stay without it."""
    with db.transaction() as connection:
        connection.execute("UPDATE runs SET dataset_id = NULL WHERE dataset_id = ?", (dataset_id,))
        connection.execute("DELETE FROM photos WHERE dataset_id = ?", (dataset_id,))
        connection.execute("DELETE FROM datasets WHERE id = ?", (dataset_id,))
