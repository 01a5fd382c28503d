"""What screens tell the app and what the app tells screens, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from zen_tui.library.records import Job, Picture


@dataclass
class GoTo(Message):
    """Open one of the seven screens."""

    place: str


@dataclass
class TrainOn(Message):
    """Open Train with this dataset (a slug) chosen."""

    dataset: str


@dataclass
class Recall(Message):
    """Open Generate with the recipe of this picture filled in."""

    picture: Picture


@dataclass
class MakeWith(Message):
    """Open Generate with this adapter (a slug) chosen."""

    adapter: str


@dataclass
class OpenRun(Message):
    """Open the Run page of this training job."""

    job_id: int


@dataclass
class OpenPictures(Message):
    """Open the Gallery with this query, such as `job:12`."""

    query: str


@dataclass
class JobsChanged(Message):
    """The queue is not as it was: `jobs` are those now waiting or running, `ended` those that just ended."""

    jobs: list[Job]
    ended: list[Job]

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, JobsChanged) and not message.ended
