"""Judging a checkpoint by pictures: the same prompts and seeds each time, half plain, half of what no photo shows.

What cannot be told here is not judged, and said so before the training begins.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from zen_tui.exchange.bases import base_folder
from zen_tui.generation.engine import Engine
from zen_tui.library.events import Feed, Note
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Dataset
from zen_tui.library.scores import Scores
from zen_tui.library.specs import PictureRequest, TrainSettings
from zen_tui.photos.captions import trigger
from zen_tui.scoring import identity
from zen_tui.scoring.asked import asked
from zen_tui.scoring.eyes import FaceEyes, ReaderEyes, eyes_for
from zen_tui.scoring.job import as_tensor
from zen_tui.scoring.spans import span
from zen_tui.training.beginning import Example, class_caption
from zen_tui.training.copies import CopyWatch
from zen_tui.training.methods.method import Method
from zen_tui.training.pixels import as_trained

PLAIN = ("a photo of {}", "a portrait of {}", "a picture of {}")
NEW = {
    "person": (
        "a photo of {} wearing a red suit, on the red carpet in cannes",
        "a photo of {} wearing a blue dress, in front of the eiffel tower",
        "an oil painting of {} wearing a purple dress, in a forest",
        "a photo of {} wearing a green hoodie, at night under the stars",
        "a cartoon of {} wearing an orange hoodie, on a beach",
    ),
    "style": ("a castle by the sea in {}", "a dog in a forest in {}", "a bowl of fruit in {}"),
    "": (
        "a photo of {} in front of the eiffel tower",
        "an oil painting of {} in a forest",
        "a photo of {} at night under the stars",
        "a cartoon of {} on a beach",
    ),
}
FIRST_SEED = 7_000  # apart from those of the samples
SMALL = 16  # pixels of the side at which pictures are compared by their colours


@dataclass(frozen=True)
class Sight:
    """What pictures are judged with: `eyes` that tell people apart, and whom they look for, (D,)."""

    eyes: ReaderEyes | FaceEyes | None
    person: Tensor | None
    missing: tuple[str, ...]
    """What is not judged and why, in sentences."""


class Judge:
    """Judges what acts on the family of `method` by pictures of the subject and of its class."""

    def __init__(
        self,
        method: Method,
        engine: Engine,
        subject: list[PictureRequest],
        plain: list[PictureRequest],
        sight: Sight,
        copies: CopyWatch,
        feed: Feed,
    ) -> None:
        self.method, self.engine, self.copies, self.feed = method, engine, copies, feed
        self.subject, self.plain, self.sight = subject, plain, sight
        self._before: list[Image.Image] = []

    def prepare(self) -> None:
        """Encode the prompts before the training begins, and say what will not be judged."""
        self.engine.prepare([*self.subject, *self.plain])
        self.method.family.release("text")
        for sentence in self.sight.missing:
            self.feed.tell(Note(text=sentence))

    def judge(self, step: int) -> Scores:
        """Draw the pictures of `step` and measure them.

        Raises:
            Interrupted: the feed asked for it.
        """
        if not self._before:
            with self.method.base_alone():
                self._before = self._draw(self.plain)
        after, drawn = self._draw(self.plain), self._draw(self.subject)
        self.method.family.release("vae", "text")
        moved, by = self._moved(after)
        return Scores(
            identity=span(self._likenesses(drawn)),
            adherence=span(self._obeyed(drawn)),
            drift=span(moved),
            drift_by=by,
            variety=span(_spread(drawn)),
            class_variety=span(self._differences(after, by)),
            copies=self.copies.look(step, [*zip(self.subject, drawn, strict=True)]),
        )

    def _draw(self, requests: list[PictureRequest]) -> list[Image.Image]:
        return [
            image for _, image in sorted(self.engine.draw(requests, asked=self.feed.asked), key=lambda d: d[0])
        ]

    def _likenesses(self, drawn: list[Image.Image]) -> list[float]:
        """The cosine of each picture with the person, 0 where nobody is seen."""
        eyes, person = self.sight.eyes, self.sight.person
        if eyes is None or person is None:
            return []
        shown = [image for image, r in zip(drawn, self.subject, strict=True) if eyes.can_read(r.prompt)]
        return [0.0 if seen is None else float(seen @ person) for seen in eyes.look(shown)]

    def _obeyed(self, drawn: list[Image.Image]) -> list[float]:
        if not isinstance(self.sight.eyes, ReaderEyes):
            return []
        found = []
        for seen, request in zip(self.sight.eyes.attributes(drawn), self.subject, strict=True):
            if wishes := asked(request.prompt):
                found.append(sum(seen.get(name) == value for name, value in wishes.items()) / len(wishes))
        return found

    def _moved(self, after: list[Image.Image]) -> tuple[list[float], str]:
        """How far each picture of the class went from the base's own, and by what that was measured: who is
        seen where the base shows somebody in all of them (one minus the cosine), else colours (0..1)."""
        eyes = self.sight.eyes
        before = eyes.look(self._before) if eyes else []
        if eyes is None or not before or any(one is None for one in before):
            return (_colours(self._before) - _colours(after)).abs().mean(1).tolist(), "pixels"
        pairs = zip(before, eyes.look(after), strict=True)
        return [1 - _cosine(one, other) for one, other in pairs], eyes.by

    def _differences(self, after: list[Image.Image], by: str) -> list[float]:
        """Of each picture of the class, how far it is from the others, measured as the drift is."""
        if self.sight.eyes is None or by == "pixels":
            return _spread(after)
        seen = self.sight.eyes.look(after)
        count = len(seen) - 1
        return [
            sum(1 - _cosine(one, other) for there, other in enumerate(seen) if there != here) / count
            for here, one in enumerate(seen)
            if count
        ]


def judge_for(
    method: Method,
    engine: Engine,
    home: Home,
    base: Base,
    dataset: Dataset,
    settings: TrainSettings,
    photos: list[Example],
    copies: CopyWatch,
    feed: Feed,
) -> Judge | None:
    """The judge that the settings ask for; None where they ask for none."""
    if not settings.judge:
        return None
    captions = {photo.caption.strip().lower() for photo in photos}
    words = trigger(dataset)
    plain = _unlearned(PLAIN, words, captions)
    new = _unlearned(NEW.get(dataset.kind, NEW[""]), words, captions)
    count = settings.judge
    prompts = [*itertools.islice(itertools.cycle(plain), count - count // 2)]
    prompts += itertools.islice(itertools.cycle(new), count // 2)
    alone = class_caption(dataset)
    return Judge(
        method,
        engine,
        _requests(prompts, base, settings),
        _requests([alone] * -(-count // 2), base, settings),
        _sight(home, base, dataset, settings, photos, method.family.multiple),
        copies,
        feed,
    )


def _sight(
    home: Home, base: Base, dataset: Dataset, settings: TrainSettings, photos: list[Example], multiple: int
) -> Sight:
    """What pictures of `dataset` can be judged with here."""
    eyes, why = eyes_for(base_folder(base) / "readers", dataset.kind)
    missing = [why] if why else []
    held_out = [photo for photo in photos if photo.held_out]
    person: Tensor | None = None
    if isinstance(eyes, ReaderEyes) and held_out:
        readings = eyes.readers.identity(as_tensor([as_trained(p, settings, multiple) for p in held_out]))
        person = identity.mean_identity(readings)
    elif isinstance(eyes, FaceEyes) and held_out:
        listed = [(photo.hash, Path(photo.path)) for photo in photos]
        person = eyes.person(home, dataset.slug, listed, {photo.hash for photo in held_out})
    if eyes and not held_out:
        missing.append("Identity is not judged: no photo is held out to compare pictures with.")
    elif eyes and person is None:
        missing.append("Identity is not judged: no held-out photo shows the face that most photos show.")
    if not isinstance(eyes, ReaderEyes):
        missing.append("Adherence is not judged: only the built-in base has a reader of what pictures show.")
    return Sight(eyes, person, tuple(missing))


def _unlearned(prompts: Sequence[str], words: str, captions: set[str]) -> list[str]:
    """Those that are no training caption; the last of them if all are."""
    filled = [prompt.format(words) for prompt in prompts]
    return [prompt for prompt in filled if prompt.lower() not in captions] or filled[-1:]


def _requests(prompts: Sequence[str], base: Base, settings: TrainSettings) -> list[PictureRequest]:
    drawing = base.facts.get("defaults", {}).get("generate", {})
    return [
        PictureRequest(
            prompt=prompt,
            seed=FIRST_SEED + index,
            width=settings.resolution,
            height=settings.resolution,
            steps=int(drawing.get("steps", 25)),
            guidance=float(drawing.get("guidance", 7.0)),
            scheduler=str(drawing.get("scheduler", "default")),
        )
        for index, prompt in enumerate(prompts)
    ]


def _cosine(one: Tensor | None, other: Tensor | None) -> float:
    """That of two unit vectors; 0 where either is missing."""
    return 0.0 if one is None or other is None else float(one @ other)


def _spread(drawn: list[Image.Image]) -> list[float]:
    """Of each picture, the mean difference of colours from the others, 0..1; nothing for a single one."""
    if len(drawn) < 2:
        return []
    colours = _colours(drawn)
    apart = (colours[:, None] - colours[None]).abs().mean(2)
    found: list[float] = (apart.sum(1) / (len(drawn) - 1)).tolist()
    return found


def _colours(images: list[Image.Image]) -> Tensor:
    """(N, SMALL * SMALL * 3) in 0..1."""
    small = [image.convert("RGB").resize((SMALL, SMALL), Image.Resampling.BOX) for image in images]
    return torch.stack([torch.frombuffer(bytearray(i.tobytes()), dtype=torch.uint8) for i in small]).float() / 255
