"""The job that compares methods of training by the pictures that each made: the same photos, prompts and seeds.

Its figures are those by which hypernetworks, DreamBooth and others were compared in 2023: how many pictures show
the right person doing what was asked, what it took in memory, time and room on the disk, and whether the class
itself changed, so that every woman now looks like this one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image
from torch import Tensor

from zen_tui.exchange.bases import base_folder
from zen_tui.library import datasets, models, pictures
from zen_tui.library.comparisons import Arm, CompareMethodsSpec
from zen_tui.library.database import Database
from zen_tui.library.durable import write_file, write_text
from zen_tui.library.errors import BadFile, ZenError
from zen_tui.library.events import Feed, Interrupted, Note, Progress
from zen_tui.library.paths import Home
from zen_tui.library.records import Picture
from zen_tui.library.scores import Span
from zen_tui.library.text import duration, megabytes, plural
from zen_tui.photos.open import open_upright
from zen_tui.scoring import identity
from zen_tui.scoring.asked import asked, shows_identity
from zen_tui.scoring.contact import Row, contact_sheet
from zen_tui.scoring.job import Readers, as_tensor, load_readers, write_png
from zen_tui.scoring.spans import span
from zen_tui.scoring.table_png import stacked, table_png

SHOWN = 8  # prompts on the sheet


class Figures(msgspec.Struct, kw_only=True):
    """What was measured of one method. None is not measured.

    `accepted` is the share of pictures that show the right person and all that was asked; `identity` and
    `adherence` are its parts. `class_variety` is how different from each other pictures of the class are, and
    `class_taken` the share of them that show the person although nobody asked. Sizes are bytes.
    """

    name: str
    method: str
    pictures: int
    accepted: Span | None = None
    identity: Span | None = None
    adherence: Span | None = None
    class_variety: float | None = None
    class_taken: float | None = None
    steps: int | None = None
    seconds: float | None = None
    seconds_per_step: float | None = None
    memory_mb: int | None = None
    size: int | None = None


def compare_methods(spec: CompareMethodsSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Measure the arms of `spec` and write methods.png, methods.csv and methods.json into its folder.

    Returns {"methods": the figures by name, "table": the PNG}.

    Raises:
        ZenError: an arm has no pictures.
    """
    base = models.base(db, spec.base)
    try:
        readers = load_readers(base_folder(base) / "readers")
    except BadFile:
        readers = None
        feed.tell(Note(text=f"{base.slug} has no readers of its own: who and what pictures show is not measured."))
    return measure(spec, feed, db, home, readers)


def measure(
    spec: CompareMethodsSpec, feed: Feed, db: Database, home: Home, readers: Readers | None
) -> dict[str, Any]:
    """As `compare_methods`, with any readers."""
    dataset = datasets.dataset(db, spec.dataset)
    person = _person(db, home, spec.dataset, readers) if readers else None
    found: list[Figures] = []
    drawn: list[dict[str, list[Image.Image]]] = []
    for done, arm in enumerate(spec.arms):
        if how := feed.asked():
            raise Interrupted(how)
        feed.tell(Progress(what="looking at pictures", done=done, total=len(spec.arms)))
        made = pictures.of_job(db, arm.job)
        if not made:
            raise ZenError(f"Job {arm.job} has no pictures to score.", "Make its pictures first.")
        figures, images = _arm(db, home, arm, made, spec.class_prompt, readers, person)
        found.append(figures)
        drawn.append(images)
    feed.tell(Progress(what="looking at pictures", done=len(spec.arms), total=len(spec.arms)))
    out = Path(spec.out)
    table = table_png(
        f"{dataset.slug}: the same photos by {plural(len(found) - 1, 'method')}",
        [f.name for f in found],
        rows(found),
        NOTE,
    )
    write_png(stacked([table, _sheet(drawn, found, spec.class_prompt)]), out / "methods.png")
    write_text(out / "methods.csv", _csv(found))
    document = {f.name: msgspec.to_builtins(f) for f in found}
    write_file(out / "methods.json", msgspec.json.format(msgspec.json.encode(document), indent=2))
    return {"methods": document, "table": str(out / "methods.png")}


def _person(db: Database, home: Home, slug: str, readers: Readers) -> Tensor:
    usable = datasets.photos(db, datasets.dataset(db, slug).id, usable=True)
    photos = [open_upright(home.photo(slug, p.hash, p.suffix)) for p in usable]
    return identity.mean_identity(readers.identity(as_tensor(photos)))


def _arm(
    db: Database,
    home: Home,
    arm: Arm,
    made: Sequence[Picture],
    class_prompt: str,
    readers: Readers | None,
    person: Tensor | None,
) -> tuple[Figures, dict[str, list[Image.Image]]]:
    """The figures of one arm, and its pictures by prompt."""
    images = [open_upright(home.resolve(picture.path)) for picture in made]
    by_prompt: dict[str, list[Image.Image]] = {}
    for picture, image in zip(made, images, strict=True):
        by_prompt.setdefault(picture.prompt, []).append(image)
    subject = [(p.prompt, image) for p, image in zip(made, images, strict=True) if p.prompt != class_prompt]
    figures = Figures(name=arm.name, method=arm.method, pictures=len(subject))
    if readers is not None and person is not None:
        _look(figures, subject, by_prompt.get(class_prompt, []), readers, person)
    if arm.run:
        run = models.run_by_id(db, arm.run)
        kept = [adapter for adapter in models.adapters(db) if adapter.run_id == run.id]
        figures.steps, figures.seconds = run.steps, run.metrics.get("seconds")
        figures.seconds_per_step, figures.memory_mb = (
            run.metrics.get("seconds_per_step"),
            run.metrics.get("memory_mb"),
        )
        figures.size = _size(home.resolve(kept[-1].path)) if kept else None
    return figures, by_prompt


def _look(
    figures: Figures,
    subject: Sequence[tuple[str, Image.Image]],
    of_class: Sequence[Image.Image],
    readers: Readers,
    person: Tensor,
) -> None:
    """Fill in what the readers see; pictures of statues and sketches do not count for who is in them."""
    looked_at = as_tensor([image for _, image in subject])
    seen = readers.attributes(looked_at)
    obeyed = [_share(asked(prompt), look) for (prompt, _), look in zip(subject, seen, strict=True)]
    right = identity.nearest(
        readers.identity(as_tensor([image for _, image in subject])), person, readers.others
    ).tolist()
    legible = [shows_identity(prompt) for prompt, _ in subject]
    who = [float(is_right) for is_right, can in zip(right, legible, strict=True) if can]
    both = [float(r and o == 1) for r, o, can in zip(right, obeyed, legible, strict=True) if can]
    figures.identity, figures.adherence, figures.accepted = span(who), span(obeyed), span(both)
    if len(of_class) > 1:
        faces = readers.identity(as_tensor(list(of_class)))
        figures.class_variety = round(identity.variety(faces), 4)
        figures.class_taken = round(identity.top1(faces, person, readers.others), 4)


def _share(wishes: dict[str, str], look: Any) -> float:
    return sum(look.get(name) == value for name, value in wishes.items()) / len(wishes) if wishes else 1.0


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


NOTE = (
    "A picture is accepted when it is nearer to the person than to each of 49 others and shows all that its "
    "prompt asks for. Class variety is how far pictures of the class are from each other; beside the base's own "
    "figure it says how much of the class is left. Intervals are 95 %, by the bootstrap over pictures."
)


def rows(found: Sequence[Figures]) -> list[tuple[str, list[str]]]:
    """The table: names, and for each method what was measured."""
    return [
        ("What it makes", []),
        ("accepted", [_percent(f.accepted) for f in found]),
        ("the right person", [_percent(f.identity) for f in found]),
        ("what was asked", [_percent(f.adherence) for f in found]),
        ("pictures looked at", [str(f.pictures) for f in found]),
        ("What it does to the class", []),
        ("class variety", ["" if f.class_variety is None else f"{f.class_variety:.2f}" for f in found]),
        ("class shows the person", ["" if f.class_taken is None else f"{f.class_taken:.0%}" for f in found]),
        ("What it takes", []),
        ("steps", ["" if f.steps is None else f"{f.steps:,}" for f in found]),
        ("time", [duration(f.seconds) if f.seconds else "" for f in found]),
        ("seconds a step", ["" if f.seconds_per_step is None else f"{f.seconds_per_step:.3f}" for f in found]),
        ("memory", [megabytes(f.memory_mb * 1e6) if f.memory_mb else "" for f in found]),
        ("size on disk", [megabytes(f.size) if f.size else "" for f in found]),
    ]


def _percent(value: Span | None) -> str:
    return f"{value.mean:.0%}  ({value.low:.0%} to {value.high:.0%})" if value else ""


def _csv(found: Sequence[Figures]) -> str:
    names = [name for name in Figures.__struct_fields__ if name not in ("accepted", "identity", "adherence")]
    spans = ("accepted", "identity", "adherence")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, *(f"{name}{part}" for name in spans for part in ("", "_low", "_high"))])
    for figures in found:
        whole = [getattr(figures, name) for name in spans]
        parts = [part for one in whole for part in ((one.mean, one.low, one.high) if one else ("", "", ""))]
        writer.writerow([*("" if (v := getattr(figures, name)) is None else v for name in names), *parts])
    return text.getvalue()


def _sheet(
    drawn: Sequence[dict[str, list[Image.Image]]], found: Sequence[Figures], class_prompt: str
) -> Image.Image:
    """A row for each prompt, numbered alike for all methods, and a last one of the class."""
    prompts = [[prompt for prompt in by_prompt if prompt != class_prompt][:SHOWN] for by_prompt in drawn]
    told = max(prompts[1:] or prompts, key=len)
    lines = [
        Row(
            words,
            [_first(images, own[n] if n < len(own) else "") for images, own in zip(drawn, prompts, strict=True)],
        )
        for n, words in enumerate(told)
    ]
    if any(class_prompt in images for images in drawn):
        lines.append(Row(class_prompt, [_first(images, class_prompt) for images in drawn]))
    return contact_sheet(lines, [figures.name for figures in found])


def _first(images: dict[str, list[Image.Image]], prompt: str) -> list[Image.Image]:
    return images.get(prompt, [])[:1]
