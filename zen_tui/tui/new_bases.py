"""What a person names in order to add bases: a model or a folder of many, looked at first, then read through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zen_tui.exchange.bases import Progress, add_base, inspect_base
from zen_tui.exchange.model_folders import Found, add_found, holds_many, scan
from zen_tui.library.database import Database
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.library.paths import Home
from zen_tui.library.records import Base


class Stopped(Exception):
    """Raised between two stretches of a file when a person wants no more of it."""


@dataclass(frozen=True)
class NewBases:
    """A path and, for a single model, what else `zen bases add` is told."""

    path: Path
    name: str | None = None
    variant: str | None = None
    vae: Path | None = None
    texts: tuple[Path, ...] = ()

    @property
    def many(self) -> bool:
        """Whether it is a folder to choose from."""
        return holds_many(self.path)

    def look(self) -> Iterator[Found]:
        """What lies at the path. Raises what `inspect_base` and `scan` raise."""
        if not self.many:
            facts = inspect_base(self.path, vae=self.vae, texts=self.texts, variant=self.variant)
            yield Found(self.path, "base", facts.title, facts)
            return
        if self.name or self.variant or self.vae or self.texts:
            raise WrongUse(f"{self.path} holds many models.", "Only a single one can be described further.")
        yield from scan(self.path)

    def add(
        self, db: Database, home: Home, found: Sequence[Found], progress: Progress
    ) -> Iterator[Base | tuple[Path, ZenError]]:
        """Add these of what was found, giving each base, or why it cannot be. What `progress` raises ends it."""
        if self.many:
            yield from add_found(db, home, found, progress)
            return
        try:
            yield add_base(
                db, home, self.path, self.name,
                vae=self.vae, texts=self.texts, variant=self.variant, progress=progress,
            )  # fmt: skip
        except ZenError as error:
            yield self.path, error
