"""What a full fine-tune leaves beside its adapter: a diffusers folder, which is a base of its own."""

from __future__ import annotations

from zen_tui.exchange.bases import add_base
from zen_tui.families.base import Family
from zen_tui.families.difference import whole
from zen_tui.families.pipeline_folder import write_folder
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Run


def keep_base(db: Database, home: Home, run: Run, base: Base, family: Family, name: str) -> Base:
    """Write the base of `family` as it is now into the folder of `run`, and list it as `name`; done again, it is
    written anew. It lies there because it shows who was learned: it goes where the run goes.

    Raises:
        DiskFull, ZenError: as `write_folder`.
    """
    folder = home.run(run.id) / "base"
    write_folder(folder, family, whole(family.denoiser(), family.dtype), {})
    known = next((found.slug for found in models.bases(db) if found.path == str(folder)), None)
    return add_base(db, home, folder, known or name, variant=base.variant)
