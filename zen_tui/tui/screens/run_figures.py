"""The figures beside the loss plot: label and value, a line each."""

from __future__ import annotations

import time

from textual.content import Content

from zen_tui.jobs.history import History
from zen_tui.library.records import Job
from zen_tui.library.text import duration, megabytes

Figure = tuple[str, Content]
BLANK: Figure = ("", Content(""))


def figures(job: Job, history: History, total: int, *, running: bool) -> list[Figure]:
    """What is known of the run; a figure that is not known is left out. `running`: and its worker lives."""
    found: list[Figure] = []
    if history.steps or total:
        found.append(("step", Content(f"{history.step:,} of {total:,}" if total else f"{history.step:,}")))
    if job.status == "done" and history.steps and history.step < total:
        found.append(("", Content.styled("ended early, see n", "$attention")))
    if history.progress is not None and running:
        what = history.progress
        found.append(("", Content.styled(f"{what.what}, {what.done:,} of {what.total:,}", "$attention")))
    if history.last is not None and history.steps:
        if history.last.epoch:
            found.append(("epoch", Content(f"{history.last.epoch:.1f}")))
        found.append(("loss", Content.styled(f"{history.smoothed[-1]:.4f}", "$primary")))
    if history.copies:
        step, count = max(history.copies.items())
        found.append(("copies", Content.styled(f"{count} at {step:,}, see n", "$attention")))
    found += [*_held_out(history), BLANK, *_pace(job, history, total, running)]
    return found


def _held_out(history: History) -> list[Figure]:
    """How the photos that were kept out of training fare."""
    if not history.holdouts:
        return []
    first, last = history.holdouts[0], history.holdouts[-1]
    value = f"{last.loss:.4f}"
    if first.loss > 0 and last is not first:
        change = 100 * (last.loss / first.loss - 1)
        value += f" {'↓' if change < 0 else '↑'}{abs(change):.0f}%"
    found = [("held out", Content.styled(value, "$attention"))]
    if best := history.best:
        found.append(("best", Content.styled(f"{best.loss:.4f} at {best.step:,}", "$best")))
    if history.judged:
        named = dict(history.judged[-1].scores.named())
        shown = ("identity", "adherence", "drift")
        found += [(name, Content(f" {named[name]}")) for name in shown if name in named]
    if last.train_loss is not None:
        found.append(("gap", Content(f"{last.loss - last.train_loss:+.4f}")))
    return found


def _pace(job: Job, history: History, total: int, running: bool) -> list[Figure]:
    """How fast it goes and what it takes; time left only while it runs."""
    found: list[Figure] = []
    left, rate = history.seconds_left(total), history.rate
    if left is not None and running:
        found.append(("left", Content.styled(duration(left), "$attention")))
    if job.started:
        until = job.finished or (time.time() if running else history.heard or job.started)
        found.append(("elapsed", Content(duration(until - job.started))))
    if rate and running:
        found.append(("speed", Content(f"{rate:.1f} a second" if rate >= 1 else f"{duration(1 / rate)} a step")))
    if history.last is not None:
        found.append(("rate", Content(f"{history.last.lr:.1e}")))
    if history.last is not None and history.last.memory:
        found.append(("memory", Content(megabytes(history.last.memory))))
    if history.checkpoints:
        found.append(("saved", Content(f"step {history.checkpoints[-1].step:,}")))
    return found
