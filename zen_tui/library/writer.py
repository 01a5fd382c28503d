"""Writing to the database without waiting for the disk: in order, each change whole, in one thread.

A commit waits until the disk has it, which a key must not. What is asked for begins at once and is done in the
order in which it was asked for; `settle` waits for all of it, and so does Python before it ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.paths import Home

Result = TypeVar("Result")


class Writer:
    """A connection to the database of `home` in a thread of its own, both begun with the first work."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._db: Database | None = None

    def do(self, work: Callable[[Database], Result]) -> Future[Result]:
        """Run `work` after all that was asked for before it. Its failures are `ZenError`s."""
        return self._thread.submit(self._do, work)

    def _do(self, work: Callable[[Database], Result]) -> Result:
        try:
            if self._db is None:
                self._db = Database.open(self._home)
            return work(self._db)
        except sqlite3.Error as error:
            raise ZenError(
                f"The database {self._home.database} could not be written: {error}.",
                "Try again; `zen doctor` looks at Zen's folder.",
            ) from error

    def settle(self) -> None:
        """Wait until everything is written."""
        self._thread.submit(lambda: None).result()

    def version_of_others(self) -> int:
        """Changes when anyone but this writer has written; waits as `settle` does."""
        return self.do(lambda db: int(db.connection.execute("PRAGMA data_version").fetchone()[0])).result()

    def close(self) -> None:
        """Write what is left, and end the thread."""
        self._thread.shutdown()
        if self._db is not None:
            self._db.close()
            self._db = None
