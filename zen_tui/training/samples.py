"""Sample pictures of a run: the same prompts and seeds each time, through the engine that draws all pictures."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from zen_tui.families.base import Family
from zen_tui.generation.engine import Engine
from zen_tui.library.durable import write_file
from zen_tui.library.events import Feed, Sample
from zen_tui.library.paths import Home
from zen_tui.library.records import Base, Dataset
from zen_tui.library.specs import PictureRequest, TrainSettings
from zen_tui.photos.captions import sample_prompts, trigger
from zen_tui.training.copies import CopyWatch


class Samples:
    """Draws the samples of run `run_id` with whatever acts on `family`."""

    def __init__(
        self,
        family: Family,
        requests: list[PictureRequest],
        home: Home,
        run_id: int,
        feed: Feed,
        copies: CopyWatch,
    ) -> None:
        self.family, self.requests, self.home, self.feed = family, requests, home, feed
        self.copies = copies
        self.folder = home.run(run_id) / "samples"
        self.engine = Engine(family)

    def prepare(self) -> None:
        """Encode the prompts before the training begins, so that its memory needs no text encoder."""
        self.engine.prepare(self.requests)
        self.family.release("text")

    def draw(self, step: int, again: bool = False) -> None:
        """Draw and keep the samples after `step`; those that lie there are only told again, unless `again`.

        Raises:
            Interrupted: the feed asked for it.
        """
        paths = [self.folder / f"step-{step:07d}-{index:02d}.png" for index in range(len(self.requests))]
        if all(path.exists() for path in paths) and not again:
            for index, path in enumerate(paths):  # whoever reads the events has dropped them with the lost steps
                self._tell(step, index, path)
            self._compare(step, paths)
            return
        for index, picture in self.engine.draw(self.requests, asked=self.feed.asked):
            data = io.BytesIO()
            picture.save(data, "PNG")
            write_file(paths[index], data.getvalue())
            self._tell(step, index, paths[index])
        self.family.release("vae", "text")
        self._compare(step, paths)

    def _compare(self, step: int, paths: list[Path]) -> None:
        """Warn where a sample is a training photo over again."""
        pictures = []
        for request, path in zip(self.requests, paths, strict=True):
            with Image.open(path) as picture:
                pictures.append((request, picture.convert("RGB")))
        self.copies.look(step, pictures)

    def _tell(self, step: int, index: int, path: Path) -> None:
        request = self.requests[index]
        self.feed.tell(
            Sample(step=step, index=index, prompt=request.prompt, seed=request.seed, path=self.home.relative(path))
        )


def sample_requests(base: Base, dataset: Dataset, settings: TrainSettings) -> list[PictureRequest]:
    """What to draw: the prompts of the settings, or those of its kind; `{token}` is the trigger."""
    words = trigger(dataset)
    prompts = settings.sample_prompts or sample_prompts(dataset)
    drawing = base.facts.get("defaults", {}).get("generate", {})
    return [
        PictureRequest(
            prompt=prompt.replace("{token}", words),
            seed=settings.seed + index,
            width=settings.resolution,
            height=settings.resolution,
            steps=int(drawing.get("steps", 25)),
            guidance=float(drawing.get("guidance", 7.0)),
            scheduler=str(drawing.get("scheduler", "default")),
        )
        for index, prompt in enumerate(prompts)
    ]
