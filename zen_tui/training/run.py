"""A training job from its spec to a recorded adapter."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from zen_tui.exchange.adapters import inspect_adapter
from zen_tui.exchange.bases import facts_of
from zen_tui.exchange.profiles import require_trainable
from zen_tui.families import Family, load_family
from zen_tui.families.base import Part
from zen_tui.families.devices import idle_card, pick_device, precision_name
from zen_tui.generation import memory, warm
from zen_tui.generation.fit import Fit
from zen_tui.library import datasets, models
from zen_tui.library.database import Database, free_slug
from zen_tui.library.durable import move
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.library.events import Feed, Interrupted, Note, Progress, Warned
from zen_tui.library.paths import Home
from zen_tui.library.records import Adapter, Base, Dataset, Run
from zen_tui.library.sizes import require_size
from zen_tui.library.specs import TrainSpec
from zen_tui.library.text import plural, slugify
from zen_tui.photos.captions import trigger
from zen_tui.ranks.helpers import team_of
from zen_tui.ranks.links import OutOfMemory
from zen_tui.ranks.team import Team
from zen_tui.training import beginning, methods
from zen_tui.training.assist import Brief
from zen_tui.training.beginning import Example
from zen_tui.training.checkpoints import Checkpoints
from zen_tui.training.class_pictures import class_examples
from zen_tui.training.copies import CopyWatch
from zen_tui.training.fitting import fit_of, fitted, keep, next_rung, require_shares
from zen_tui.training.forecast import forecast
from zen_tui.training.judging import judge_for
from zen_tui.training.loop import Work, learn
from zen_tui.training.material import gather
from zen_tui.training.meters import Peak
from zen_tui.training.methods.method import Method, Subject
from zen_tui.training.methods.outline import targets_of
from zen_tui.training.samples import Samples, sample_requests
from zen_tui.training.telling import describe, metrics
from zen_tui.training.tuned import keep_base

OWN = "SELECT slug FROM adapters WHERE run_id = ? AND json_extract(facts, '$.checkpoint') IS NULL"


def train(spec: TrainSpec, feed: Feed, db: Database, home: Home) -> dict[str, Any]:
    """Do a training job, or go on with it. Returns {"run", "adapter", "metrics"}.

    Raises:
        Interrupted: asked to stop; what was learned is kept.
        ZenError: it cannot be done; what was learned is kept.
    """
    if spec.method not in methods.METHODS:
        raise WrongUse(f"There is no method {spec.method}.", f"The methods are: {', '.join(methods.METHODS)}.")
    run = models.run_by_id(db, spec.run)
    dataset, base, settings = datasets.dataset(db, spec.dataset), models.base(db, spec.base), spec.settings
    require_trainable(base)
    facts = facts_of(base)
    require_size(settings.resolution, settings.resolution, multiple=facts.multiple, base=base.slug)
    photos = beginning.examples(db, home, run, dataset, settings, spec.origin)

    require_shares(settings, spec.processes)
    warm.drop()  # a training wants all the memory there is
    if idle := idle_card():
        feed.tell(Warned(text=idle))
    peak = Peak(pick_device())
    here = memory.machine(pick_device())
    fit = fit_of(home, run, base, settings, here, spec.method, spec.processes)
    while True:
        made = msgspec.structs.replace(spec, settings=fitted(settings, fit))
        try:
            with (
                team_of(spec.gpus, home, "train", spec.machines) as team,
                _opened(base, settings.precision, fit) as family,
            ):
                return _train(made, feed, db, home, run, dataset, base, photos, family, fit, team, peak)
        except (RuntimeError, OutOfMemory) as error:
            if not memory.ran_out(error):
                raise
            lower = next_rung(base, settings, here, spec.method, fit, spec.processes)
            if lower is None:
                raise ZenError(
                    f"The memory of the {pick_device().type.upper()} is too small for this training.",
                    "Choose a smaller base or a lower resolution. What was learned is kept.",
                ) from None
            fit = keep(home, run, lower)
            feed.tell(Warned(text=f"The memory ran out. From here on: {lower.words}."))
        memory.collect()  # the attempt's own frames held its tensors until here


@contextlib.contextmanager
def _opened(base: Base, precision: str, fit: Fit) -> Iterator[Family]:
    """The base as `fit` has it, which is gone afterwards."""
    stored: dict[Part, str] = {"denoiser": fit.denoiser, "text": fit.texts}
    family = load_family(base, precision=precision, stored=stored)
    try:
        yield family
    finally:
        family.held.clear()
        family.release("text", "vae", "denoiser")


def _train(
    spec: TrainSpec,
    feed: Feed,
    db: Database,
    home: Home,
    run: Run,
    dataset: Dataset,
    base: Base,
    photos: list[Example],
    family: Family,
    fit: Fit,
    team: Team,
    peak: Peak,
) -> dict[str, Any]:
    settings = spec.settings

    def report(what: str, done: int, total: int) -> None:
        if how := feed.asked():
            raise Interrupted(how)
        feed.tell(Progress(what=what, done=done, total=total))

    class_of = class_examples(family, home, base, dataset, settings, feed)
    material = gather(family, [*photos, *class_of], settings, home.cache(dataset.slug), report)
    names = {photo.hash: photo.name for photo in datasets.photos(db, dataset.id)}
    copies = CopyWatch([p for p in photos if not p.held_out], names, settings, family.multiple, feed)
    samples = Samples(family, sample_requests(base, dataset, settings), home, run.id, feed, copies)
    if settings.sample_every:
        samples.prepare()

    subject = Subject(dataset.token, dataset.class_word)
    brief = Brief(
        base=base,
        dataset=dataset.slug,
        method=spec.method,
        settings=settings,
        subject=(subject.token, subject.class_word),
        photos=[*photos, *class_of],
        cache=str(home.cache(dataset.slug)),
        fit=fit,
        precision=precision_name(family.dtype),
    )
    team.hear(msgspec.json.encode(brief))
    with peak.loading():
        method = methods.build(spec.method, family, settings, subject, targets_of(base))
    _warn_of_cuts(family, photos, feed)  # a word that is learned may be several tokens
    judge = judge_for(method, samples.engine, home, base, dataset, settings, photos, copies, feed)
    if judge:
        judge.prepare()
    if fit.checkpointing:
        family.compute_twice(fit.twice)
    learns = describe(method, settings, material, fit, team.size)
    feed.tell(Note(text=learns))
    beginning.write_record(home, run, spec, base, learns, len(photos))

    checkpoints = Checkpoints(db, home, run.id, feed, settings.keep_checkpoints, spec.origin)
    expected = forecast(db, base, settings, spec.method, fit, family.device.type, spec.processes)

    def checked(seconds: float) -> None:
        words, warning = expected.compared(seconds, peak.bytes, family.device.type)
        feed.tell(Note(text=words))
        if warning:
            feed.tell(Warned(text=warning))

    course = learn(
        Work(
            settings=settings,
            family=family,
            method=method,
            material=material,
            checkpoints=checkpoints,
            feed=feed,
            draw_samples=samples.draw,
            judge=judge.judge if judge else None,
            copies=copies,
            until=spec.until,
            checked=checked,
            team=team,
        )
    )

    figures = metrics(course, family, fit, peak.bytes)
    adapter = _record(db, home, run, base, dataset, spec, method, figures, course.step)
    result: dict[str, Any] = {"run": run.slug, "adapter": adapter.slug, "metrics": figures}
    if methods.METHODS[spec.method].whole and settings.save == "folder":
        result["base"] = keep_base(db, home, run, base, family, adapter.slug).slug
        feed.tell(Note(text=f"What learned is a base of its own, too: {result['base']}."))
    return result


def _record(
    db: Database,
    home: Home,
    run: Run,
    base: Base,
    dataset: Dataset,
    spec: TrainSpec,
    method: Method,
    metrics: dict[str, Any],
    steps: int,
) -> Adapter:
    """Write the adapter's file as of step `steps`, then its row; after a crash in between, it is recorded once."""
    words = trigger(dataset)
    row = db.row(OWN, run.id)
    slug = row["slug"] if row else free_slug(db, "adapters", slugify(spec.name) or run.slug)
    made = method.save(home.work / f"{slug}.safetensors")
    path = home.adapters / made.name
    move(made, path)  # an earlier one of this run stays until the new one is whole
    facts = {
        **msgspec.to_builtins(inspect_adapter(path)),
        "steps": steps,
        "dataset": dataset.slug,
        "licence": method.family.licence,
    }
    with db.transaction():
        db.update("runs", run.id, metrics=metrics, finished=time.time(), step=steps)
        if row:
            db.update("adapters", models.adapter(db, slug).id, facts=facts)
            return models.adapter(db, slug)
        where = home.relative(path)
        return models.add_adapter(
            db,
            slug,
            base.family,
            where,
            base_id=base.id,
            run_id=run.id,
            kind=method.kind,
            trigger=words,
            facts=facts,
        )


def _warn_of_cuts(family: Family, photos: list[Example], feed: Feed) -> None:
    cut = [text for photo in photos if (text := family.cut_text(photo.caption))]
    if cut:
        feed.tell(
            Warned(
                text=f"{plural(len(cut), 'caption')} longer than the {family.token_limit} tokens that this base "
                f"reads; for example, it does not see “{cut[0][:80]}”."
            )
        )
