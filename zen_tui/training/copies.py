"""Watching whether the pictures of a run are photos that it has learned by heart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec
from PIL import Image

from zen_tui.library.events import Feed, Warned
from zen_tui.library.specs import PictureRequest, TrainSettings
from zen_tui.library.text import plural
from zen_tui.scoring.memorisation import Trace, nearest, trace
from zen_tui.training.beginning import Example
from zen_tui.training.pixels import as_trained


class Copy(msgspec.Struct, frozen=True):
    """A picture drawn at `step` that is a photo over again; `apart` is how far from it, 0..1."""

    step: int
    prompt: str
    seed: int
    photo: str
    apart: float


class CopyWatch:
    """Compares pictures with all photos of a run, as they are trained on.

    Args:
        names: what the photos are called, by content hash.
        multiple: what the sides of photos divide by.
    """

    def __init__(
        self,
        photos: Sequence[Example],
        names: Mapping[str, str],
        settings: TrainSettings,
        multiple: int,
        feed: Feed,
    ) -> None:
        self.photos, self.names, self.settings = photos, names, settings
        self.multiple, self.feed = multiple, feed
        self.found: list[Copy] = []

    def look(self, step: int, pictures: Sequence[tuple[PictureRequest, Image.Image]]) -> int:
        """How many of `pictures`, drawn at `step`, are copies; a warning names the nearest of them."""
        if not self.settings.copy_within or not pictures:
            return 0
        copies: list[Copy] = []
        for request, image in pictures:
            row, apart = nearest(trace(image), self._traces)
            if apart < self.settings.copy_within:
                name = self.names.get(self.photos[row].hash, self.photos[row].hash[:12])
                copies.append(Copy(step, request.prompt, request.seed, name, round(apart, 4)))
        if copies:
            self.found += [copy for copy in copies if copy not in self.found]
            worst = min(copies, key=lambda copy: copy.apart)
            count = f"{len(copies)} of {plural(len(pictures), 'picture')}"
            text = (
                f"Step {step:,}: {count} {'is a copy' if len(copies) == 1 else 'are copies'} of training photos. "
                f"The nearest, with seed {worst.seed}, is {worst.photo} over again: {worst.apart:.3f} apart, "
                f"where {self.settings.copy_within:g} is as good as the same. "
                "Use an earlier checkpoint, fewer steps, or more photos."
            )
            self.feed.tell(Warned(text=text, step=step, copies=len(copies)))
        return len(copies)

    @cached_property
    def _traces(self) -> list[Trace]:
        return [trace(as_trained(photo, self.settings, self.multiple)) for photo in self.photos]
