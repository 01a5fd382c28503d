"""One sheet of pictures by several processes: batches are dealt out, and the first process records what all draw.

A batch has the pictures that it would have in one process, so they come out the same to the last bit; only where
there are fewer batches than processes are they made smaller. All processes encode all prompts: those of a batch
are encoded among the same others, too.
"""

from __future__ import annotations

import base64
import io
import select
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from PIL import Image

from zen_tui.families import Family, load_family
from zen_tui.families.base import Part
from zen_tui.generation import warm
from zen_tui.generation.engine import STRETCH, Engine, Share
from zen_tui.generation.fit import Fit
from zen_tui.library.events import AnyEvent, Feed, Interrupted, Preview
from zen_tui.library.paths import Home
from zen_tui.library.records import Base
from zen_tui.library.specs import PictureRequest
from zen_tui.ranks.links import Link
from zen_tui.ranks.team import Team

PREVIEW_PAUSE = 0.25  # seconds between two rounds of previews
LOOK_EVERY = 0.1  # seconds between two looks at what is asked, while others still draw

Drawn = tuple[int, Image.Image]


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn with what; `adapters` are (name, path, hash, weight)."""

    base: Base
    adapters: list[tuple[str, str, str, float]]
    fit: Fit
    precision: str
    requests: list[PictureRequest]
    batch_size: int
    preview_every: int

    def engine(self, family: Family, team: Team, asked: Callable[[], str] | None = None) -> Engine:
        """An engine that draws this process's share; for several, once they have agreed on what that is."""
        engine = Engine(family, batch_size=self.batch_size, preview_every=self.preview_every)
        if team.size > 1:
            engine.prepare(self.requests[:STRETCH], asked)  # before the denoiser is loaded, which sizes may want
            engine.make_room()
            told = team.hear(msgspec.json.encode(_sizes(engine, self.requests, team.size)) if team.leads else b"")
            sizes = msgspec.json.decode(told, type=list[tuple[int, int, int]])
            engine.share = Share(team.index, team.size, {(width, height): n for width, height, n in sizes})
        return engine


class _Picture(msgspec.Struct, tag_field="kind", tag="drawn"):
    """The levels of a picture, RGB, follow."""

    place: int
    width: int
    height: int


class _End(msgspec.Struct, tag_field="kind", tag="end"):
    """All that was this process's is drawn."""


_Said = _Picture | _End | Preview


def draw_together(team: Team, family: Family, brief: Brief, feed: Feed, indices: Sequence[int]) -> Iterator[Drawn]:
    """Each picture of `brief`, whoever draws it, with its place; `indices` are their numbers in the job.

    Raises:
        Interrupted: the feed asked for it.
        ZenError: a process could not draw its part.
        Lost: a process is gone.
    """
    team.hear(msgspec.json.encode(brief))
    engine = brief.engine(family, team, feed.asked)
    others = _Others(team.down, lambda event: feed.tell(_numbered(event, indices)))

    def asked() -> str:
        others.look()
        return feed.asked()

    previews = Previews(feed.tell, indices).tell if brief.preview_every > 0 else None
    for drawn in engine.draw(brief.requests, on_preview=previews, asked=asked):
        yield drawn
        yield from others.take()
    while others.drawing:
        if how := feed.asked():
            raise Interrupted(how)
        others.look(LOOK_EVERY)
        yield from others.take()
    yield from others.take()


def assist(team: Team, _home: Home) -> None:
    """Draw this process's part, and hand it to the first. Raises `Lost` when that is gone, or what went wrong."""
    assert team.up is not None
    brief, up = msgspec.json.decode(team.hear(), type=Brief), team.up
    stored: dict[Part, str] = {"denoiser": brief.fit.denoiser, "text": brief.fit.texts}
    family = load_family(brief.base, precision=brief.precision, stored=stored, offload=brief.fit.offload)
    adapters = [warm.Attachment(slug, Path(path), hash, weight) for slug, path, hash, weight in brief.adapters]
    warm.use(family, adapters)
    places = range(len(brief.requests))
    previews = Previews(lambda event: up.send(msgspec.json.encode(event)), places)
    shown = previews.tell if brief.preview_every > 0 else None
    for place, image in brief.engine(family, team).draw(brief.requests, on_preview=shown):
        up.send(msgspec.json.encode(_Picture(place, image.width, image.height)))
        up.send(image.tobytes())
    up.send(msgspec.json.encode(_End()))
    team.hear()


class _Others:
    """What the other processes draw; `told` hears their previews, whose index is a place."""

    def __init__(self, links: Sequence[Link], told: Callable[[Preview], None]) -> None:
        self.drawing = {link.reading: link for link in links}
        self._told = told
        self._drawn: list[Drawn] = []

    def look(self, patience: float = 0.0) -> None:
        """Read what has come; wait for it for `patience` seconds at most. Raises as `Link.receive`."""
        while ready := select.select(list(self.drawing), [], [], patience)[0]:
            for handle in ready:
                self._read(self.drawing[handle])
            patience = 0.0
            if not self.drawing:
                return

    def take(self) -> list[Drawn]:
        """What has been drawn since the last call."""
        drawn, self._drawn = self._drawn, []
        return drawn

    def _read(self, link: Link) -> None:
        said = msgspec.json.decode(link.receive(), type=_Said)
        if isinstance(said, _Picture):
            image = Image.frombytes("RGB", (said.width, said.height), link.receive())
            self._drawn.append((said.place, image))
        elif isinstance(said, Preview):
            self._told(said)
        else:
            del self.drawing[link.reading]


def _sizes(engine: Engine, requests: list[PictureRequest], processes: int) -> list[tuple[int, int, int]]:
    """(width, height, how many are drawn together): as in one process, or fewer where not all had a batch."""
    count: dict[tuple[int, int], int] = {}
    for request in requests:
        size = (request.width, request.height)
        count[size] = count.get(size, 0) + 1
    sizes = {size: engine.size(*size) for size in count}
    if sum(-(-count[size] // sizes[size]) for size in count) < processes:
        sizes = {size: min(sizes[size], -(-count[size] // processes)) for size in count}
    return [(*size, together) for size, together in sizes.items()]


def _numbered(event: Preview, indices: Sequence[int]) -> AnyEvent:
    return msgspec.structs.replace(event, index=indices[event.index])


class Previews:
    """Tells pictures in the making, a few times a second at most. `indices` are the numbers of their places."""

    def __init__(self, told: Callable[[Preview], None], indices: Sequence[int]) -> None:
        self._tell = told
        self._indices = indices
        self._told = float("-inf")

    def tell(self, step: int, steps: int, shown: list[Drawn]) -> None:
        if time.monotonic() - self._told < PREVIEW_PAUSE:
            return
        self._told = time.monotonic()
        for place, image in shown:
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=60)
            text = base64.b64encode(buffer.getvalue()).decode()
            self._tell(Preview(index=self._indices[place], step=step, steps=steps, image=text))
