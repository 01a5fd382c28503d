"""The database: SQLite in WAL mode, one connection to a thread, short immediate transactions.

Reading and writing use the standard library's sqlite3, because importing sqlite-utils costs the app's
first frame 200 ms; sqlite-utils is loaded only when a migration has to run.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from zen_tui.library.durable import disk_error
from zen_tui.library.errors import DiskFull, NotFound, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.text import nearest

Record = TypeVar("Record", bound=msgspec.Struct)

SCHEMA_VERSION = 3
PATIENCE = 10.0  # seconds to wait for another process
# sqlite.org/releaselog/3_51_3.html: older ones may corrupt a WAL shared by two processes
WAL_RESET_FIXED = (3, 51, 3)


class Database:
    """A connection to `zen.db`. Use one per thread and close it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.connection = sqlite3.connect(
                path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            path.chmod(0o600)
            self.connection.row_factory = sqlite3.Row
            self._write_ahead()
            for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
                self.connection.execute(f"PRAGMA {pragma}")
            if sqlite3.sqlite_version_info < WAL_RESET_FIXED:
                self.connection.execute("PRAGMA wal_autocheckpoint = 0")
            version = self.version
        except sqlite3.Error as error:
            raise ZenError(
                f"The database {path} cannot be opened: {error}.",
                "If it is damaged, move it aside; photos, adapters and pictures stay readable in their folders.",
            ) from error
        if version > SCHEMA_VERSION:
            raise ZenError(
                f"The database was written by a newer Zen (format {version}, this one knows {SCHEMA_VERSION}).",
                "Update Zen, or set ZEN_HOME to another folder.",
            )
        if version < SCHEMA_VERSION:
            from zen_tui.library.migrations import migrate

            migrate(self)

    def _write_ahead(self) -> None:
        """Turn on the write-ahead log. SQLite does not wait here while another process does the same."""
        latest = time.monotonic() + PATIENCE
        while True:
            try:
                self.connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > latest:
                    raise
                time.sleep(0.01)

    @classmethod
    def open(cls, home: Home | None = None) -> Database:
        """The database of `home` (or of the environment's home), created if needed."""
        return cls((home or Home.find()).create().database)

    @property
    def version(self) -> int:
        return int(self.connection.execute("PRAGMA user_version").fetchone()[0])

    @property
    def stamp(self) -> tuple[int, int]:
        """Changes whenever another connection, or this one, has written."""
        return int(self.connection.execute("PRAGMA data_version").fetchone()[0]), self.connection.total_changes

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return self.connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        found = self.connection.execute(sql, values).fetchone()
        assert found is None or isinstance(found, sqlite3.Row)
        return found

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; nested uses join the outer transaction.

        Raises:
            DiskFull: the disk filled up; nothing was changed.
        """
        if self.connection.in_transaction:
            yield self.connection
            return
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException as error:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
                raise DiskFull(
                    f"The disk that holds {self.path} is full.",
                    "Free some space and try again; nothing was lost.",
                ) from error
            if isinstance(error, sqlite3.OperationalError) and "readonly" in str(error):
                raise ZenError(f"{self.path} cannot be written.", "Check its permissions.") from error
            if isinstance(error, OSError):
                raise disk_error(error, self.path) from error
            raise

    def insert(self, table: str, **values: Any) -> int:
        """Insert one row and return its id; structs, lists and dicts are stored as JSON."""
        columns = ", ".join(values)
        marks = ", ".join("?" * len(values))
        with self.transaction() as connection:
            cursor = connection.execute(
                f"INSERT INTO {table} ({columns}) VALUES ({marks})", [_stored(v) for v in values.values()]
            )
            return int(cursor.lastrowid or 0)

    def update(self, table: str, id: int, **values: Any) -> None:
        """Set columns of the row `id`."""
        columns = ", ".join(f"{name} = ?" for name in values)
        with self.transaction() as connection:
            connection.execute(f"UPDATE {table} SET {columns} WHERE id = ?", [*map(_stored, values.values()), id])

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the database file."""
        with contextlib.suppress(sqlite3.OperationalError):
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def record(row: sqlite3.Row, kind: type[Record]) -> Record:
    """A row as its record; columns that hold JSON are decoded by the record's types."""
    values: dict[str, Any] = {}
    texts = _texts(kind)
    for name in row.keys():  # noqa: SIM118  (a Row iterates over values)
        value = row[name]
        if name not in texts or value is None:
            continue  # not of the record, or its default
        is_json = isinstance(value, str) and value[:1] in "[{" and not texts[name]
        values[name] = msgspec.json.decode(value) if is_json else value
    return msgspec.convert(values, kind, strict=False)


@functools.cache
def _texts(kind: type[msgspec.Struct]) -> dict[str, bool]:
    """The fields of a record, and whether each is plain text; asked once for all rows."""
    return {field.name: field.type is str for field in msgspec.structs.fields(kind)}


def find(db: Database, table: str, kind: type[Record], name: str, noun: str) -> Record:
    """The record whose slug or id is `name`.

    Raises:
        NotFound: there is none; the nearest slug is suggested.
    """
    row = db.row(f"SELECT * FROM {table} WHERE slug = ?", name)
    if row is None and name.isdigit():
        row = db.row(f"SELECT * FROM {table} WHERE id = ?", int(name))
    if row is None:
        slugs = [str(r["slug"]) for r in db.rows(f"SELECT slug FROM {table} ORDER BY id")]
        close = nearest(name, slugs)
        if close:
            hint = f"Did you mean {close}?"
        else:
            hint = f"There are: {', '.join(slugs)}." if slugs else f"There is no {noun} yet."
        raise NotFound(f"There is no {noun} called {name}.", hint)
    return record(row, kind)


def free_slug(db: Database, table: str, wanted: str) -> str:
    """`wanted`, or `wanted-2`, `wanted-3` … whichever is not taken in `table`."""
    taken = {str(row["slug"]) for row in db.rows(f"SELECT slug FROM {table}")}
    number, slug = 1, wanted
    while slug in taken:
        number += 1
        slug = f"{wanted}-{number}"
    return slug


def _stored(value: Any) -> Any:
    if isinstance(value, (list, tuple, dict, msgspec.Struct)):
        return msgspec.json.encode(value).decode()
    return int(value) if isinstance(value, bool) else value
