"""Bringing an adapter in from wherever it lies, for screens and commands alike."""

from __future__ import annotations

from pathlib import Path

from zen_tui.exchange.adapters import import_adapter
from zen_tui.jobs import errand
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Adapter
from zen_tui.library.specs import AdapterSpec


def bring_adapter(db: Database, home: Home, path: Path, name: str | None = None) -> Adapter:
    """Copy the adapter at `path` into the home; a `.pt` of A1111's is converted in the locked process first.

    Raises:
        BadFile, Refused: as `exchange.adapters.import_adapter`; nothing is kept.
    """
    if path.suffix.lower() == ".pt" and path.is_file():
        spec = AdapterSpec(action="convert", source=str(path.absolute()), name=name or "")
        return models.adapter(db, str(errand.run(home, spec)["adapter"]))
    return import_adapter(db, home, path, name)
