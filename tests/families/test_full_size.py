"""Checkpoints in their real size, with random weights: added, detected, and drawn with on a CPU, offline.

Slow: 2 to 7 GB are written and read. The drawing runs in a process of its own under the worker's lock, and says
how much memory it took at most, the mapped pages of the file included.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.exchange.test_single_files import WHOLE
from tests.helpers import python
from tests.originals import write_random
from zen_tui.exchange.bases import add_base, check_base, facts_of
from zen_tui.library.database import Database
from zen_tui.library.paths import Home

pytestmark = pytest.mark.slow

DRAW = """
import json, resource, sys
from zen_tui.privacy.lock import engage
lock = engage()
import torch
from zen_tui.families.loading import load_family
from zen_tui.generation.engine import Engine
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.specs import PictureRequest

with Database.open() as db:
    base = models.base(db, sys.argv[1])
family = load_family(base, device="cpu", dtype=torch.bfloat16)
wish = PictureRequest(prompt="a photo of a cat", negative="", seed=5, width=64, height=64, steps=1, guidance=2.0)
pictures = [picture for _, picture in Engine(family).draw([wish])]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"size": pictures[0].size, "peak": peak, "lock": lock.level}))
"""


@pytest.mark.parametrize(("kind", "memory"), [("sd15", 5e9), ("sdxl", 15e9)])
def test_a_checkpoint_of_the_real_size_is_added_and_drawn_with(
    db: Database, home: Home, tmp_path: Path, kind: str, memory: float
) -> None:
    path = write_random(tmp_path / f"{kind}.safetensors", WHOLE[kind], "F16")
    base = add_base(db, home, path, kind)
    assert base.family == kind
    assert facts_of(base).files[str(path)].size == path.stat().st_size
    assert check_base(db, base) == "whole"

    drawn = python(DRAW, kind, timeout=1800)

    assert drawn.returncode == 0, drawn.stderr
    told = json.loads(drawn.stdout.splitlines()[-1])
    assert (told["size"], told["lock"]) == ([64, 64], "kernel")
    assert told["peak"] < memory
