"""Trainings in processes of their own, for tests that kill them.

`python -m tests.training.killable SPEC LOG` is one; `python -m tests.training.killable` imports everything once,
and then forks one for each line of standard input that names a spec and a log, and prints its process number.
"""

from __future__ import annotations

import os
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


def run(spec_file: str, log: str) -> None:
    home = Home.find()
    spec = decode_spec(Path(spec_file).read_bytes())
    assert isinstance(spec, TrainSpec)
    with Database.open(home) as db:
        train(spec, FileFeed(Path(log)), db, home)


def fork_for_each_line() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(*line.rstrip("\n").split("\t"))
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    run(*sys.argv[1:]) if sys.argv[1:] else fork_for_each_line()
