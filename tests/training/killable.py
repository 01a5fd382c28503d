"""A training in a process of its own, for tests that kill it: `python -m tests.training.killable SPEC LOG`."""

from __future__ import annotations

import sys
from pathlib import Path

from zen_tui.jobs.events import Writer
from zen_tui.library.database import Database
from zen_tui.library.events import AnyEvent
from zen_tui.library.paths import Home
from zen_tui.library.specs import TrainSpec, decode_spec
from zen_tui.training.run import train


class FileFeed:
    """A feed that writes events as the worker does and is never asked anything."""

    job_id = 0

    def __init__(self, log: Path) -> None:
        self.writer = Writer(log)

    def tell(self, event: AnyEvent) -> None:
        self.writer.tell(event)

    def asked(self) -> str:
        return ""

    def requests(self) -> set[str]:
        return set()

    def durable(self) -> None:
        self.writer.durable()

    def progressed(self, step: int, steps: int) -> None:
        pass


if __name__ == "__main__":
    home = Home.find()
    spec = decode_spec(Path(sys.argv[1]).read_bytes())
    assert isinstance(spec, TrainSpec)
    with Database.open(home) as db:
        train(spec, FileFeed(Path(sys.argv[2])), db, home)
