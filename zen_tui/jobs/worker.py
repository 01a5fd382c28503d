"""The worker process: `python -m zen_tui.jobs.worker`. It takes jobs one after another and then leaves.

Order matters: private environment, worker lock, offline lock, and only then, when the first job needs it,
torch. A SIGTERM lets the present step finish and puts the job back; a SIGKILL is always safe. With nothing
to do for `ZEN_WORKER_IDLE` seconds (120 unless set) the process ends, and with it all memory it held.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import platform
import signal
import sys
import time
from typing import Any

import msgspec

from zen_tui.jobs import handlers, launch, log, queue
from zen_tui.jobs.events import Writer
from zen_tui.jobs.feed import JobFeed
from zen_tui.library.database import Database
from zen_tui.library.durable import sweep, write_file
from zen_tui.library.errors import ZenError
from zen_tui.library.events import AnyEvent, Cancelled, Done, Failed, Interrupted, Note, Paused, Starting
from zen_tui.library.paths import Home
from zen_tui.library.records import Job, JobState
from zen_tui.mannequins.memory import give_back_memory, keep_freed_memory
from zen_tui.privacy import crash, environment, lock

LOOK_EVERY = 0.1  # seconds between looks at an empty queue: a look costs 10 µs
IDLE = 120.0  # seconds

Outcome = tuple[JobState, AnyEvent | None, str]


class Worker:
    """Takes jobs of `home` until it is asked to leave or has been idle for `idle` seconds."""

    def __init__(self, home: Home, db: Database, state: lock.LockState, idle: float = IDLE) -> None:
        self.home = home
        self.db = db
        self.leaving = False
        self._idle = idle
        self._facts: dict[str, Any] = {
            "pid": os.getpid(),
            "lock": msgspec.to_builtins(state),
            "device": {},
            "started": time.time(),
        }
        self._write_facts()

    def leave(self, *_: object) -> None:
        """Finish the present step, put the job back, and end."""
        self.leaving = True

    def do(self, job_id: int) -> Job:
        """Do this one job, and no other; how it ended. Raises `Refused` when it runs or is done."""
        self._take_over()
        self._work(queue.take(self.db, job_id))
        return queue.job(self.db, job_id)

    def run(self) -> None:
        """Work until there is nothing to do for a while."""
        self._take_over()
        idle_since = time.monotonic()
        while not self.leaving:
            if queue.claimable(self.db) and (job := queue.claim(self.db)):
                self._work(job)
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since < self._idle:
                time.sleep(LOOK_EVERY)
            elif self._nobody_came():
                return
            else:
                idle_since = time.monotonic()

    def _take_over(self) -> None:
        """Put back what a dead worker left: rows, temporary files."""
        queue.recover(self.db, self.home)
        for folder in (self.home.runs, self.home.adapters, self.home.pictures, self.home.datasets):
            sweep(folder)
        self.db.checkpoint()

    def _nobody_came(self) -> bool:
        """Give up the lock, then look once more: whoever queued a job before that saw a living worker."""
        launch.release_lock()
        if not queue.claimable(self.db) or not launch.take_lock(self.home):
            return True
        self._take_over()
        return False

    def _work(self, job: Job) -> None:
        writer = Writer(self.home.events(job.id))
        feed = JobFeed(self.db, job, writer, lambda: self.leaving)
        try:
            with log.captured(self.home, job.id):
                status, ending, error = self._attempt(job, feed)
                with contextlib.suppress(ZenError):  # a full disk must not hide why the job ended
                    feed.record()
                    if ending is not None:
                        writer.tell(ending)
                        writer.durable()
                queue.finish(self.db, job, status, error)
        finally:
            writer.close()
        self._free_memory(everything=False)
        self.db.checkpoint()

    def _attempt(self, job: Job, feed: JobFeed) -> Outcome:
        """Do the job once: the state to record, the event that ends it, and its error."""
        try:
            feed.tell(Starting(attempt=job.attempt))
            if job.kind in ("train", "caption"):
                self._free_memory(everything=True)
            work = handlers.load(job.kind)
            self._note_device()
            result = work(queue.spec_of(self.home, job.id), feed, self.db, self.home)
        except Interrupted as interrupted:
            if interrupted.how == "pause":
                return "paused", Paused(step=feed.step), ""
            if interrupted.how == "cancel":
                return "cancelled", Cancelled(), ""
            return "queued", Note(text="The worker was asked to leave; the next one goes on from here."), ""
        except ZenError as error:
            return "failed", Failed(message=error.message, hint=error.hint), str(error)
        except Exception as error:
            print(crash.redacted(error), file=sys.stderr, flush=True)
            message = f"Something went wrong inside Zen ({type(error).__name__})."
            hint = f"`zen jobs log {job.id}` shows where; `zen jobs resume {job.id}` tries again."
            return "failed", Failed(message=message, hint=hint), f"{message} {hint}"
        return "done", Done(result=result), ""

    def _note_device(self) -> None:
        """Once torch is there, record what it computes on."""
        torch: Any = sys.modules.get("torch")
        if torch is None or self._facts["device"]:
            return
        if torch.cuda.is_available():
            memory = torch.cuda.get_device_properties(0).total_memory
            device = {"kind": "cuda", "name": torch.cuda.get_device_name(0), "memory": memory}
        else:
            kind = "mps" if torch.backends.mps.is_available() else "cpu"
            device = {"kind": kind, "name": platform.processor() or platform.machine(), "memory": 0}
        self._facts["device"] = device
        self._write_facts()

    def _write_facts(self) -> None:
        write_file(self.home.root / "worker.json", msgspec.json.encode(self._facts))

    def _free_memory(self, *, everything: bool) -> None:
        """Hand memory back; with `everything` also the models kept warm for the next pictures."""
        warm: Any = sys.modules.get("zen_tui.generation.warm")
        if everything and warm is not None:
            warm.drop()
        gc.collect()
        torch: Any = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        give_back_memory()


def main() -> None:
    """Be the worker, unless there is one."""
    home = Home.find()
    environment.prepare_worker(home)
    crash.install(home)
    faulthandler.enable()
    if not launch.take_lock(home):
        return
    environment.clear_temporary(home)
    keep_freed_memory()
    state = lock.engage()
    with Database.open(home) as db:
        worker = Worker(home, db, state, float(os.environ.get("ZEN_WORKER_IDLE", IDLE)))
        signal.signal(signal.SIGTERM, worker.leave)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        worker.run()
        db.checkpoint()


if __name__ == "__main__":
    main()
