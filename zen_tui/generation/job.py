"""The job that makes pictures: checks, draws, records, and skips what an earlier attempt recorded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

import zen_tui
from zen_tui.exchange.profiles import variant_of
from zen_tui.families import Family
from zen_tui.families.devices import idle_card, precision_name
from zen_tui.generation import warm
from zen_tui.generation.record import copy_out, keep
from zen_tui.generation.together import Brief, draw_together
from zen_tui.library import models, pictures
from zen_tui.library.database import Database
from zen_tui.library.durable import hash_file
from zen_tui.library.errors import BadFile, Refused, ZenError
from zen_tui.library.events import Feed, Made, Note, Progress, Warned
from zen_tui.library.paths import Home
from zen_tui.library.records import Adapter, Base, Picture
from zen_tui.library.sizes import require_size
from zen_tui.library.specs import AdapterUse, GenerateSpec
from zen_tui.library.text import plural
from zen_tui.ranks.helpers import team_of
from zen_tui.ranks.team import Team

WARNINGS = 10  # cut prompts that are told one by one


def generate(spec: GenerateSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Make every picture of `spec` that this job has not recorded yet.

    Returns:
        `count`, `fit` (what was done so that the base fits) and `pictures`, each with `id`, `path`, `seed`
        and `prompt`.

    Raises:
        Refused: a size or an adapter that the base cannot take, or weights that cannot be kept as was asked;
            nothing is drawn.
        DiskFull: what was made is recorded, and the job can be taken up again.
        Interrupted: the feed asked for it; likewise.
        WrongUse: there are fewer GPUs than it is to be shared among.
    """
    with team_of(spec.gpus, home, "generate") as team:
        return _generate(spec, feed, db, home, team)


def _generate(spec: GenerateSpec, feed: Feed, db: Database, home: Home, team: Team) -> dict[str, Any]:
    base = models.base(db, spec.base)
    family, fit = warm.fitting(base, quantize=spec.quantize, offload=spec.offload)
    if idle := idle_card():
        feed.tell(Warned(text=idle))
    if fit.words:
        feed.tell(Note(text=f"So that {base.slug} fits: {fit.words}."))
    out = _out_folder(spec)
    uses = [(_adapter_for(db, base, use), use.weight) for use in spec.adapters]
    for adapter, _ in uses:
        # a distilled base is drawn with what was learned on the one it came from
        if adapter.base_id not in (None, base.id) and variant_of(base).trains:
            feed.tell(
                Warned(text=f"{adapter.slug} was trained on another base than {base.slug}: expect less of it.")
            )
    attachments = [_attachment(home, adapter, weight) for adapter, weight in uses]
    warm.use(family, attachments)
    check(spec, base, family, feed)  # the words of embeddings count
    _tell_unused([adapter for adapter, weight in uses if weight], spec, feed)

    total, made = len(spec.pictures), pictures.made_indices(db, feed.job_id)
    if out:
        for picture in pictures.of_job(db, feed.job_id):  # an earlier attempt may have ended before its copies
            copy_out(home, picture, out)
    left = [index for index in range(total) if index not in made]
    brief = Brief(
        base=base,
        adapters=[(a.slug, str(a.path), a.hash, a.weight) for a in attachments],
        fit=fit,
        precision=precision_name(family.dtype),
        requests=[spec.pictures[n] for n in left],
        batch_size=spec.batch_size,
        preview_every=spec.preview_every,
    )
    common = _recipe(base, family, attachments)
    feed.progressed(len(made), total)
    for place, image in draw_together(team, family, brief, feed, left):
        index = left[place]
        request = spec.pictures[index]
        picture = keep(
            db, home, image, request,
            job_id=feed.job_id,
            index=index,
            adapters=[(adapter.id, weight) for adapter, weight in uses],
            recipe={**msgspec.to_builtins(request), **common},
        )  # fmt: skip
        if out:
            copy_out(home, picture, out)
        made.add(index)
        feed.tell(Made(index=index, picture=picture.id, path=picture.path))
        feed.tell(Progress(what="pictures", done=len(made), total=total))
        feed.progressed(len(made), total)
    feed.durable()
    told = [_told(home, picture) for picture in pictures.of_job(db, feed.job_id)]
    return {"count": total, "fit": fit.words, "pictures": told}


def check(spec: GenerateSpec, base: Base, family: Family, feed: Feed) -> None:
    """Refuse sizes that cannot be made, and warn of the words that the base will not read."""
    for size in dict.fromkeys((r.width, r.height) for r in spec.pictures):
        require_size(*size, multiple=family.multiple, base=base.slug)
    texts = dict.fromkeys(text for r in spec.pictures for text in (r.prompt, r.negative))
    cut = [(text, lost) for text in texts if (lost := family.cut_text(text))]
    for text, lost in cut[:WARNINGS]:
        beginning = text if len(text) <= 40 else text[:40].rsplit(" ", 1)[0] + " …"
        feed.tell(
            Warned(text=f"“{beginning}” is longer than {base.slug} reads. These words have no effect: “{lost}”.")
        )
    if len(cut) > WARNINGS:
        feed.tell(Warned(text=f"{plural(len(cut) - WARNINGS, 'more prompt')} of this job are cut as well."))


def _tell_unused(adapters: list[Adapter], spec: GenerateSpec, feed: Feed) -> None:
    """Say which embeddings change nothing, because no prompt has their word."""
    texts = [text.casefold() for r in spec.pictures for text in (r.prompt, r.negative)]
    for adapter in adapters:
        word = str(adapter.facts.get("trigger") or adapter.trigger or adapter.slug)
        if adapter.kind == "embedding" and not any(word.casefold() in text for text in texts):
            feed.tell(Warned(text=f"No prompt has the word “{word}”, so {adapter.slug} changes nothing."))


def _adapter_for(db: Database, base: Base, use: AdapterUse) -> Adapter:
    adapter = models.adapter(db, use.name)
    if adapter.family != base.family:
        raise Refused(
            f"The adapter {adapter.slug} is for {adapter.family} bases, and {base.slug} is a {base.family} base.",
            "Choose a base of the adapter's own kind.",
        )
    return adapter


def _attachment(home: Home, adapter: Adapter, weight: float) -> warm.Attachment:
    path = home.resolve(adapter.path)
    if not path.is_file():
        raise BadFile(
            f"The file of the adapter {adapter.slug} is gone: {path}.", "Put it back, or train it again."
        )
    return warm.Attachment(slug=adapter.slug, path=path, hash=hash_file(path), weight=weight)


def _recipe(base: Base, family: Family, attachments: list[warm.Attachment]) -> dict[str, Any]:
    """What the pictures of a job share: with the request, everything needed to make one again."""
    facts = hashlib.sha256(msgspec.json.encode(base.facts, order="sorted")).hexdigest()
    return {
        "base": base.slug,
        "base_facts": facts,
        "family": base.family,
        "adapters": [{"name": a.slug, "weight": a.weight, "hash": a.hash} for a in attachments],
        "zen": zen_tui.__version__,
        "precision": precision_name(family.dtype),
        "stored": {part: how for part, how in family.stored.items() if how},
        "offload": family.offload,
        "device": family.device.type,
    }


def _out_folder(spec: GenerateSpec) -> Path | None:
    """The folder for copies, made if needed, so that a bad one is refused before anything is drawn."""
    if spec.out is None:
        return None
    folder = Path(spec.out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZenError(
            f"The folder {folder} cannot be made: {error.strerror}.", "Choose another one for the copies."
        ) from error
    return folder


def _told(home: Home, picture: Picture) -> dict[str, Any]:
    path = str(home.resolve(picture.path))
    return {"id": picture.id, "path": path, "seed": picture.seed, "prompt": picture.prompt}
