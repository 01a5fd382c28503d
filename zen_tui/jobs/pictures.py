"""Queueing pictures: which base, with which adapters, in which sizes, checked before the model is loaded."""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from pathlib import Path

from zen_tui.exchange.adapters import require_fit
from zen_tui.exchange.bases import base_folder
from zen_tui.exchange.profiles import PROFILES, variant_of
from zen_tui.exchange.scheduler_names import require_scheduler, schedulers_of
from zen_tui.exchange.source import source_of
from zen_tui.generation.fit import Machine, for_drawing, machine, require_storage, sizes_of, too_small
from zen_tui.jobs import queue
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Adapter, Base, Job
from zen_tui.library.sheets import SheetDefaults
from zen_tui.library.sizes import nearest_size, require_size
from zen_tui.library.specs import AdapterUse, GenerateSpec, Offload, PictureRequest, Quantize
from zen_tui.library.text import plural
from zen_tui.ranks.cards import require_cards

HEAVIEST = 10.0  # an adapter's weight; beyond it there is only noise
SMALLER, LARGER = 4, 4  # how far from its own size a base still draws something


def sheet_defaults(
    db: Database,
    base: str | None,
    adapters: Sequence[AdapterUse],
    *,
    negative: str = "",
    count: int = 1,
    seed: int | None = None,
    size: tuple[int, int] | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    scheduler: str | None = None,
) -> tuple[Base, SheetDefaults]:
    """The base that will draw, and what holds where a sheet says nothing: what is given, else the base's own.

    Without a base, that of the first adapter; without a seed, one is drawn.

    Raises:
        NotFound: there is no such base or adapter.
        WrongUse: no base is named and there is more than one.
    """
    chosen = choose_base(db, base, adapters)
    own = chosen.facts.get("defaults", {}).get("generate", {})
    side = int(chosen.facts.get("resolution", 512))
    width, height = size or (int(own.get("width", side)), int(own.get("height", side)))
    return chosen, SheetDefaults(
        negative=negative,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        width=width,
        height=height,
        steps=int(own.get("steps", 25)) if steps is None else steps,
        guidance=float(own.get("guidance", 7.0)) if guidance is None else guidance,
        scheduler=scheduler or str(own.get("scheduler", "default")),
        count=count,
    )


def submit_generation(
    db: Database,
    home: Home,
    *,
    base: str | None = None,
    adapters: Sequence[AdapterUse] = (),
    requests: Sequence[PictureRequest],
    out: str | Path | None = None,
    title: str | None = None,
    after: int | None = None,
    quantize: Quantize = "auto",
    offload: Offload = "auto",
    gpus: int = 1,
) -> Job:
    """Queue pictures. `out` is a folder that gets copies; without a base, that of the first adapter.

    An adapter trained on another base of the same family may be used if its layers fit. `quantize` and
    `offload` are `GenerateSpec`'s, and `gpus` is how many processes share them, one a GPU.

    Raises:
        WrongUse: no prompt, weights that make no sense, a scheduler that the base does not draw with, or GPUs
            that are not there.
        NotFound: there is no such base or adapter.
        Refused: an adapter for another base, a size the base cannot do, or weights that cannot be kept so here.
        BadFile: the file of a base or adapter is gone.
    """
    if not requests:
        raise WrongUse("There is no prompt.", "Write what should be drawn, one prompt a line.")
    chosen = choose_base(db, base, adapters)
    base_folder(chosen)
    for use in adapters:
        _require_adapter(home, models.adapter(db, use.name), use, chosen)
    if len({use.name for use in adapters}) < len(adapters):
        raise WrongUse("An adapter is named twice.", "Name it once, with the weight it should have.")
    for size in {(request.width, request.height) for request in requests}:
        _require_size(chosen, *size)
    for name in dict.fromkeys(request.scheduler for request in requests):
        require_scheduler(name, schedulers_of(chosen.family), chosen.slug)
    require_storage(machine(), quantize, offload)
    require_cards(gpus)
    return queue_generation(db, home, chosen, adapters, requests, out, title, after, quantize, offload, gpus)


def queue_generation(
    db: Database,
    home: Home,
    base: Base,
    adapters: Sequence[AdapterUse],
    requests: Sequence[PictureRequest],
    out: str | Path | None = None,
    title: str | None = None,
    after: int | None = None,
    quantize: Quantize = "auto",
    offload: Offload = "auto",
    gpus: int = 1,
) -> Job:
    """Queue pictures unchecked: the adapter may still have to be trained by the job before."""
    spec = GenerateSpec(
        base=base.slug,
        adapters=tuple(adapters),
        pictures=tuple(requests),
        out=str(Path(out).absolute()) if out else None,
        quantize=quantize,
        offload=offload,
        gpus=gpus,
    )
    who = ", ".join(use.name for use in adapters) or base.slug
    return queue.enqueue(db, home, spec, title or f"{plural(len(requests), 'picture')} with {who}", after)


def how_it_fits(
    base: Base,
    quantize: Quantize = "auto",
    offload: Offload = "auto",
    here: Machine | None = None,
    gpus: int = 1,
) -> list[tuple[str, str]]:
    """What drawing with `base` will do without on this machine, as named lines; none when it fits as it is.

    Raises:
        BadFile: the base is gone or damaged.
        Refused: `quantize` or `offload` cannot be had here.
    """
    variant_of(base)  # refuses a family that Zen does not run
    here = here or machine()
    fit = for_drawing(
        sizes_of(source_of(base), base.family),
        here,
        pixels=PROFILES[base.family].resolution ** 2,
        precision="bf16" if here.device == "cuda" else "fp32",
        quantize=quantize,
        offload=offload,
    )
    several = f"{gpus}, each with the whole base in its memory" if gpus > 1 else ""
    lines = (("processes", several), ("to fit", fit.words), ("note", too_small(fit, here)))
    return [line for line in lines if line[1]]


def choose_base(db: Database, name: str | None, adapters: Sequence[AdapterUse]) -> Base:
    """The base called `name`, else that of the first adapter that knows its own, else the newest.

    The built-in base is taken only when the person has added none.
    """
    if name is not None:
        return models.base(db, name)
    for use in adapters:
        adapter = models.adapter(db, use.name)
        if adapter.base_id is not None:
            return models.base_by_id(db, adapter.base_id)
    known = models.bases(db)
    if not known:
        raise WrongUse("There is no base yet.", "Add one with `zen bases add`.")
    own = [base for base in known if not base.path.startswith("builtin:")]
    return (own or known)[-1]


def _require_adapter(home: Home, adapter: Adapter, use: AdapterUse, base: Base) -> None:
    if not math.isfinite(use.weight) or abs(use.weight) > HEAVIEST:
        raise WrongUse(
            f"{use.weight:g} is no weight for {adapter.slug}.", "Weights are around 1; 0 switches it off."
        )
    if adapter.family != base.family:
        raise Refused(
            f"The adapter {adapter.slug} is for {adapter.family} bases, and {base.slug} is a {base.family} base.",
            "Choose a base of the adapter's own kind.",
        )
    path = home.resolve(adapter.path)
    if not path.is_file():
        raise BadFile(
            f"The file of the adapter {adapter.slug} is gone: {path}.", "Put it back, or train it again."
        )
    if adapter.base_id != base.id:
        require_fit(path, base)


def _require_size(base: Base, width: int, height: int) -> None:
    multiple = int(base.facts.get("multiple", 8))
    require_size(width, height, multiple=multiple, base=base.slug)
    made_for = int(base.facts.get("resolution", width))
    low, high = made_for // SMALLER, made_for * LARGER
    if not (low <= width <= high and low <= height <= high):
        near = nearest_size(min(max(width, low), high), min(max(height, low), high), multiple)
        raise Refused(
            f"{base.slug} was made for pictures of {made_for} pixels and cannot draw {width}x{height}.",
            f"The nearest size that works is {near[0]}x{near[1]}.",
        )
