"""Judgements of a whole set of photos: is there enough here, and is it varied enough, to learn from?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from zen_tui.library.records import Dataset, Photo, Verdict
from zen_tui.library.text import plural
from zen_tui.photos.faces import missing
from zen_tui.photos.judge import shows_faces
from zen_tui.photos.split import torn
from zen_tui.photos.variety import DAY, EVENING, Variety, distance, pose, subject, surroundings

ENOUGH = {"person": 20, "pet": 15, "object": 8, "garment": 10, "style": 20}
FEWEST = 5
JUDGED = 6  # shots, below which nothing is said about their variety
MOST_ALIKE = 0.6  # share of shots before one background or in one set of clothes, from which it is learned too


@dataclass(frozen=True)
class Row:
    """One thing that a good set has: how many shots have it, how many should, and what to do if too few do."""

    label: str
    have: int
    want: int
    advice: str

    @property
    def enough(self) -> bool:
        return self.have >= self.want


def set_verdicts(dataset: Dataset, photos: Sequence[Photo], variety: Variety | None = None) -> list[Verdict]:
    """What stands against training on the photos in use, each as a sentence.

    Args:
        variety: that of these photos, where `coverage` is asked for as well.
    """
    variety = variety or Variety(photos)
    verdicts = list(_number(dataset, photos, variety.shots))
    if dataset.kind == "person":
        verdicts += _unseen(dataset, photos)
    if len(variety.shots) >= JUDGED:
        verdicts += _sameness(dataset, variety)
    if leaks := torn(photos):
        text = (
            f"{plural(len(leaks), 'photo')} held out of training, though a near-duplicate is trained on: "
            f"`zen datasets split {dataset.slug}` draws anew."
        )
        verdicts.append(Verdict("leak", len(leaks), text, 0))
    without = sum(not photo.caption for photo in photos if photo.split != "out")
    if without:
        verdicts.append(
            Verdict(
                "caption", without, f"{plural(without, 'photo')} without a caption: `zen datasets caption`.", 0
            )
        )
    return verdicts


def _number(dataset: Dataset, photos: Sequence[Photo], used: list[Photo]) -> Iterator[Verdict]:
    wanted = ENOUGH.get(dataset.kind, 15)
    if len(used) < wanted:
        in_use = sum(photo.split != "out" for photo in photos)
        shown = f"{plural(in_use, 'photo')} in use"
        if in_use > len(used):
            shown += f", {plural(len(used), 'different shot')}"
        text = f"{shown}: about {wanted} varied ones make a good {dataset.kind}."
        yield Verdict("few", len(used), text, wanted)


def _unseen(dataset: Dataset, photos: Sequence[Photo]) -> Iterator[Verdict]:
    """Photos of a person in which no face was looked for, or hardly any found."""
    unlooked = sum(photo.measures is None or photo.measures.faces is None for photo in photos)
    if unlooked:
        text = missing() or (
            f"faces were not looked for yet in {plural(unlooked, 'photo')}: `zen datasets check {dataset.slug}`."
        )
        yield Verdict("unlooked", unlooked, text, 0)
    elif not shows_faces(photos):
        found = sum(bool(photo.measures and photo.measures.faces) for photo in photos)
        text = (
            f"a face was found in {found} of {plural(len(photos), 'photo')}: drawn, masked and turned-away ones "
            "are not known, and nothing is said about faces here."
        )
        yield Verdict("faceless", found, text, len(photos) / 2)


def _sameness(dataset: Dataset, variety: Variety) -> Iterator[Verdict]:
    used, found = variety.shots, variety.places
    if found and found[0] >= MOST_ALIKE * len(used):
        text = f"{found[0]} of {len(used)} shots have the same background: it will be learned with the subject."
        yield Verdict("background", found[0], text, MOST_ALIKE * len(used))
    seen = [(photo, face) for photo in used if (face := subject(photo))]
    if dataset.kind != "person" or len(seen) < JUDGED:
        return
    worn = variety.clothes
    if worn and worn[0] >= MOST_ALIKE * len(used):
        text = f"{worn[0]} of {len(used)} shots show the same clothes: they will be learned with the face."
        yield Verdict("clothes", worn[0], text, MOST_ALIKE * len(used))
    turned = sum(pose(face) in ("left", "right") for _, face in seen)
    if not turned:
        text = f"all {len(seen)} faces look straight ahead: add some from the side."
        yield Verdict("pose", 0, text, 1)
    close = sum(distance(photo, face) == "close" for photo, face in seen)
    if close == len(seen):
        yield Verdict("close", close, f"all {close} shots are close-ups: add some that show more.", close - 1)
    elif not close:
        text = f"none of {len(seen)} shots is a close-up: the face will stay vague."
        yield Verdict("close", 0, text, 1)


# What a good set covers


def coverage(dataset: Dataset, photos: Sequence[Photo], variety: Variety | None = None) -> list[Row]:
    """What the photos in use cover of what a good set of their kind has, near-duplicates counted once.

    Rows on faces are there only where faces were looked for and known.
    """
    variety = variety or Variety(photos)
    rows = [
        Row("different shots", len(variety.shots), ENOUGH.get(dataset.kind, 15), "add photos taken at other times")
    ]
    if dataset.kind == "person" and shows_faces(photos):
        rows += _faces(variety)
    rows += _light(variety, dataset.kind)
    return rows


def _faces(variety: Variety) -> Iterator[Row]:
    seen = [(photo, face) for photo in variety.shots if (face := subject(photo))]
    if not seen:
        return
    looks: tuple[tuple[str, str, int, str], ...] = (
        ("facing the camera", "front", 6, "add some that look at the camera"),
        ("turned left", "left", 2, "add some turned to the left of the picture"),
        ("turned right", "right", 2, "add some turned to the right of the picture"),
    )
    for label, way, want, advice in looks:
        yield Row(label, sum(pose(face) == way for _, face in seen), want, advice)
    lengths: tuple[tuple[str, str, int, str], ...] = (
        ("close-ups", "close", 5, "add some where the face fills a third of the height, or crop"),
        ("half-length", "half", 4, "add some from the waist up"),
        ("full-length", "far", 2, "add some of the whole person"),
    )
    for label, far, want, advice in lengths:
        yield Row(label, sum(distance(photo, face) == far for photo, face in seen), want, advice)
    yield Row("sets of clothes", len(variety.clothes), 4, "add some in other clothes")


WANTED = {  # backgrounds, bright ones, dark ones
    "person": (5, 3, 1),
    "pet": (5, 3, 1),
    "object": (4, 2, 1),
    "garment": (3, 2, 0),
    "style": (8, 2, 2),
}


def _light(variety: Variety, kind: str) -> Iterator[Row]:
    backgrounds, bright, dark = WANTED.get(kind, WANTED["object"])
    label = "different colours" if kind == "style" else "backgrounds"
    yield Row(label, len(variety.places), backgrounds, "add some in other places")
    around = [value for photo in variety.shots if (value := surroundings(photo)) is not None]
    rows: tuple[tuple[str, int, Callable[[float], bool], str], ...] = (
        ("bright surroundings", bright, lambda value: value > DAY, "add some in daylight"),
        ("dark surroundings", dark, lambda value: value < EVENING, "add some in the evening or in shade"),
    )
    for name, want, fits, advice in rows:
        if want:
            yield Row(name, sum(map(fits, around)), want, advice)
