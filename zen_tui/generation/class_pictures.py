"""Pictures of a class that a base draws by itself, so that a training can hold on to what the class looked like.

After DreamBooth's prior preservation (arXiv 2208.12242). They are drawn once for a base, a caption, a size and a
seed, and lie in the dataset's cache: every further run finds them there, and forgetting the dataset forgets them.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import msgspec
from PIL import Image

from zen_tui.families import Family
from zen_tui.generation.engine import Engine
from zen_tui.library.durable import write_file
from zen_tui.library.events import Feed, Progress
from zen_tui.library.records import Base
from zen_tui.library.specs import PictureRequest

FIRST_SEED = 1_000_003  # apart from those of samples and of judged pictures


def class_requests(base: Base, caption: str, count: int, size: int, seed: int) -> list[PictureRequest]:
    """`count` pictures of `caption`, each with a seed of its own; a longer list begins with a shorter one."""
    drawing = base.facts.get("defaults", {}).get("generate", {})
    return [
        PictureRequest(
            prompt=caption,
            seed=FIRST_SEED * (seed + 1) + index,
            width=size,
            height=size,
            steps=int(drawing.get("steps", 25)),
            guidance=float(drawing.get("guidance", 7.0)),
            scheduler=str(drawing.get("scheduler", "default")),
        )
        for index in range(count)
    ]


def class_pictures(
    family: Family, requests: list[PictureRequest], cache: Path, fingerprint: str, feed: Feed
) -> list[Path]:
    """The files of `requests`, drawn as far as they are missing, with nothing but the base at work.

    Args:
        fingerprint: what tells the base from any other.

    Raises:
        Interrupted: the feed asked for it; what is drawn is kept.
        DiskFull: likewise.
    """
    paths = [cache / f"class-{_key(request, fingerprint)}.png" for request in requests]
    missing = [index for index, path in enumerate(paths) if not _whole(path)]
    done = len(paths) - len(missing)
    if missing:
        feed.tell(Progress(what="drawing class pictures", done=done, total=len(paths)))
    for place, picture in Engine(family).draw([requests[index] for index in missing], asked=feed.asked):
        data = io.BytesIO()
        picture.save(data, "PNG")
        write_file(paths[missing[place]], data.getvalue())
        done += 1
        feed.tell(Progress(what="drawing class pictures", done=done, total=len(paths)))
    if missing:
        family.release("text", "vae", "denoiser")
    return paths


def _whole(path: Path) -> bool:
    """Whether there is a picture at `path` that can be read; else it is drawn again."""
    try:
        with Image.open(path) as picture:
            picture.load()
    except OSError:
        return False
    return True


def _key(request: PictureRequest, fingerprint: str) -> str:
    return hashlib.sha256(msgspec.json.encode((request, fingerprint))).hexdigest()[:40]
