"""The nouns of Zen as plain records: one row of the database each."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

KINDS = ("person", "pet", "object", "garment", "style")
SPLITS = ("train", "holdout", "out")
JOB_STATES = ("queued", "running", "paused", "interrupted", "done", "failed", "cancelled")

Split = Literal["train", "holdout", "out"]
JobState = Literal["queued", "running", "paused", "interrupted", "done", "failed", "cancelled"]


class Verdict(msgspec.Struct, frozen=True):
    """One judgement of a photo or a set: a single-word kind, the number behind it, a sentence, the threshold."""

    kind: str
    value: float
    text: str
    limit: float | None = None


class Crop(msgspec.Struct, frozen=True):
    """A rectangle of a photo, in fractions of its upright width and height."""

    left: float
    top: float
    right: float
    bottom: float


class Face(msgspec.Struct, frozen=True, kw_only=True):
    """A face that was found in a photo. `box` and `points` are fractions of the upright photo.

    `points` are right eye, left eye, nose, right and left corner of the mouth, as the person has them; `score`
    is the detector's, 0 to 1. What the face looks like is biometric and kept in the dataset's folder alone.
    """

    box: Crop
    points: tuple[tuple[float, float], ...] = ()
    score: float = 0.0


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of a photo when it came in; verdicts follow from it and from the settings.

    `phash` and `mirror` are 64-bit perceptual hashes in hexadecimal, of the photo and of its mirror image.
    `blur` is 0 (crisp) to 1; `mean` is the brightness, `peak` that of the lightest hundredth, and the clipped
    fractions are 0 to 1; all of them are of the largest face where it is large enough, else of the whole frame.
    `screen` and `panels` tell how much the photo resembles a screenshot and a collage, 0 to 1. `palette` holds
    the colours around the subject, `clothes` those below the largest face, for telling sameness within a set.
    `coarse` is how much was lost when it was saved, from 1 on (`open.Decoded`); `camera` says whether the file
    names the camera. `faces` are largest first; None where none were looked for. `likeness` is the cosine of the
    face number `subject` to the dataset's own faces; None where that cannot be told.
    """

    version: int
    phash: str
    mirror: str
    blur: float = 0.0
    mean: float = 0.5
    peak: float = 1.0
    clipped_high: float = 0.0
    clipped_low: float = 0.0
    screen: float = 0.0
    panels: float = 0.0
    coarse: float = 1.0
    camera: bool = False
    palette: tuple[float, ...] = ()
    clothes: tuple[float, ...] = ()
    faces: tuple[Face, ...] | None = None
    likeness: float | None = None
    subject: int = 0


class Photo(msgspec.Struct, kw_only=True):
    """One image of a dataset. `hash` names the stored original, `width` and `height` are upright pixels.

    `weight` is how much its loss counts beside that of the others, `repeats` how often it comes.
    Photos with the same `alike` are near-duplicates of each other: it is the id of the first of them.
    """

    id: int
    dataset_id: int
    hash: str
    suffix: str
    name: str
    aliases: list[str] = []
    format: str = ""
    width: int = 0
    height: int = 0
    caption: str = ""
    split: Split = "train"
    repeats: int = 1
    weight: float = 1.0
    rating: int = 0
    verdicts: list[Verdict] = []
    measures: Measures | None = None
    alike: int | None = None
    crop: Crop | None = None
    created: float = 0.0


class Dataset(msgspec.Struct, kw_only=True):
    """Photos of one subject. `token` is the rare word that will mean it, `class_word` the common one."""

    id: int
    slug: str
    token: str
    class_word: str
    kind: str
    consent: dict[str, Any] = {}
    created: float = 0.0
    photo_count: int = 0
    usable_count: int = 0


class Base(msgspec.Struct, kw_only=True):
    """A diffusion model on disk. `facts` is what `exchange.inspect_base` read from it."""

    id: int
    slug: str
    family: str
    variant: str = ""
    path: str
    facts: dict[str, Any] = {}
    created: float = 0.0


class Run(msgspec.Struct, kw_only=True):
    """One training. `metrics` holds loss_first, loss_last, holdout_first, holdout_last, seconds, best_step."""

    id: int
    slug: str
    dataset_id: int | None = None
    base_id: int | None = None
    job_id: int | None = None
    method: str
    spec: dict[str, Any] = {}
    step: int = 0
    steps: int = 0
    metrics: dict[str, Any] = {}
    created: float = 0.0
    finished: float | None = None


class Checkpoint(msgspec.Struct, kw_only=True):
    """A saved, resumable state of a run."""

    id: int
    run_id: int
    step: int
    path: str
    size: int = 0
    scores: dict[str, Any] = {}
    created: float = 0.0


class Adapter(msgspec.Struct, kw_only=True):
    """What generation loads. `trigger` is what to write in a prompt, e.g. 'ohwx woman'."""

    id: int
    slug: str
    family: str
    base_id: int | None = None
    run_id: int | None = None
    path: str
    kind: str = "lora"
    trigger: str = ""
    facts: dict[str, Any] = {}
    created: float = 0.0


class Picture(msgspec.Struct, kw_only=True):
    """One generated image. `recipe` is everything needed to make it again."""

    id: int
    job_id: int | None = None
    idx: int = 0
    hash: str
    path: str
    prompt: str
    negative: str = ""
    seed: int
    width: int
    height: int
    recipe: dict[str, Any] = {}
    rating: int = 0
    rejected: bool = False
    created: float = 0.0


class Job(msgspec.Struct, kw_only=True):
    """A unit of work for the worker. `control` is what a person asks of it: '', 'pause' or 'cancel'."""

    id: int
    kind: str
    title: str
    status: JobState
    control: str = ""
    after: int | None = None
    position: float = 0.0
    attempt: int = 0
    stalls: int = 0
    step: int = 0
    steps: int = 0
    error: str = ""
    created: float = 0.0
    started: float | None = None
    finished: float | None = None
