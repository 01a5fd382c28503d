"""Generated pictures in the database: recording, rating and finding them."""

from __future__ import annotations

import time
from typing import Any

from zen_tui.library.database import Database, record
from zen_tui.library.errors import NotFound, WrongUse
from zen_tui.library.query import COMPARE, Term, terms
from zen_tui.library.records import Picture

NAMES = ("rating", "adapter", "seed", "job")


def picture(db: Database, picture_id: int) -> Picture:
    """One picture by id. Raises `NotFound`."""
    row = db.row("SELECT * FROM pictures WHERE id = ?", picture_id)
    if row is None:
        raise NotFound(f"There is no picture {picture_id}.", "`zen pictures list` shows what there is.")
    return record(row, Picture)


def made_indices(db: Database, job_id: int) -> set[int]:
    """Which pictures of a job are recorded already."""
    return {int(row["idx"]) for row in db.rows("SELECT idx FROM pictures WHERE job_id = ?", job_id)}


def of_job(db: Database, job_id: int) -> list[Picture]:
    """The pictures of a job in order."""
    return [
        record(row, Picture) for row in db.rows("SELECT * FROM pictures WHERE job_id = ? ORDER BY idx", job_id)
    ]


def add_picture(db: Database, adapters: list[tuple[int, float]], **values: Any) -> int:
    """Record a picture whose file is durable, with the adapters (id, weight) it was made with."""
    with db.transaction() as connection:
        picture_id = db.insert("pictures", created=time.time(), **values)
        connection.executemany(
            "INSERT INTO picture_adapters (picture_id, adapter_id, weight) VALUES (?, ?, ?)",
            [(picture_id, adapter_id, weight) for adapter_id, weight in adapters],
        )
    return picture_id


def find_pictures(db: Database, query: str = "", *, rejected: bool = False) -> list[Picture]:
    """Pictures that match every word of `query`, newest first.

    A word is text in the prompt, or `rating>=3` (also `=`, `>`, `<`, `<=`), `adapter:NAME`, `seed:N`,
    `job:N`. `rejected` also shows rejected ones.
    """
    clauses: list[str] = [] if rejected else ["rejected = 0"]
    values: list[Any] = []
    for term in terms(query, NAMES):
        clause, bound = _clause(term)
        clauses.append(clause)
        values += bound
    where = f" WHERE {' AND '.join(clauses)}" if clauses else ""
    return [record(row, Picture) for row in db.rows(f"SELECT * FROM pictures{where} ORDER BY id DESC", *values)]


def _clause(term: Term) -> tuple[str, list[Any]]:
    if term.name == "rating" and term.operator in COMPARE:
        if not term.value.isdigit():
            raise WrongUse(f"{term.word} is not a rating.", "Write rating>=3, for example.")
        return f"rating {term.operator} ?", [int(term.value)]
    if term.operator == ":" and term.name == "adapter":
        used = "SELECT picture_id FROM picture_adapters JOIN adapters ON adapters.id = adapter_id WHERE slug = ?"
        return f"id IN ({used})", [term.value]
    if term.operator == ":" and term.name in ("seed", "job") and term.value.isdigit():
        return f"{'seed' if term.name == 'seed' else 'job_id'} = ?", [int(term.value)]
    plain = term.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return "prompt LIKE ? ESCAPE '\\'", [f"%{plain}%"]


def rate(db: Database, picture_id: int, rating: int) -> None:
    """Give a picture 0 (none) to 5 stars."""
    if not 0 <= rating <= 5:
        raise WrongUse(f"A rating is 0 to 5, not {rating}.")
    picture(db, picture_id)
    db.update("pictures", picture_id, rating=rating)


def reject(db: Database, picture_id: int, rejected: bool = True) -> None:
    """Hide a picture from the gallery, or bring it back."""
    picture(db, picture_id)
    db.update("pictures", picture_id, rejected=rejected)


def remove_picture(db: Database, picture_id: int) -> None:
    """Take a picture out of the database; its file is the caller's to delete."""
    with db.transaction() as connection:
        connection.execute("DELETE FROM picture_adapters WHERE picture_id = ?", (picture_id,))
        connection.execute("DELETE FROM pictures WHERE id = ?", (picture_id,))


def uses_hash(db: Database, hash: str) -> bool:
    """Whether any picture still has this file."""
    return db.row("SELECT 1 FROM pictures WHERE hash = ?", hash) is not None
