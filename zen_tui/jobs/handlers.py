"""Which function does which kind of job. They are imported when the first such job comes: torch takes seconds."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any, cast

from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.events import Feed
from zen_tui.library.paths import Home
from zen_tui.ranks.team import Team

Handler = Callable[[Any, Feed, Database, Home], dict[str, Any]]

HANDLERS = {
    "train": "zen_tui.training.run:train",
    "checkpoint": "zen_tui.training.from_checkpoint:make_from_checkpoint",
    "generate": "zen_tui.generation.job:generate",
    "adapter": "zen_tui.families.adapter_work:make_adapter",
    "adapter_picture": "zen_tui.generation.adapter_picture:compare_pictures",
    "caption": "zen_tui.vision.caption_job:caption",
    "mask": "zen_tui.vision.mask_job:make_masks",
    "mannequin_photos": "zen_tui.jobs.mannequins:mannequin_photos",
    "compare": "zen_tui.scoring.run_comparison:compare_runs",
    "compare_methods": "zen_tui.scoring.method_comparison:compare_methods",
    "mannequin_score": "zen_tui.scoring.job:mannequin_score",
}

Help = Callable[[Team, Home], None]

HELPERS = {
    "train": "zen_tui.training.assist:assist",
    "generate": "zen_tui.generation.together:assist",
}
"""What the other processes of a job do, for those kinds that several processes can share."""


def load_help(kind: str) -> Help:
    """The function that helps with a job of `kind`: it takes (team, home). Stand-ins as for `load`."""
    stand_in = os.environ.get("ZEN_TEST_HANDLERS")
    if stand_in and kind in (others := getattr(importlib.import_module(stand_in), "HELPERS", {})):
        return cast(Help, others[kind])
    module, _, name = HELPERS[kind].partition(":")
    return cast(Help, getattr(importlib.import_module(module), name))


def load(kind: str) -> Handler:
    """The function that does jobs of `kind`: it takes (spec, feed, db, home) and returns the result.

    The module that `ZEN_TEST_HANDLERS` names may put others in their place, which is how the worker is tested
    without models.
    """
    stand_in = os.environ.get("ZEN_TEST_HANDLERS")
    if stand_in and kind in (others := importlib.import_module(stand_in).HANDLERS):
        return cast(Handler, others[kind])
    if kind not in HANDLERS:
        raise ZenError(f"This Zen does not know jobs of the kind {kind}.", "Update Zen.")
    module, _, name = HANDLERS[kind].partition(":")
    return cast(Handler, getattr(importlib.import_module(module), name))
