"""The job that draws one picture twice, with an adapter and with the file exported from it, and compares them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from zen_tui.generation import warm
from zen_tui.generation.engine import Engine
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.durable import hash_file
from zen_tui.library.errors import BadFile
from zen_tui.library.events import Feed, Note, Progress
from zen_tui.library.paths import Home
from zen_tui.library.specs import AdapterPictureSpec, PictureRequest

STEPS = 4  # enough for a difference to show; the picture itself is not kept
SEED = 7


def compare_pictures(spec: AdapterPictureSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Draw with one adapter, then with the other, from the same noise.

    Returns:
        `difference`, the greatest of any colour value, 0 to 255; `changed`, the same between the adapter and
        the base alone, without which the comparison would say nothing.

    Raises:
        BadFile: one of the two is gone or does not fit the base.
    """
    base, adapter = models.base(db, spec.base), models.adapter(db, spec.adapter)
    family = warm.family(base)
    own, exported = [home.resolve(adapter.path)], [Path(file) for file in (spec.file, *spec.words)]
    gone = next((file for file in (*own, *exported) if not file.is_file()), None)
    if gone is not None:
        raise BadFile(f"{gone} is gone.", "Export the adapter again.")
    defaults = base.facts.get("defaults", {}).get("generate", {})
    request = PictureRequest(
        prompt=adapter.trigger or "a photo",
        seed=SEED,
        width=int(defaults.get("width", 512)),
        height=int(defaults.get("height", 512)),
        steps=min(STEPS, int(defaults.get("steps", STEPS))),
        guidance=float(defaults.get("guidance", 1.0)),
    )
    drawn = []
    for done, files in enumerate(([], own, exported), 1):
        uses = [
            warm.Attachment(slug=f"{adapter.slug}-{done}-{n}", path=file, hash=hash_file(file), weight=1.0)
            for n, file in enumerate(files)
        ]
        warm.use(family, uses)
        drawn += [image for _, image in Engine(family, batch_size=1).draw([request], asked=feed.asked)]
        feed.tell(Progress(what="pictures", done=done, total=3))
    alone, original, again = drawn
    difference, changed = _greatest(original, again), _greatest(alone, original)
    feed.tell(Note(text=_told(spec, difference, changed)))
    return {"difference": difference, "changed": changed}


def _greatest(one: Image.Image, other: Image.Image) -> int:
    difference = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    return max(difference.tobytes())


def _told(spec: AdapterPictureSpec, difference: int, changed: int) -> str:
    name = Path(spec.file).name
    if difference == 0:
        return (
            f"{name} draws the same picture as {spec.adapter}, which changes the base's by up to {changed} of 255."
        )
    return f"{name} and {spec.adapter} draw pictures that differ by at most {difference} of 255."
