"""The training loop: one for every family and method. It reads from top to bottom."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from zen_tui.families.base import Family
from zen_tui.families.objective import Objective
from zen_tui.generation.memory import ran_out
from zen_tui.library.errors import ZenError
from zen_tui.library.events import Feed, Holdout, Interrupted, Judged, Note, Resumed, Step
from zen_tui.library.scores import Scores
from zen_tui.library.specs import TrainSettings
from zen_tui.ranks.group import joined
from zen_tui.ranks.links import OutOfMemory
from zen_tui.ranks.team import ALONE, Team
from zen_tui.training import chance, optimizers
from zen_tui.training.averages import Average
from zen_tui.training.buckets import Size
from zen_tui.training.checkpoints import Checkpoints, Course, State
from zen_tui.training.class_pictures import class_loss
from zen_tui.training.copies import CopyWatch
from zen_tui.training.holdout import score
from zen_tui.training.losses import losses
from zen_tui.training.material import Material
from zen_tui.training.meters import Clock, memory_in_use
from zen_tui.training.methods.method import Method
from zen_tui.training.noise import objective_for
from zen_tui.training.plateau import plateau
from zen_tui.training.schedule import is_due, learning_rate
from zen_tui.training.together import Elsewhere, agree, same_start, share_of, share_state
from zen_tui.training.together import average as averaged

CHECKED = 2  # steps after which the plan is compared with what is measured
CLIP = 1.0  # norm of the gradients above which they are scaled down


@dataclass(frozen=True)
class Work:
    """All that a run works with; `draw_samples(step, again)` makes sample pictures, `again` even if it has.
    Until step `until` it is not stopped early. `checked(seconds)` hears how long a step takes, after two of them.
    """

    settings: TrainSettings
    family: Family
    method: Method
    material: Material
    checkpoints: Checkpoints | Elsewhere
    feed: Feed
    draw_samples: Callable[[int, bool], None]
    judge: Callable[[int], Scores] | None = None
    copies: CopyWatch | None = None
    until: int = 0
    checked: Callable[[float], None] = lambda seconds: None
    team: Team = ALONE


def learn(work: Work) -> Course:
    """Train until `settings.steps`, or until nothing is gained any more, from the newest checkpoint on. Returns
    the course of the whole run. Every process of the team makes the same steps; the first alone scores, draws,
    judges and keeps.

    Raises:
        Interrupted: `feed.asked` said so; the state after the last step is kept.
        ZenError: the loss is not a number any more; the last good checkpoint is kept.
        RuntimeError, OutOfMemory: the memory ran out here (`memory.ran_out`) or in another process of the team;
            the state after the last step is kept.
        Lost: another process of the team is gone; the last checkpoint is kept.
    """
    with joined(work.team):
        return _learn(work)


def _learn(work: Work) -> Course:
    family, method, material = work.family, work.method, work.material
    settings, feed = work.settings, work.feed
    objectives = {size: objective_for(family, settings, size) for size in set(material.sizes)}
    learned = sum(map(len, material.train))
    share = share_of(settings, work.team)
    batches = share.batches(settings.gradient_accumulation)
    accelerator = start_accelerator(family, len(batches))
    made = optimizers.build(settings, method.groups, family.device)
    # not wrapped: what learns may lie beside the denoiser, so its gradients are averaged here and not by DDP
    denoiser = accelerator.prepare_model(family.denoiser(), evaluation_mode=True)
    optimizer = accelerator.prepare(made)
    family.replace_denoiser(denoiser)
    average = Average(method.parameters, made, settings.ema)
    course = _take_up(work, accelerator, made, average)
    if work.copies:
        work.copies.found = course.copies

    def keep(*, again: bool = False) -> None:
        course.scaler = accelerator.scaler.state_dict() if accelerator.scaler else {}
        if again or not work.checkpoints.saved(course.step):
            tensors, groups = optimizers.pack(made)
            work.checkpoints.save(
                State(course, method.state(), tensors, average.state(), groups, settings.optimizer)
            )

    clock = Clock(course.seconds)
    with method.computing():
        while True:
            step = course.step
            if (step == 0 or is_due(step, settings.checkpoint_every, settings.steps)) and not course.score_at(
                step
            ):
                with average.acting():
                    _score(work, objectives, course)
            if is_due(step, settings.checkpoint_every, settings.steps):
                keep()  # before the pictures, which take a while
                if work.judge and step and step not in course.judged:
                    with average.acting():
                        _judge(work, work.judge, course)
                    keep(again=True)
            last, how, wishes = agree(work.team, feed, _last(work, course))
            if how or "checkpoint" in wishes:
                keep()
            if how:
                raise Interrupted(how)
            sampling = is_due(step, settings.sample_every, last)
            if sampling or "sample" in wishes:
                try:
                    with average.acting():
                        work.draw_samples(step, "sample" in wishes)
                except Interrupted:
                    keep()
                    raise
            if step >= last:
                course.seconds_per_step = clock.median() or course.seconds / step
                average.settle()
                return course

            clock.start()
            step += 1
            if not denoiser.training:
                denoiser.train()
            rate = learning_rate(settings, step)
            optimizers.set_rate(made, rate, step / settings.steps)
            loss = 0.0
            try:
                for micro in batches:
                    with accelerator.accumulate(denoiser):
                        number = (step - 1) * settings.gradient_accumulation + micro
                        batch = _draw(work, objectives, share, number)
                        plain, held = losses(family, method, material, objectives, settings, batch)
                        known = class_loss(family, method, material, objectives, settings, number, share)
                        kept = settings.prior_preservation * held + settings.class_weight * known
                        accelerator.backward(plain + kept)
                        loss += float(plain.detach()) / len(batches)
                loss = averaged(accelerator, method.parameters, loss)
            except (RuntimeError, OutOfMemory) as error:
                if ran_out(error):  # nothing was learned of this step; it is made again with less
                    optimizer.zero_grad()
                    keep()
                raise
            optimizers.rest(made, step / settings.steps)
            norm = float(accelerator.clip_grad_norm_(method.parameters, CLIP))
            # fp16 is scaled so that now and then a gradient overflows; its step is left out by the scaler
            if not math.isfinite(loss) or not (math.isfinite(norm) or accelerator.scaler):
                raise _astray(step, work.checkpoints, loss)
            optimizer.step()
            optimizer.zero_grad()
            average.follow(step)

            course.step = step
            course.losses.append(loss)
            course.seconds, pace = clock.tick()
            if len(clock.took) == CHECKED:
                work.checked(clock.took[-1])
            epoch = step * settings.gradient_accumulation * settings.batch_size / learned
            used = memory_in_use(family.device)
            feed.tell(Step(step=step, loss=loss, lr=rate, epoch=round(epoch, 3), rate=round(pace, 3), memory=used))
            feed.progressed(step, settings.steps)


def start_accelerator(family: Family, accumulation: int = 1) -> Accelerator:
    """accelerate for this device and precision; the worker may have run another before."""
    AcceleratorState._reset_state(reset_partial_state=True)
    scaled = "fp16" if family.dtype == torch.float16 else "no"  # autocast is the family's own
    return Accelerator(
        cpu=family.device.type == "cpu", mixed_precision=scaled, gradient_accumulation_steps=accumulation
    )


def _take_up(work: Work, accelerator: Accelerator, optimizer: torch.optim.Optimizer, average: Average) -> Course:
    """Put everything back as the newest checkpoint has it."""
    found = share_state(work.team, work.checkpoints.restore())
    if found is None:
        same_start(work.team, work.method.parameters)
        return Course()
    work.method.restore(found.learned)
    found = optimizers.in_groups(found, work.method)
    if found.made_by in ("", work.settings.optimizer):
        optimizers.unpack(optimizer, found.optimizer, found.groups)
    else:
        words = f"The state of {found.made_by} does not fit {work.settings.optimizer}, which starts anew."
        work.feed.tell(Note(text=words))
    average.restore(found.average)
    if accelerator.scaler and found.course.scaler:
        accelerator.scaler.load_state_dict(found.course.scaler)
    work.feed.tell(Resumed(step=found.course.step))
    return found.course


def _draw(work: Work, objectives: Mapping[Size, Objective], share: chance.Share, number: int) -> chance.Draw:
    """Batch `number`, all of one size, or of it the part that is this process's."""
    settings, material = work.settings, work.material
    turn = chance.turn_of([len(rows) for rows in material.train], seed=settings.seed, batch=number)
    photos = material.train[turn[0]]
    drawn = chance.draw(
        photos,
        objectives[material.sizes[photos[0]]],
        tuple(material.latents[photos[0]].shape[1:]),
        seed=settings.seed,
        batch=number,
        size=settings.batch_size,
        caption_dropout=settings.caption_dropout,
        turn=turn,
        views=[len(views) for views in material.latents],
        noise_offset=settings.noise_offset,
    )
    torch.manual_seed(chance.number(settings.seed, "dropout", number, share.part))
    return drawn.part(share.part, share.parts)


def _score(work: Work, objectives: Mapping[Size, Objective], course: Course) -> None:
    """Score held-out photos, and as many training photos, after the current step."""
    if not work.material.held_out:
        return
    held_out = score(work.method, objectives, work.material, work.material.held_out, work.settings)
    seen = sorted({row for rows in work.material.train for row in rows})[: len(work.material.held_out)]
    trained = score(work.method, objectives, work.material, seen, work.settings)
    course.scores.append((course.step, held_out, trained))
    work.feed.tell(Holdout(step=course.step, loss=held_out, train_loss=trained))


def _judge(work: Work, judge: Callable[[int], Scores], course: Course) -> None:
    """Judge the pictures of the current step, and say which step is the best so far."""
    course.judged[course.step] = scores = judge(course.step)
    if scores.identity:
        course.identities[course.step] = scores.identity
    choice = course.choice()
    best, why = (choice.step, choice.why) if choice else (course.best_step(), "")
    work.feed.tell(Judged(step=course.step, scores=scores, best=best, why=why))


def _last(work: Work, course: Course) -> int:
    """The last step of the run as it stands: the present one if nothing is gained any more."""
    settings, step = work.settings, course.step
    if not is_due(step, settings.checkpoint_every, settings.steps) or step >= settings.steps:
        return settings.steps
    course.stopped = plateau(course.scores, course.identities, settings, work.until)
    if not course.stopped:
        return settings.steps
    work.feed.tell(Note(text=course.stopped))
    return step


def _astray(step: int, checkpoints: Checkpoints | Elsewhere, loss: float) -> ZenError:
    what = "loss" if not math.isfinite(loss) else "gradient"
    kept = checkpoints.newest()
    where = f"The state after step {kept} is kept." if kept else "No checkpoint had been made yet."
    return ZenError(
        f"The training went astray at step {step}: the {what} is not a finite number any more.",
        f"{where} Lower learning_rate, or set precision to fp32, and train again.",
    )
