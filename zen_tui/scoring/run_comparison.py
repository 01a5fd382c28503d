"""Runs side by side as one picture: their losses over each other, and what each draws for the same prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from zen_tui.library import models
from zen_tui.library.comparisons import CompareSpec
from zen_tui.library.database import Database
from zen_tui.library.events import AnyEvent, Feed, Resumed, Sample
from zen_tui.library.paths import Home
from zen_tui.library.records import Run
from zen_tui.photos.open import open_upright
from zen_tui.scoring import ink
from zen_tui.scoring.axes import Axes, Point, span
from zen_tui.scoring.contact import Row, contact_sheet
from zen_tui.scoring.job import events_of, write_png
from zen_tui.scoring.loss_png import curves, smoothed
from zen_tui.scoring.table_png import stacked

NAMES = 150  # pixels beside the curves
SMOOTHING = 20  # steps, so that lines over each other can be told apart
CELL = 208  # pixels of a sample's side


@dataclass(frozen=True)
class Course:
    """What is shown of a run: its losses, its held-out scores, and the samples of one step by prompt and seed."""

    name: str
    losses: Sequence[Point]
    held: Sequence[Point]
    step: int | None
    samples: dict[tuple[str, int], Path]

    @property
    def best(self) -> Point | None:
        return min((point for point in self.held if point[0] > 0), key=lambda point: point[1], default=None)


def compare_runs(spec: CompareSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Draw the runs of `spec` into its file `out`. Returns {"out", "samples": the step of each run's samples}."""
    courses = [course_of(db, home, models.run_by_id(db, run)) for run in spec.runs]
    write_png(comparison(courses), Path(spec.out))
    return {"out": spec.out, "samples": {course.name: course.step for course in courses}}


def course_of(db: Database, home: Home, run: Run) -> Course:
    """The course of `run`, with the samples of its best step, or else of the newest that has any."""
    events = events_of(home, run)
    losses, held = curves(events)
    samples = _samples(events)
    best = run.metrics.get("best_step")
    step = best if best in samples else max(samples, default=None)
    there = {
        (sample.prompt, sample.seed): home.resolve(sample.path)
        for sample in (samples[step] if step is not None else [])
        if home.resolve(sample.path).is_file()
    }
    return Course(run.slug, losses, held, step, there)


def comparison(courses: Sequence[Course]) -> Image.Image:
    """The curves, and under them a grid with a row for each prompt and a column for each run."""
    curves_, grid = _curves(courses), _grid(courses)
    return stacked([curves_] if grid is None else [curves_, grid])


def _curves(courses: Sequence[Course]) -> Image.Image:
    """All smoothed losses as lines, the held-out ones as dots, the best of each with its name beside it."""
    smooth = [smoothed(course.losses, SMOOTHING) for course in courses]
    held = [point for course in courses for point in course.held]
    shown = [point for line in smooth for point in line] + held
    last = max((step for step, _ in shown), default=1) or 1
    raw = [value for course in courses for _, value in course.losses]
    scale = span([value for _, value in shown], raw)
    axes = Axes("Losses: smoothed, and of held-out photos", last, scale, right=NAMES)
    if not shown:
        return axes.empty("No step was made yet.")
    axes.scales()
    names = []
    for course, line, color in zip(courses, smooth, ink.APART, strict=False):
        if len(line) > 1:
            axes.line(line, color, 2)
        if len(course.held) > 1:
            axes.line(course.held, ink.mixed(color, ink.GROUND, 0.5), 1)
        for point in course.held:
            axes.dot(point, 5, color)
        if course.best:
            axes.dot(course.best, 9, color)
        if ends := [*line[-1:], *course.held[-1:]]:
            names.append((course.name, ends[0][1], color))
    axes.beside(names)
    return axes.finished()


def _grid(courses: Sequence[Course]) -> Image.Image | None:
    keys = list(dict.fromkeys(key for course in courses for key in course.samples))
    if not keys:
        return None
    rows = [Row(key[0], [_cell(course.samples.get(key)) for course in courses]) for key in keys]
    heads = [course.name if course.step is None else f"{course.name}, step {course.step:,}" for course in courses]
    return contact_sheet(rows, heads, notes=[_note(course) for course in courses], colors=ink.APART, cell=CELL)


def _cell(path: Path | None) -> list[Image.Image]:
    return [] if path is None else [open_upright(path)]


def _note(course: Course) -> str:
    return f"best held-out {course.best[1]:.4g} at step {course.best[0]:,.0f}" if course.best else ""


def _samples(events: Sequence[AnyEvent]) -> dict[int, list[Sample]]:
    """The samples that still count, by step."""
    found: dict[int, dict[int, Sample]] = {}
    for event in events:
        if isinstance(event, Sample):
            found.setdefault(event.step, {})[event.index] = event
        elif isinstance(event, Resumed):
            found = {step: drawn for step, drawn in found.items() if step <= event.step}
    return {step: [drawn[index] for index in sorted(drawn)] for step, drawn in found.items()}
