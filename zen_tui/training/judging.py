"""Judging a checkpoint by pictures: the same prompts and seeds each time, half plain, half of what no photo shows.

Identity and adherence are read where readers travel with the base; elsewhere they are not judged.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from zen_tui.exchange.bases import base_folder
from zen_tui.generation.engine import Engine
from zen_tui.library.errors import BadFile
from zen_tui.library.events import Feed
from zen_tui.library.records import Base, Dataset
from zen_tui.library.scores import Scores
from zen_tui.library.specs import PictureRequest, TrainSettings
from zen_tui.photos.captions import trigger
from zen_tui.scoring import identity
from zen_tui.scoring.asked import asked, shows_identity
from zen_tui.scoring.job import Readers, as_tensor, load_readers
from zen_tui.scoring.spans import span
from zen_tui.training.beginning import Example
from zen_tui.training.buckets import trained_size
from zen_tui.training.methods.method import Method
from zen_tui.training.pixels import open_photo, pixels
from zen_tui.training.views import plain_view

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


class Judge:
    """Judges what acts on the family of `method`. `held_out` are photos as they are trained on."""

    def __init__(
        self,
        method: Method,
        engine: Engine,
        subject: list[PictureRequest],
        plain: list[PictureRequest],
        readers: Readers | None,
        held_out: Sequence[Image.Image],
        feed: Feed,
    ) -> None:
        self.method, self.engine, self.feed = method, engine, feed
        self.subject, self.plain, self.readers = subject, plain, readers
        self._person = (
            identity.mean_identity(readers.identity(as_tensor(held_out))) if readers and held_out else None
        )
        self._before: list[Image.Image] = []

    def prepare(self) -> None:
        """Encode the prompts before the training begins."""
        self.engine.prepare([*self.subject, *self.plain])
        self.method.family.release("text")

    def judge(self) -> Scores:
        """Draw the pictures and measure them.

        Raises:
            Interrupted: the feed asked for it.
        """
        if not self._before:
            with self.method.base_alone():
                self._before = self._draw(self.plain)
        after, drawn = self._draw(self.plain), self._draw(self.subject)
        self.method.family.release("vae", "text")
        read = self.readers.identity if self.readers else None
        moved = (
            _moved(self._before, after)
            if read is None
            else _turned(*(read(as_tensor(p)) for p in (self._before, after)))
        )
        return Scores(
            identity=span(self._likenesses(drawn)),
            adherence=span(self._obeyed(drawn)),
            drift=span(moved),
            drift_by="identity" if read else "pixels",
            variety=span(_spread(drawn)),
        )

    def _draw(self, requests: list[PictureRequest]) -> list[Image.Image]:
        return [
            image for _, image in sorted(self.engine.draw(requests, asked=self.feed.asked), key=lambda d: d[0])
        ]

    def _likenesses(self, drawn: list[Image.Image]) -> list[float]:
        shown = [image for image, r in zip(drawn, self.subject, strict=True) if shows_identity(r.prompt)]
        if self.readers is None or self._person is None or not shown:
            return []
        found: list[float] = (self.readers.identity(as_tensor(shown)) @ self._person).tolist()
        return found

    def _obeyed(self, drawn: list[Image.Image]) -> list[float]:
        if self.readers is None:
            return []
        found = []
        for seen, request in zip(self.readers.attributes(as_tensor(drawn)), self.subject, strict=True):
            if wishes := asked(request.prompt):
                found.append(sum(seen.get(name) == value for name, value in wishes.items()) / len(wishes))
        return found


def judge_for(
    method: Method,
    engine: Engine,
    base: Base,
    dataset: Dataset,
    settings: TrainSettings,
    photos: list[Example],
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
    alone = f"a photo of a {dataset.class_word}" if dataset.kind != "style" else "a picture"
    try:
        readers = load_readers(base_folder(base) / "readers") if dataset.kind == "person" else None
    except BadFile:
        readers = None  # a base without readers of its own
    held_out = [_as_trained(photo, settings, method.family.multiple) for photo in photos if photo.held_out]
    return Judge(
        method,
        engine,
        _requests(prompts, base, settings),
        _requests([alone] * -(-count // 2), base, settings),
        readers,
        held_out if readers else [],
        feed,
    )


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


def _as_trained(photo: Example, settings: TrainSettings, multiple: int) -> Image.Image:
    size = trained_size(photo.width, photo.height, photo.crop, settings, multiple)
    view = plain_view(photo.width, photo.height, photo.crop, size)
    levels = (pixels(open_photo(photo, size), view, size) * 255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy())


def _turned(before: Tensor, after: Tensor) -> list[float]:
    """How far each reading (N, D; unit vectors) turned: one minus the cosine."""
    found: list[float] = (1 - (before * after).sum(1)).tolist()
    return found


def _moved(before: list[Image.Image], after: list[Image.Image]) -> list[float]:
    """The mean difference of colours of each pair, 0..1."""
    found: list[float] = (_colours(before) - _colours(after)).abs().mean(1).tolist()
    return found


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
