"""What a job tells the world, one JSON object a line in `jobs/<id>/events.jsonl`.

Every event carries `v` (format), `t` (Unix seconds) and `kind`. A reader skips kinds it does not know.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from zen_tui.library.scores import Scores

FORMAT = 1


class Event(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="kind", frozen=True):
    """Base of all events; `t` is set by the writer."""

    v: int = FORMAT
    t: float = 0.0


class Starting(Event, tag="starting", frozen=True):
    """The worker took the job up; `attempt` counts from 1."""

    attempt: int = 1


class Note(Event, tag="note", frozen=True):
    """A sentence a person should be able to read later, such as what will be learned."""

    text: str


class Warned(Event, tag="warning", frozen=True):
    """Something a person should know, though the work goes on; of a run also how many copies a step drew."""

    text: str
    step: int | None = None
    copies: int = 0


class Progress(Event, tag="progress", frozen=True):
    """`done` of `total` pieces of `what` ('reading photos', 'encoding captions')."""

    what: str
    done: int
    total: int


class Step(Event, tag="step", frozen=True):
    """One optimizer step. `rate` is steps per second, `memory` bytes in use, `epoch` passes over the photos."""

    step: int
    loss: float
    lr: float
    epoch: float = 0.0
    rate: float = 0.0
    memory: int = 0


class Holdout(Event, tag="holdout", frozen=True):
    """Mean loss on held-out photos (and on training photos) with fixed noise and timesteps."""

    step: int
    loss: float
    train_loss: float | None = None


class Judged(Event, tag="judged", frozen=True):
    """What the pictures drawn at a checkpoint were found to be; `best` is the best step so far, `why` says why."""

    step: int
    scores: Scores
    best: int | None = None
    why: str = ""


class Sample(Event, tag="sample", frozen=True):
    """A sample picture of a run; `path` is relative to the home."""

    step: int
    index: int
    prompt: str
    seed: int
    path: str


class Saved(Event, tag="checkpoint", frozen=True):
    """A checkpoint is durable; `path` is relative to the home."""

    step: int
    path: str


class Resumed(Event, tag="resumed", frozen=True):
    """The run continues after `step`; a reader drops what it heard of later steps."""

    step: int


class Preview(Event, tag="preview", frozen=True):
    """A picture in the making: `image` is a JPEG in base64, at most 64 px."""

    index: int
    step: int
    steps: int
    image: str


class Made(Event, tag="picture", frozen=True):
    """Picture `index` is recorded; `path` is relative to the home."""

    index: int
    picture: int
    path: str


class Paused(Event, tag="paused", frozen=True):
    """The job stopped at `step` on request and can be taken up again."""

    step: int


class Done(Event, tag="done", frozen=True):
    """The job is finished. `result` is what `--wait` prints."""

    result: dict[str, Any] = {}


class Failed(Event, tag="failed", frozen=True):
    """The job ended with an error that is `message`, and `hint` says what to do."""

    message: str
    hint: str = ""


class Cancelled(Event, tag="cancelled", frozen=True):
    """The job was ended on request."""

    reason: str = ""


AnyEvent = (
    Starting
    | Note
    | Warned
    | Progress
    | Step
    | Holdout
    | Judged
    | Sample
    | Saved
    | Resumed
    | Preview
    | Made
    | Paused
    | Done
    | Failed
    | Cancelled
)
ENDINGS = (Done, Failed, Cancelled, Paused)


class Interrupted(Exception):
    """Raised inside a job's work when it must stop: `how` is 'pause', 'cancel' or 'stop' (leave and requeue)."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class Feed(Protocol):
    """What running work is given: a way to tell, and a way to hear what is asked of it."""

    job_id: int

    def tell(self, event: AnyEvent) -> None:
        """Append `event` to the job's file."""

    def asked(self) -> str:
        """'' or 'pause', 'cancel', 'stop': polled between steps. Finish the step, save, raise `Interrupted`."""

    def requests(self) -> set[str]:
        """One-off wishes since the last call: 'sample', 'checkpoint'."""

    def durable(self) -> None:
        """Force the events so far to disk; called with each checkpoint."""

    def progressed(self, step: int, steps: int) -> None:
        """Record how far the job is, for lists of jobs; also proves progress to the crash counter."""


class Unattended:
    """A `Feed` for work outside the queue: nobody listens, interrupts it or wishes for anything."""

    job_id = 0

    def tell(self, event: AnyEvent) -> None:
        pass

    def asked(self) -> str:
        return ""

    def requests(self) -> set[str]:
        return set()

    def durable(self) -> None:
        pass

    def progressed(self, step: int, steps: int) -> None:
        pass
