"""A run that is trained too long on few photos: the checkpoint that Zen names is better than the last.

Measured by what the run never saw and Zen did not choose by: fresh photos of the person, under other noise, and
pictures of other prompts and seeds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from tests.training.conftest import Studio
from tests.training.test_lineage import begun
from zen_tui.exchange.bases import base_folder, ensure_builtin
from zen_tui.families import load_family
from zen_tui.generation.engine import Engine
from zen_tui.jobs.demo import PROMPTS
from zen_tui.jobs.mannequins import mannequin_photos
from zen_tui.library import datasets, models, pruning
from zen_tui.library.database import Database
from zen_tui.library.events import Unattended
from zen_tui.library.mannequin_specs import MannequinPhotosSpec
from zen_tui.library.paths import Home
from zen_tui.library.records import Base
from zen_tui.library.specs import CheckpointSpec, PictureRequest
from zen_tui.mannequins import cast
from zen_tui.mannequins.captions import caption
from zen_tui.mannequins.world import render
from zen_tui.scoring import identity
from zen_tui.scoring.adherence import by_attribute, share
from zen_tui.scoring.eyes import ReaderEyes
from zen_tui.scoring.job import as_tensor, load_readers
from zen_tui.training.from_checkpoint import make_from_checkpoint

PERSON, TOKEN, SIDE = 11, "ohwx", 128
TOO_LONG: dict[str, Any] = {
    "method": "hypernetwork", "steps": 320, "batch_size": 4, "resolution": SIDE,
    "learning_rate": 4e-3, "holdout": 0.34, "checkpoint_every": 40, "keep_checkpoints": 8,
    "judge": 8, "allow_few_photos": True,
}  # fmt: skip
FRESH = 12  # photos that no run ever saw
FIRST_SHOT = 500


class Measured(NamedTuple):
    """Of one adapter: its loss on fresh photos, the cosine of its pictures with the person, and the share of what
    was asked that is there."""

    loss: float
    identity: float
    adherence: float


@torch.no_grad()
def measure(base: Base, adapter: Path | None, seed: int = 90_000) -> Measured:
    """Figures of `adapter` on the built-in base, None for the base alone; the same each time."""
    family = load_family(base, precision="fp32")
    if adapter:
        family.attach(adapter, "it")
        family.set_adapters([("it", 1.0)])
    person = cast.person("demo", PERSON)
    words = f"{TOKEN} {person.gender}"
    scenes = [cast.scene("demo", PERSON, FIRST_SHOT + n, style="photo") for n in range(FRESH)]
    photos = render([person] * FRESH, scenes)
    said = [
        caption(person, scene, cast.stream("demo", "caption", PERSON, FIRST_SHOT + n), subject=words)
        for n, scene in enumerate(scenes)
    ]
    latents = family.latents(photos.float() / 255)
    objective = family.objective(5.0, (SIDE, SIDE))
    times = objective.grid(4)
    total = 0.0
    for n in range(FRESH):
        clean = latents[n].expand(len(times), *latents.shape[1:])
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed + n))
        noisy, target = objective.corrupt(clean, noise, times)
        answer = family.predict(noisy, times, family.encode([said[n]] * len(times)), (SIDE, SIDE))
        total += float((objective.weight(times) * (answer - target).square().flatten(1).mean(1)).mean())

    eyes = ReaderEyes(load_readers(base_folder(base) / "readers"))
    prompts = [prompt.format(words) for prompt in PROMPTS if "statue" not in prompt]
    asked = [
        PictureRequest(prompt=prompt, seed=seed + n, width=SIDE, height=SIDE, steps=20, guidance=3.0)
        for n, prompt in enumerate(prompts)
    ]
    drawn = [image for _, image in sorted(Engine(family).draw(asked), key=lambda d: d[0])]
    whom = identity.mean_identity(eyes.readers.identity(photos))
    likeness = identity.likeness(eyes.readers.identity(as_tensor(drawn)), whom)
    kept = share(by_attribute(prompts, eyes.attributes(drawn)).values())
    return Measured(total / FRESH, likeness, kept)


@pytest.fixture
def few(db: Database, home: Home) -> Studio:
    """Six photos of a person who does not exist, of which two are held out, and the built-in base."""
    ensure_builtin(db)
    datasets.add_dataset(db, "few", TOKEN, cast.person("demo", PERSON).gender, "person")
    mannequin_photos(MannequinPhotosSpec(dataset="few", seed=PERSON, count=6), Unattended(), db, home)
    return Studio(db, home, datasets.dataset(db, "few"), models.base(db, "zen-mini"))


@pytest.mark.slow
def test_the_chosen_checkpoint_is_better_than_the_last_of_a_run_that_went_on_too_long(few: Studio) -> None:
    """And a run that may end early ends before it comes to that."""
    run = few.run(begun(few, **TOO_LONG))
    best = pruning.best(models.checkpoints(few.db, run.id))
    assert best is not None
    assert best.step < TOO_LONG["steps"]
    out = few.home.root / "best.safetensors"
    made = CheckpointSpec(run=run.id, step=best.step, out=str(out))
    make_from_checkpoint(made, Unattended(), few.db, few.home)
    chosen = measure(few.base, out)
    last = measure(few.base, few.home.resolve(models.adapter(few.db, few.result["adapter"]).path))
    print(f"step {best.step}: {chosen}; the last: {last}")
    assert chosen.identity > last.identity
    assert chosen.adherence >= last.adherence
    assert chosen.loss < last.loss

    ended = few.run(begun(few, **TOO_LONG | {"stop_early": 2, "judge": 0}))
    assert best.step <= ended.step < TOO_LONG["steps"]
    assert "without gain" in ended.metrics["stopped"]
