"""A job's events folded into what screens show: curves, samples, speed, time left, one line of status.

Feeding is incremental, and re-attaching to a running job is the same code from the first event. Curves are
plain arrays, so that 100,000 steps take 3 MB; thinning them out for a plot is the plot's business.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from zen_tui.library.events import (
    ENDINGS,
    AnyEvent,
    Cancelled,
    Done,
    Failed,
    Holdout,
    Judged,
    Made,
    Note,
    Paused,
    Preview,
    Progress,
    Resumed,
    Sample,
    Saved,
    Starting,
    Step,
    Warned,
)
from zen_tui.library.text import duration

SMOOTHING = 0.97  # weight of the past in the smoothed loss: a memory of about 30 steps
RATE_WINDOW = 32  # steps over which the speed is measured


class Best(NamedTuple):
    """The step with the lowest held-out loss, and that loss."""

    step: int
    loss: float


class History:
    """What is known of one job. `losses[i]` and `smoothed[i]` belong to step `steps[i]`, which only grows."""

    def __init__(self) -> None:
        self.steps = array("q")
        self.losses = array("d")
        self.smoothed = array("d")
        self.holdouts: list[Holdout] = []
        self.judged: list[Judged] = []
        self.samples: list[Sample] = []
        self.checkpoints: list[Saved] = []
        self.pictures: dict[int, Made] = {}
        self.previews: dict[int, Preview] = {}
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.copies: dict[int, int] = {}
        self.last: Step | None = None
        self.progress: Progress | None = None
        self.ending: Done | Failed | Cancelled | Paused | None = None
        self.attempt = 0
        self.started: float | None = None
        self.heard: float | None = None
        self._clock: deque[tuple[float, int]] = deque(maxlen=RATE_WINDOW)

    def feed(self, events: Iterable[AnyEvent]) -> bool:
        """Take in further events; True if there was one."""
        fed = False
        for event in events:
            self._take(event)
            fed = True
        return fed

    def _take(self, event: AnyEvent) -> None:
        self.heard = event.t
        if not isinstance(event, ENDINGS):
            self.ending = None
        match event:
            case Step():
                self._step(event)
            case Holdout():
                self.holdouts = [h for h in self.holdouts if h.step < event.step] + [event]
            case Judged():
                self.judged = [j for j in self.judged if j.step < event.step] + [event]
            case Sample():
                place = (event.step, event.index)
                self.samples = [s for s in self.samples if (s.step, s.index) < place] + [event]
            case Saved():
                self.checkpoints = [c for c in self.checkpoints if c.step < event.step] + [event]
            case Resumed():
                self._forget_after(event.step)
            case Preview():
                self.previews[event.index] = event
            case Made():
                self.pictures[event.index] = event
                self.previews.pop(event.index, None)
            case Progress():
                self.progress = event
            case Note():
                if event.text not in self.notes:
                    self.notes.append(event.text)
            case Warned():
                if event.text not in self.warnings:
                    self.warnings.append(event.text)
                if event.step is not None and event.copies:
                    self.copies[event.step] = max(event.copies, self.copies.get(event.step, 0))
            case Starting():
                self.attempt = event.attempt
                self.started = self.started or event.t
                self.previews.clear()
                self._clock.clear()
            case Done() | Failed() | Cancelled() | Paused():
                self.ending = event
                self.previews.clear()

    def _step(self, event: Step) -> None:
        if self.steps and event.step <= self.steps[-1]:
            self._forget_after(event.step - 1)
        self.steps.append(event.step)
        self.losses.append(event.loss)
        self.smoothed.append(self._smooth(event.loss))
        self.progress = None
        self.last = event
        self._clock.append((event.t, event.step))

    def _smooth(self, loss: float) -> float:
        """The exponential mean, freed of its bias towards the start as in Adam (arXiv 1412.6980, section 3)."""
        count = len(self.smoothed)
        before = self.smoothed[-1] * (1 - SMOOTHING**count) if count else 0.0
        return (SMOOTHING * before + (1 - SMOOTHING) * loss) / (1 - SMOOTHING ** (count + 1))

    def _forget_after(self, step: int) -> None:
        """Drop what was heard of steps later than `step`: they are being done again."""
        kept = bisect_right(self.steps, step)
        del self.steps[kept:], self.losses[kept:], self.smoothed[kept:]
        self.holdouts = [h for h in self.holdouts if h.step <= step]
        self.judged = [j for j in self.judged if j.step <= step]
        self.copies = {at: count for at, count in self.copies.items() if at <= step}
        self.samples = [s for s in self.samples if s.step <= step]
        self.checkpoints = [c for c in self.checkpoints if c.step <= step]
        self._clock.clear()

    @property
    def step(self) -> int:
        """The last step done, 0 before the first."""
        return self.steps[-1] if self.steps else 0

    @property
    def best(self) -> Best | None:
        """The step judged best, else that of the lowest held-out loss after the first step, the earliest of
        equals; None before there is one."""
        trained = [Best(h.step, h.loss) for h in self.holdouts if h.step > 0]
        if self.judged and self.judged[-1].why:
            return next((best for best in trained if best.step == self.judged[-1].best), None)
        return min(trained, key=lambda best: best.loss, default=None)

    @property
    def rate(self) -> float | None:
        """Steps a second over the last steps of this attempt, or None before there are two."""
        if len(self._clock) < 2:
            return self.last.rate if self.last and self.last.rate > 0 and self._clock else None
        (then, first), (now, last) = self._clock[0], self._clock[-1]
        return (last - first) / (now - then) if now > then else None

    def seconds_left(self, total: int) -> float | None:
        """How long the steps up to `total` should take at the present speed; None when it is not known."""
        rate = self.rate
        if rate is None or total <= 0 or self.ending is not None:
            return None
        return max(0, total - self.step) / rate

    def samples_at(self, step: int) -> list[Sample]:
        """The samples made at `step`, by index."""
        return [sample for sample in self.samples if sample.step == step]

    @property
    def sample_steps(self) -> list[int]:
        """The steps at which there are samples, in order."""
        return sorted({sample.step for sample in self.samples})

    def status(self, total: int = 0) -> str:
        """One line on how the job stands, such as 'step 120 of 400, 3.1 a second, 1 min 30 s left'."""
        match self.ending:
            case Done():
                return "done"
            case Failed():
                return self.ending.message
            case Cancelled():
                return self.ending.reason or "cancelled"
            case Paused():
                return f"paused at step {self.ending.step:,}"
        if self.progress is not None:
            return f"{self.progress.what}, {self.progress.done:,} of {self.progress.total:,}"
        if self.steps:
            parts = [f"step {self.step:,} of {total:,}" if total else f"step {self.step:,}"]
            if rate := self.rate:
                parts.append(f"{rate:.1f} a second" if rate >= 1 else f"{duration(1 / rate)} a step")
            if (left := self.seconds_left(total)) is not None:
                parts.append(f"{duration(left)} left")
            return ", ".join(parts)
        if self.pictures or self.previews:
            made = len(self.pictures)
            return f"{made:,} of {total:,} pictures" if total else f"{made:,} pictures"
        return "starting" if self.started else "waiting"
