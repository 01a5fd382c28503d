"""The demo as five jobs, each after the one before: photos, training, pictures without and with, scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zen_tui.exchange.bases import BUILTIN, ensure_builtin, require_builtin
from zen_tui.jobs import queue
from zen_tui.jobs.pictures import queue_generation, sheet_defaults
from zen_tui.jobs.trainings import free_name, queue_training
from zen_tui.library import datasets, models
from zen_tui.library.database import Database
from zen_tui.library.mannequin_specs import MannequinPhotosSpec, MannequinScoreSpec
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Job
from zen_tui.library.sheets import SheetDefaults
from zen_tui.library.specs import AdapterUse, PictureRequest
from zen_tui.library.train_settings import train_settings
from zen_tui.mannequins import cast
from zen_tui.photos.captions import trigger
from zen_tui.training.presets import defaults_for

TOKEN = "ohwx"
PHOTOS = 20
SEEDS = (1, 2)
FIRST_PERSON = 10  # of the cast's part `demo`: red hair in a bob, easy to know again in a small picture

PROMPTS = (
    "a photo of {} wearing a red suit, on the red carpet in cannes",
    "a photo of {} wearing a blue dress, in front of the eiffel tower",
    "a photo of {} wearing a green hoodie, at night under the stars",
    "a photo of {} wearing a white shirt, in cannes",
    "a photo of {} wearing a black suit, under a night sky",
    "a photo of {} wearing a yellow t-shirt, by the eiffel tower",
    "an oil painting of {} wearing a purple dress, in a forest",
    "an oil painting of {} wearing a grey suit, in an office",
    "a cartoon of {} wearing an orange hoodie, on a beach",
    "a marble statue of {}, in the mountains",
)
"""Places or styles that no photo of the demo shows: it never visits Cannes or the Eiffel Tower, nor goes out at
night (`mannequins.MAY_VISIT`). `{}` is 'a woman' for the base alone and the trigger for the adapter."""


@dataclass(frozen=True)
class DemoJobs:
    """The five jobs of a demo."""

    photos: Job
    train: Job
    base_pictures: Job
    adapter_pictures: Job
    score: Job


def submit_demo(db: Database, home: Home, out: Path | None = None) -> DemoJobs:
    """Queue the whole loop on the built-in base for a person nobody has seen; all five jobs or none.

    Args:
        out: the folder that receives the contact sheet; else one among the pictures.

    Raises:
        BadFile: the built-in base is missing or damaged.
        DiskFull: nothing was queued.
    """
    ensure_builtin(db)
    require_builtin()
    with db.transaction():
        base = _builtin(db)
        name, number = _free_demo(db)
        person = cast.person("demo", FIRST_PERSON + number)
        dataset = datasets.add_dataset(db, name, TOKEN, person.gender, "person")
        seen = MannequinPhotosSpec(dataset=name, token=TOKEN, seed=FIRST_PERSON + number, count=PHOTOS)
        photos = queue.enqueue(db, home, seen, f"{PHOTOS} photos for {name}")
        settings = train_settings(defaults_for(base, dataset), {})
        run, train = queue_training(db, home, dataset, base, "lora", settings, name, photos.id)
        _, defaults = sheet_defaults(db, base.slug, [])
        without = queue_generation(
            db, home, base, [], _requests(f"a {dataset.class_word}", defaults), None, f"{name} without", train.id
        )
        uses = [AdapterUse(run.slug)]
        with_it = queue_generation(
            db, home, base, uses, _requests(trigger(dataset), defaults), None, f"{name} with adapter", without.id
        )
        scored = MannequinScoreSpec(
            dataset=name,
            seed=FIRST_PERSON + number,
            base_job=without.id,
            adapter_job=with_it.id,
            run=run.id,
            sheet=str((out or home.pictures / name).absolute() / "sheet.png"),
        )
        score = queue.enqueue(db, home, scored, f"scores of {name}", with_it.id)
        return DemoJobs(photos, train, without, with_it, score)


def _builtin(db: Database) -> Base:
    return next(base for base in models.bases(db) if base.path.startswith(BUILTIN))


def _free_demo(db: Database) -> tuple[str, int]:
    """'demo' and 0, 'demo-2' and 1 … the first that no dataset, run or adapter is called."""
    taken = {dataset.slug for dataset in datasets.all_datasets(db)}
    number, name = 0, "demo"
    while name in taken or free_name(db, name) != name:
        number += 1
        name = f"demo-{number + 1}"
    return name, number


def _requests(who: str, defaults: SheetDefaults) -> list[PictureRequest]:
    return [
        PictureRequest(
            prompt=prompt.format(who),
            seed=seed,
            width=defaults.width,
            height=defaults.height,
            steps=defaults.steps,
            guidance=defaults.guidance,
            scheduler=defaults.scheduler,
        )
        for prompt in PROMPTS
        for seed in SEEDS
    ]
