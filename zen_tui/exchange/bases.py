"""Bases on disk: where they lie, what they are, and how they come into the database."""

from __future__ import annotations

from pathlib import Path

from zen_tui.library.errors import BadFile
from zen_tui.library.records import Base

BUILTIN = "builtin:"


def base_folder(base: Base) -> Path:
    """The folder with the weights of `base`. Raises `BadFile` when it is gone."""
    if base.path.startswith(BUILTIN):
        folder = Path(__file__).parent.parent / "mannequins" / "weights"
    else:
        folder = Path(base.path)
    if not (folder / "model_index.json").is_file():
        raise BadFile(
            f"The folder of the base {base.slug} is gone: {folder}.", "Put it back, or add the base again."
        )
    return folder
