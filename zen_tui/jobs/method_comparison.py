"""Queueing a comparison of methods: a training and a batch of pictures for each, then the measuring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zen_tui.jobs import queue
from zen_tui.jobs.demo import PROMPTS as PERSON
from zen_tui.jobs.pictures import queue_generation, sheet_defaults
from zen_tui.jobs.trainings import prepare_training, queue_training
from zen_tui.library.comparisons import Arm, CompareMethodsSpec
from zen_tui.library.database import Database
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Dataset, Job, Run
from zen_tui.library.sheets import SheetDefaults
from zen_tui.library.specs import AdapterUse, PictureRequest, TrainSettings
from zen_tui.library.text import nearest
from zen_tui.photos.captions import trigger
from zen_tui.training.methods import METHODS
from zen_tui.training.plan import Plan

STUDIED = ("hypernetwork", "embedding", "dreambooth", "lora")
"""The methods of the 2023 study on personalising Stable Diffusion, in its order."""
SEEDS = (1, 2)
OF_CLASS = 8  # pictures of the class, by which it is seen to change
OTHERS = {
    "style": (
        "a castle by the sea in {}", "a dog in a forest in {}", "a bowl of fruit in {}", "a city at night in {}",
        "a portrait of an old man in {}", "mountains in winter in {}",
    ),
    "garment": (
        "a photo of a person wearing {} on a beach", "a photo of a person wearing {} in a city at night",
        "a photo of {} on a white background", "a photo of {} on a wooden table",
        "an oil painting of a person wearing {}", "a cartoon of a person wearing {}",
    ),
    "": (
        "a photo of {} on a beach", "a photo of {} in front of the eiffel tower", "a photo of {} in a forest",
        "a photo of {} at night under the stars", "an oil painting of {}", "a cartoon of {}",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """What was queued: runs and plans by method, the methods left out and why, the last job, the folder."""

    runs: dict[str, Run]
    plans: dict[str, Plan]
    left_out: dict[str, str]
    job: Job
    out: Path


def submit_comparison(
    db: Database,
    home: Home,
    dataset: Dataset,
    base: Base,
    *,
    methods: Sequence[str] = (),
    chosen: Mapping[str, Any],
    own: Mapping[str, Mapping[str, Any]],
    out: Path,
) -> Comparison:
    """Queue a training by each of `methods`, all or none, with the settings `chosen` and those of `own` by method.

    Without `methods`, those of the study that `base` can be trained by.

    Raises:
        WrongUse: a method or setting that does not exist or does not fit.
        Refused: no two things to compare, or as for a training.
    """
    for name in (*methods, *own):
        if name not in METHODS:
            close = nearest(name, METHODS)
            raise WrongUse(
                f"There is no method called {name}.",
                f"Did you mean {close}?" if close else f"The methods are: {', '.join(METHODS)}.",
            )
    settings: dict[str, TrainSettings] = {}
    plans: dict[str, Plan] = {}
    left_out: dict[str, str] = {}
    for name in dict.fromkeys(methods or [name for name in STUDIED if name in METHODS]):
        shared = {key: value for key, value in chosen.items() if _has(name, key)}
        try:
            settings[name], plans[name] = prepare_training(
                db, home, dataset, base, method=name, chosen={"sample_every": 0, **shared, **own.get(name, {})}
            )
        except (WrongUse, Refused) as error:
            if methods:
                raise
            left_out[name] = f"{error.message} {error.hint}".strip()
    if not settings:
        raise Refused("No method can be compared.", " ".join(left_out.values()))
    with db.transaction():
        runs, job = _queue(db, home, dataset, base, settings, out)
    return Comparison(runs, plans, left_out, job, out)


def _has(method: str, setting: str) -> bool:
    """Whether `setting` is one of `method`, or of all."""
    others = [known for known in METHODS.values() if setting in known.settings]
    return not others or setting in METHODS[method].settings


def _queue(
    db: Database, home: Home, dataset: Dataset, base: Base, settings: Mapping[str, TrainSettings], out: Path
) -> tuple[dict[str, Run], Job]:
    _, drawing = sheet_defaults(db, base.slug, [])
    of_class = "a picture" if dataset.kind == "style" else f"a photo of a {dataset.class_word}"
    alone = _requests(dataset, of_class.removeprefix("a photo of "), of_class, drawing)
    last = queue_generation(db, home, base, [], alone, None, f"{dataset.slug} without")
    arms = [Arm(name="base", job=last.id)]
    runs: dict[str, Run] = {}
    for name, chosen in settings.items():
        run, train = queue_training(db, home, dataset, base, name, chosen, f"{dataset.slug}-{name}", last.id)
        wanted = _requests(dataset, trigger(dataset), of_class, drawing)
        last = queue_generation(
            db,
            home,
            base,
            [AdapterUse(run.slug)],
            wanted,
            None,
            f"{dataset.slug} by {METHODS[name].title}",
            train.id,
        )
        arms.append(Arm(name=METHODS[name].title, method=name, run=run.id, job=last.id))
        runs[name] = run
    spec = CompareMethodsSpec(
        dataset=dataset.slug, base=base.slug, arms=tuple(arms), class_prompt=of_class, out=str(out)
    )
    return runs, queue.enqueue(db, home, spec, f"methods compared on {dataset.slug}", last.id)


def _requests(dataset: Dataset, who: str, of_class: str, drawing: SheetDefaults) -> list[PictureRequest]:
    """Every prompt with every seed, and the class with its own."""
    prompts = PERSON if dataset.kind == "person" else OTHERS.get(dataset.kind, OTHERS[""])
    wanted = [(prompt.format(who), seed) for prompt in prompts for seed in SEEDS]
    wanted += [(of_class, seed) for seed in range(100, 100 + OF_CLASS)]
    return [
        PictureRequest(
            prompt=prompt,
            seed=seed,
            width=drawing.width,
            height=drawing.height,
            steps=drawing.steps,
            guidance=drawing.guidance,
            scheduler=drawing.scheduler,
        )
        for prompt, seed in wanted
    ]
