"""Handlers that stand in for the real ones, so that the worker itself can be tested in milliseconds.

A stand-in for `generate` reads what to do from the first prompt: a word, and what it needs to know.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from zen_tui.library import pictures
from zen_tui.library.database import Database
from zen_tui.library.durable import write_blob
from zen_tui.library.errors import BadFile
from zen_tui.library.events import Feed, Interrupted, Made, Note, Resumed, Step
from zen_tui.library.paths import Home
from zen_tui.library.specs import GenerateSpec, PictureRequest

SIZE = 40_000  # bytes of a picture: several pages, so that a torn file would show


def spec(what: str, count: int = 1) -> GenerateSpec:
    """A job for the stand-in: `count` pictures, with `what` to do in the prompt."""
    return GenerateSpec(base="none", pictures=tuple(PictureRequest(prompt=what, seed=i) for i in range(count)))


def content(job_id: int, index: int) -> bytes:
    """What picture `index` of a job must consist of."""
    return f"{job_id}/{index} ".encode() * (SIZE // 8)


def generate(spec: GenerateSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    what, _, rest = spec.pictures[0].prompt.partition(" ")
    return DOES[what](rest, spec, feed, db, home)


def draw(_: str, spec: GenerateSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Record every picture: blob first, then row."""
    made = pictures.made_indices(db, feed.job_id)
    for index, request in enumerate(spec.pictures):
        if how := feed.asked():
            raise Interrupted(how)
        if index in made:
            continue
        blob = write_blob(home.pictures, content(feed.job_id, index))
        with db.transaction():
            id = _record(db, feed, index, request, blob.hash, home.relative(blob.path))
            feed.progressed(index + 1, len(spec.pictures))
        feed.tell(Made(index=index, picture=id, path=home.relative(blob.path)))
    return {"count": len(spec.pictures)}


def draw_carelessly(_: str, spec: GenerateSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """What must not be done, as a control: the row first, then the file in place, piece by piece."""
    import hashlib

    made = pictures.made_indices(db, feed.job_id)
    for index, request in enumerate(spec.pictures):
        if index in made:
            continue
        data = content(feed.job_id, index)
        digest = hashlib.sha256(data).hexdigest()
        path = home.pictures / digest
        _record(db, feed, index, request, digest, home.relative(path))
        with open(path, "wb") as file:
            for start in range(0, len(data), 4096):
                file.write(data[start : start + 4096])
                file.flush()
    return {}


def _record(db: Database, feed: Feed, index: int, request: PictureRequest, hash: str, path: str) -> int:
    made = {"job_id": feed.job_id, "idx": index, "hash": hash, "path": path, "width": 1, "height": 1}
    return pictures.add_picture(db, [], **made, prompt=request.prompt, seed=request.seed)


def count(_: str, spec: GenerateSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Count steps until a file called `enough` lies in the home; go on from where it stopped."""
    saved = home.job(feed.job_id) / "saved"
    step = int(saved.read_text()) if saved.exists() else 0
    if step:
        feed.tell(Resumed(step=step))
    while not (home.root / "enough").exists():
        step += 1
        feed.tell(Step(step=step, loss=1 / step, lr=0.0))
        feed.progressed(step, 1_000_000)
        if wishes := feed.requests():
            feed.tell(Note(text=f"wished: {', '.join(sorted(wishes))}"))
        if how := feed.asked():
            saved.write_text(str(step))
            feed.durable()
            raise Interrupted(how)
        time.sleep(0.005)
    return {"steps": step}


def refuse(*_: Any) -> dict[str, Any]:
    raise BadFile("The file mara.safetensors is damaged.", "Copy it again.")


def stumble(secret: str, *_: Any) -> dict[str, Any]:
    raise RuntimeError(f"cannot multiply {secret}")


def die(_: str, spec: GenerateSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Die as by the kernel's hand, each time at the same step, after saying something."""
    print("memory is running out", flush=True)
    feed.progressed(3, 10)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def die_further(_: str, spec: GenerateSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Die four times, but each time one step further."""
    marks = home.root / "marks"
    marks.mkdir(exist_ok=True)
    count = len(list(marks.iterdir())) + 1
    if count > 4:
        return {"deaths": 4}
    Path(marks / str(count)).touch()
    feed.progressed(count, 10)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def look(*_: Any) -> dict[str, Any]:
    """What the process was like when this module was imported, which is when torch would have been."""
    return {**AT_IMPORT, "screens": any(name in sys.modules for name in ("textual", "textual_image"))}


def _process() -> dict[str, Any]:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    filtered = any(line.split() == ["Seccomp:", "2"] for line in lines)
    return {"filtered": filtered, "torch": "torch" in sys.modules, "umask": _umask()}


def _umask() -> int:
    old = os.umask(0o077)
    os.umask(old)
    return old


AT_IMPORT = _process()

DOES = {
    "look": look,
    "draw": draw,
    "draw_carelessly": draw_carelessly,
    "count": count,
    "refuse": refuse,
    "stumble": stumble,
    "die": die,
    "die_further": die_further,
}
HANDLERS = {"generate": generate}
