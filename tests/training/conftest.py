"""A dataset of six photos and a tiny base, and what a training is given by the worker."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from tests.cli.conftest import zen  # noqa: F401  (a fixture)
from tests.jobs.conftest import workshop  # noqa: F401  (likewise)
from zen_tui.exchange.bases import add_base
from zen_tui.library import datasets, models
from zen_tui.library.database import Database
from zen_tui.library.events import AnyEvent, Holdout, Resumed, Step
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Dataset, Run
from zen_tui.library.specs import TrainSettings, TrainSpec
from zen_tui.photos.intake import import_photos
from zen_tui.training.run import train

SMALL: dict[str, Any] = {
    "steps": 6,
    "batch_size": 2,
    "resolution": 64,
    "rank": 2,
    "alpha": 2.0,
    "learning_rate": 1e-2,
    "warmup": 2,
    "precision": "fp32",
    "checkpoint_every": 2,
    "sample_every": 0,
    "holdout": 0.2,
}


@dataclass
class Tape:
    """A feed that keeps what it is told, and asks what the test wants asked at a step."""

    job_id: int = 0
    events: list[AnyEvent] = field(default_factory=list)
    ask: Callable[[int], str] = lambda step: ""
    wish: Callable[[int], set[str]] = lambda step: set()
    step: int = 0

    def tell(self, event: AnyEvent) -> None:
        self.events.append(event)

    def asked(self) -> str:
        return self.ask(self.step)

    def requests(self) -> set[str]:
        return self.wish(self.step)

    def durable(self) -> None:
        pass

    def progressed(self, step: int, steps: int) -> None:
        self.step = step

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def losses(self) -> dict[int, float]:
        """The loss by step, as a reader of the events sees it: what was taken back is forgotten."""
        found: dict[int, float] = {}
        for event in self.events:
            if isinstance(event, Resumed):
                found = {step: loss for step, loss in found.items() if step <= event.step}
            elif isinstance(event, Step):
                found[event.step] = event.loss
        return found

    def scores(self) -> dict[int, float]:
        return {event.step: event.loss for event in self.of(Holdout)}


@dataclass
class Studio:
    """A home with a dataset and a base, in which runs can be started."""

    db: Database
    home: Home
    dataset: Dataset
    base: Base
    spec: TrainSpec = field(default_factory=lambda: TrainSpec(run=0, name="", dataset="", base=""))

    def start(self, method: str = "lora", *, gpus: int = 1, **changed: Any) -> TrainSpec:
        """A run with small settings, some of them changed; its spec."""
        settings = TrainSettings(**{**SMALL, **changed})
        count = len(models.runs(self.db)) + 1
        job = self.db.insert("jobs", kind="train", title="training", status="running", created=time.time())
        run = self.db.insert(
            "runs",
            slug=f"run-{count}",
            dataset_id=self.dataset.id,
            base_id=self.base.id,
            job_id=job,
            method=method,
            spec={"settings": {**SMALL, **changed}},
            steps=settings.steps,
            created=time.time(),
        )
        return TrainSpec(
            run=run,
            name=f"mara-{count}",
            dataset=self.dataset.slug,
            base=self.base.slug,
            method=method,
            settings=settings,
            gpus=gpus,
        )

    def train(self, spec: TrainSpec | None = None, tape: Tape | None = None, **changed: Any) -> Tape:
        """Train to the end, and give back what was told; the result is the tape's last event."""
        tape = tape or Tape()
        spec = spec or self.start(**changed)
        self.result = train(spec, tape, self.db, self.home)
        return tape

    def run(self, spec: TrainSpec) -> Run:
        return models.run_by_id(self.db, spec.run)


def give_masks(studio: Studio, level: int = 255, *, half: bool = False, count: int | None = None) -> list[Path]:
    """Masks of one level for the first photos; or with the left half white."""
    made = []
    for photo in datasets.photos(studio.db, studio.dataset.id)[:count]:
        mask = Image.new("L", (photo.width // 2, photo.height // 2), 0 if half else level)
        if half:
            ImageDraw.Draw(mask).rectangle((0, 0, mask.width // 2, mask.height), fill=255)
        path = studio.home.mask("mara", photo.hash)
        path.parent.mkdir(exist_ok=True)
        mask.save(path)
        made.append(path)
    return made


@pytest.fixture(scope="session", autouse=True)
def _quick_collections() -> None:
    """Leave what the imports made out of garbage collection: a run collects a few times, half a second each."""
    gc.freeze()


@pytest.fixture
def studio(db: Database, home: Home, photo_folder: Path, tiny_base: Path) -> Studio:
    dataset = datasets.add_dataset(db, "mara", "ohwx", "woman", "person")
    import_photos(db, home, dataset, [photo_folder])
    base = add_base(db, home, tiny_base, "tiny")
    generate = {**base.facts["defaults"]["generate"], "steps": 3}  # samples that take no time
    db.update("bases", base.id, facts={**base.facts, "defaults": {**base.facts["defaults"], "generate": generate}})
    return Studio(db, home, datasets.dataset(db, "mara"), models.base(db, "tiny"))
