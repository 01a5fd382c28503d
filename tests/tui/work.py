"""A home with work in it: a training with its events and samples, pictures in the making, a queue.

Everything is written through the same doors as the worker's: rows by the library and the queue, events by
their writer, pictures as files.
"""

from __future__ import annotations

import base64
import io
import math
import random
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw
from textual.app import App
from textual.content import Content
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Static

from tests.originals import write_header
from zen_tui.exchange.bases import add_base as add_base_folder
from zen_tui.jobs import queue
from zen_tui.jobs.events import Writer
from zen_tui.library import datasets, models, pictures
from zen_tui.library.database import Database
from zen_tui.library.events import Done, Holdout, Made, Note, Preview, Sample, Saved, Starting, Step
from zen_tui.library.paths import Home
from zen_tui.library.records import Job, Run
from zen_tui.library.specs import AdapterUse, GenerateSpec, PictureRequest, TrainSettings, TrainSpec

PROMPTS = ("a photo of ohwx woman, wearing a red suit, at the beach", "a marble statue of ohwx woman")


def portrait(hue: int, noise: float = 0.0, size: int = 64) -> Image.Image:
    """A head before a ground whose colours come from `hue`, with some of it lost in `noise`."""
    image = Image.new("HSV", (size, size), ((hue * 37) % 256, 120, 150)).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, size * 2 // 3, size, size), fill=(90, 70, 50))
    draw.ellipse((size * 0.2, size * 0.65, size * 0.8, size * 1.3), fill=(150, 40, 70))
    draw.ellipse((size * 0.3, size * 0.1, size * 0.7, size * 0.7), fill=(80, 40, 20))
    draw.ellipse((size * 0.36, size * 0.2, size * 0.64, size * 0.66), fill=(225, 180, 140))
    if noise:
        image = Image.blend(image, Image.effect_noise((size, size), 120).convert("RGB"), noise)
    return image


def add_base(db: Database, name: str = "small-base", width: int = 8) -> None:
    """A base of the files' headers alone, each with one matrix of 1000 by `width`."""
    facts = {
        "resolution": 64,
        "multiple": 8,
        "token_limit": 77,
        "defaults": {
            "generate": {"steps": 20, "guidance": 3.0, "width": 64, "height": 64},
            "train": {"steps": 400},
        },
    }
    folder = Home.find().bases / name
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    for sub in ("unet", "vae", "text_encoder"):
        write_header(folder / sub / "model.safetensors", {"mid_block.layers.0.weight": (1000, width)}, "F16")
    models.add_base(db, name, "sd15", "", str(folder), facts)


def add_dataset(db: Database, name: str = "mara", photos: int = 12) -> None:
    made = datasets.add_dataset(db, name, "ohwx", "woman", "person")
    for number in range(photos):
        datasets.add_photo(
            db, made.id, source=f"/photos/{number}.jpg", hash=f"{number:064x}", suffix=".jpg",
            name=f"{number}.jpg", format="JPEG", width=800, height=800, caption="a photo of ohwx woman",
        )  # fmt: skip


def add_training(db: Database, home: Home, name: str = "mara", *, steps: int = 400) -> tuple[Job, Run]:
    """A training on the queue, with its run."""
    settings = TrainSettings(steps=steps, resolution=64, sample_every=steps // 4, checkpoint_every=steps // 4)
    dataset, base = datasets.dataset(db, name), models.bases(db)[0]
    spec = TrainSpec(run=1, name=name, dataset=dataset.slug, base=base.slug, settings=settings)
    job = queue.enqueue(db, home, spec, f"train {name}")
    db.insert(
        "runs", slug=name, dataset_id=dataset.id, base_id=base.id, job_id=job.id, method="lora", spec=spec,
        steps=steps, created=job.created,
    )  # fmt: skip
    run = models.run_of_job(db, job.id)
    assert run is not None
    return job, run


def loss_at(step: int, steps: int, rng: random.Random) -> float:
    return (0.3 * math.exp(-4 * step / steps) + 0.1) * rng.lognormvariate(0, 0.35)


class Worker:
    """Tells the events of one job, as the worker would, at the pace of a test."""

    def __init__(self, db: Database, home: Home, job: Job) -> None:
        self.db, self.home, self.job = db, home, job
        self.writer = Writer(home.events(job.id))
        self.rng = random.Random(7)
        self.step = 0

    def start(self) -> None:
        taken = queue.claim(self.db)
        assert taken is not None
        self.job = taken
        self.writer.tell(Starting(attempt=taken.attempt))

    def train(self, until: int, total: int) -> None:
        """Steps up to `until` of `total`, with held-out scores, samples and checkpoints at every quarter."""
        self.writer.tell(Note(text="LoRA of rank 16: 1.2 M numbers in 128 layers of the UNet."))
        quarter = total // 4
        if self.step == 0:
            self.measure(0, total)
        for step in range(self.step + 1, until + 1):
            loss = loss_at(step, total, self.rng)
            self.writer.tell(Step(step=step, loss=loss, lr=1e-4, epoch=step / 12, rate=3.2, memory=1_300_000_000))
            if step % max(1, total // 16) == 0:
                self.score(step, total)
            if step % quarter == 0:
                self.measure(step, total)
        self.step = until
        self.db.update("jobs", self.job.id, step=until, steps=total)

    def score(self, step: int, total: int) -> None:
        late = max(0.0, step / total - 0.75) * 0.12
        loss = 0.3 * math.exp(-4 * step / total) + 0.13 + late
        self.writer.tell(Holdout(step=step, loss=loss, train_loss=loss - 0.01))

    def measure(self, step: int, total: int) -> None:
        """Samples of both prompts and a checkpoint."""
        if step == 0:
            self.score(0, total)
        folder = self.home.run(self.job.id) / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        for index, prompt in enumerate(PROMPTS):
            path = folder / f"{step}-{index}.png"
            portrait(index * 3, noise=max(0.0, 0.7 - step / total)).save(path)
            self.writer.tell(Sample(step=step, index=index, prompt=prompt, seed=7, path=self.home.relative(path)))
        self.writer.tell(Saved(step=step, path=f"runs/1/checkpoints/{step}"))

    def preview(self, index: int, step: int, steps: int) -> None:
        buffer = io.BytesIO()
        portrait(index, noise=1 - step / steps).save(buffer, "JPEG")
        image = base64.b64encode(buffer.getvalue()).decode()
        self.writer.tell(Preview(index=index, step=step, steps=steps, image=image))

    def picture(self, index: int, request: PictureRequest) -> int:
        """Record picture `index` and tell it; returns its id."""
        path = self.home.pictures / f"{self.job.id}-{index}.png"
        portrait(index).save(path)
        id = pictures.add_picture(
            self.db, [], job_id=self.job.id, idx=index, hash=f"{self.job.id:032x}{index:032x}",
            path=self.home.relative(path), prompt=request.prompt, negative=request.negative, seed=request.seed,
            width=request.width, height=request.height,
            recipe={"base": "small-base", "steps": 20, "guidance": 3.0, "scheduler": "default",
                    "stored": {"denoiser": "int8"}, "adapters": [{"name": "mara", "weight": 0.8}]},
        )  # fmt: skip
        self.writer.tell(Made(index=index, picture=id, path=self.home.relative(path)))
        return id

    def end(self, status: str = "done") -> None:
        if status == "done":
            self.writer.tell(Done(result={}))
        queue.finish(
            self.db, self.job, "done" if status == "done" else "failed", "" if status == "done" else status
        )


def add_adapter(db: Database, name: str = "mara", run_id: int | None = None) -> None:
    (Home.find().adapters / f"{name}.safetensors").touch()
    models.add_adapter(
        db, name, "sd15", f"adapters/{name}.safetensors", trigger="ohwx woman", run_id=run_id,
        base_id=models.bases(db)[0].id,
    )  # fmt: skip


def add_batch(db: Database, home: Home, count: int = 6) -> tuple[Job, list[PictureRequest]]:
    """A batch of pictures on the queue."""
    requests = [PictureRequest(prompt=PROMPTS[0], seed=n, width=64, height=64, steps=20) for n in range(count)]
    spec = GenerateSpec(base="small-base", adapters=(AdapterUse("mara"),), pictures=tuple(requests))
    return queue.enqueue(db, home, spec, f"{count} pictures of mara"), requests


async def until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 15) -> None:
    """Let the app go on until `condition` holds; fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this did not happen in time"
        await pilot.pause(0.02)
    await pilot.pause()


def said(app: App[None], selector: str) -> str:
    """What a piece of text on the open screen says."""
    content = app.screen.query_one(selector, Static).content
    return content.plain if isinstance(content, Content) else str(content)


def shown(widget: Widget) -> str:
    """What a widget that draws its own lines shows."""
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


def recall_request(prompt: str, seed: int) -> PictureRequest:
    """A request that a picture of the small base could have come from."""
    return PictureRequest(prompt=prompt, seed=seed, width=64, height=64, steps=20)


def add_tiny_base(db: Database, folder: Path) -> None:
    """The tiny random base, as base `tiny`."""
    add_base_folder(db, Home.find(), folder, "tiny")
