"""Checkpoints in their real size, with random weights: added, detected, and drawn with on a CPU, offline.

Slow: 2 to 21 GB are written and read. The drawing runs in a process of its own under the worker's lock, and says
how much memory it took at most, the mapped pages of the file included.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.exchange.test_single_files import DENOISERS, FLUX2_VAE, QWEN3, WHOLE
from tests.families.full_folders import FOLDERS, write_folder
from tests.helpers import python
from tests.originals import Shapes, vae, write_random
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

    path.unlink()
    assert drawn.returncode == 0, drawn.stderr
    told = json.loads(drawn.stdout.splitlines()[-1])
    assert (told["size"], told["lock"]) == ([64, 64], "kernel")
    assert told["peak"] < memory, told
    print(f"{kind}: at most {told['peak'] / 1e9:.1f} GB")


@pytest.mark.parametrize(
    ("name", "family", "encoder", "memory"),
    [
        ("flux-2-klein-base-4b", "flux2-klein", FLUX2_VAE, 19e9),
        ("z_image_bf16", "z-image", vae(16, quant=False), 22e9),
    ],
)
def test_a_denoiser_of_the_real_size_is_drawn_with_from_a_folder_of_models(
    db: Database, home: Home, tmp_path: Path, name: str, family: str, encoder: Shapes, memory: float
) -> None:
    models = tmp_path / "models"
    path = write_random(models / "diffusion_models" / f"{name}.safetensors", DENOISERS[name], "BF16")
    write_random(models / "text_encoders" / "qwen_3_4b.safetensors", QWEN3, "BF16")
    beside = "flux2-vae" if family == "flux2-klein" else "ae"
    write_random(models / "vae" / f"{beside}.safetensors", encoder, "BF16")
    base = add_base(db, home, path, family)
    assert base.family == family
    assert check_base(db, base) == "whole"

    drawn = python(DRAW, family, timeout=1800)

    shutil.rmtree(models)
    assert drawn.returncode == 0, drawn.stderr
    told = json.loads(drawn.stdout.splitlines()[-1])
    assert (told["size"], told["lock"]) == ([64, 64], "kernel")
    assert told["peak"] < memory, told
    print(f"{family}: at most {told['peak'] / 1e9:.1f} GB")


@pytest.mark.parametrize(
    ("kind", "files", "memory"),
    [
        ("z-image-turbo", 7, 22e9),
        ("z-image", 6, 22e9),
        ("flux2-klein", 4, 19e9),
        ("sdxl", 4, 15e9),
        ("sd15", 3, 8e9),
    ],
)
def test_a_folder_of_the_real_size_is_added_and_drawn_with(
    db: Database, home: Home, tmp_path: Path, kind: str, files: int, memory: float
) -> None:
    folder = write_folder(kind, tmp_path / kind)
    base = add_base(db, home, folder)
    blueprint = FOLDERS[kind].blueprint
    assert (base.family, base.variant) == (blueprint.family, blueprint.variant)
    assert len(facts_of(base).files) == files
    assert check_base(db, base) == "whole"

    drawn = python(DRAW, kind, timeout=1800)

    shutil.rmtree(folder)
    assert drawn.returncode == 0, drawn.stderr
    told = json.loads(drawn.stdout.splitlines()[-1])
    assert (told["size"], told["lock"]) == ([64, 64], "kernel")
    assert told["peak"] < memory, told
    print(f"{kind}: at most {told['peak'] / 1e9:.1f} GB")
