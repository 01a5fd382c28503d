"""What is tried through the queue and the worker: `python -m benchmarks.on_card.jobs OUT SECONDS [...]`.

This process is what the app is: it never loads torch. The worker locks itself, computes on the card, and leaves.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.on_card.noise import large_base, noise_dataset
from benchmarks.on_card.rows import Book, Figure, Row
from zen_tui.exchange.bases import ensure_builtin
from zen_tui.jobs import launch, queue
from zen_tui.jobs.events import Tail
from zen_tui.jobs.submit import submit_demo, submit_training
from zen_tui.library.database import Database
from zen_tui.library.events import AnyEvent, Done, Failed, Note, Resumed, Sample, Step
from zen_tui.library.paths import Home
from zen_tui.library.records import Job
from zen_tui.privacy.lock import read_state

LOOK_EVERY = 0.02  # seconds
PATIENCE = 240.0  # seconds for a job, ten times that for a dry run
IDLE = "3"  # seconds until the worker leaves
CONTEXT = 1.5e9  # bytes that the device's libraries keep while the worker lives
AT_ONCE = 8.0  # seconds: a step and a few more


class Jobs:
    """The checks by name."""

    def __init__(self, out: Path, *, tiny: bool) -> None:
        self.out, self.tiny = out, tiny
        self.patience = PATIENCE * 10 if tiny else PATIENCE
        self.home = Home.find().create()
        self.db = Database.open(self.home)
        ensure_builtin(self.db)
        self.before = used()
        self.all: dict[str, Callable[[], Iterator[Row]]] = {"demo": self.demo, "pause": self.pause}

    def demo(self) -> Iterator[Row]:
        """The whole loop with the built-in base: what comes out must be the person."""
        if self.tiny:
            yield Row("demo", "zen-mini", {"left out": "a dry run"})
            return
        started = time.monotonic()
        jobs = submit_demo(self.db, self.home, self.out)
        launch.ensure_worker(self.home)
        told = [self._wait(job) for job in (jobs.photos, jobs.train, jobs.base_pictures, jobs.adapter_pictures)]
        scored = self._wait(jobs.score)
        metrics = told[1]["metrics"]
        lock = read_state(self.home)
        found = {
            "seconds": round(time.monotonic() - started, 1),
            "lock": lock.level if lock else "none",
            "device": metrics["device"],
            "precision": metrics["precision"],
            "s/step": metrics["seconds_per_step"],
            "recognised": scored["identity"]["adapter"],
            "without": scored["identity"]["base"],
            "prompt": scored["adherence"]["adapter"],
        }
        wrong = "" if metrics["device"] == "cuda" else "the worker did not use the card"
        if not lock or lock.level != "kernel":
            wrong = "the worker was not locked by the kernel"
        if scored["identity"]["adapter"] < 0.5:
            wrong = "the person cannot be recognised"
        yield Row("demo", "zen-mini", found, wrong)

    def pause(self) -> Iterator[Row]:
        """A base of the real size from disk: text, photos, steps, a sample; paused, taken up, done."""
        started = time.monotonic()
        base = large_base(self.db, self.home, self.home.root.parent / "sdxl", tiny=self.tiny)
        added = time.monotonic() - started
        dataset = noise_dataset(self.db, self.home)
        steps = 8 if self.tiny else 60
        chosen = {
            "steps": steps, "resolution": 64 if self.tiny else 512, "batch_size": 1, "sample_every": steps,
            "checkpoint_every": steps, "holdout": 0.1, "caption_dropout": 0.1,
        }  # fmt: skip
        prompts = {"sample_prompts": ["a photo of {token}"]}
        made = submit_training(self.db, self.home, dataset, base, chosen=chosen, kept=prompts, name="large")
        tail = Tail(self.home.events(made.job.id))
        started = time.monotonic()
        launch.ensure_worker(self.home)
        at = 3 if self.tiny else 20
        events = self._until(made.job, tail, lambda event: isinstance(event, Step) and event.step >= at)
        first = time.monotonic() - started
        busy = used()
        paused, freed = self._pause(made.job)
        step = queue.job(self.db, made.job.id).step
        figures: dict[str, Figure] = {
            "added in s": round(added, 1), f"step {at} after s": round(first, 1),
            "paused in s": round(paused, 2), "memory free in s": round(freed, 2),
            "GB busy": round((busy - self.before) / 1e9, 2), "GB left": round((used() - self.before) / 1e9, 2),
        }  # fmt: skip
        wrong = f"it takes longer than {AT_ONCE:g} seconds" if max(paused, freed) > AT_ONCE else ""
        if busy - self.before < CONTEXT:
            wrong = "the worker did not use the card"
        yield Row("pause", "sdxl", figures, "" if self.tiny else wrong)

        started = time.monotonic()
        queue.resume(self.db, made.job.id)
        launch.ensure_worker(self.home)
        events += self._until(made.job, tail, lambda event: isinstance(event, Step) and event.step > step)
        again = time.monotonic() - started
        result = self._wait(made.job, tail, events)
        started = time.monotonic()
        while launch.worker_alive(self.home) and time.monotonic() - started < self.patience:
            time.sleep(LOOK_EVERY)
        gone = time.monotonic() - started
        resumed = [event.step for event in events if isinstance(event, Resumed)]
        metrics = result["metrics"]
        fit = msgspec.json.decode((self.home.run(made.run.id) / "fit.json").read_bytes())
        left = used() - self.before
        figures = {
            "taken up at": resumed[0] if resumed else None, "first step after s": round(again, 1),
            "s/step": metrics["seconds_per_step"], "memory MB": metrics["memory_mb"],
            "predicted GB": round(fit["needs"] / 1e9, 2), "worker gone in s": round(gone, 1),
            "GB left": round(left / 1e9, 2), "loss": round(metrics["loss_last"], 4),
        }  # fmt: skip
        wrong = "" if resumed == [step] else f"it was paused at step {step} and taken up at {resumed}"
        if left > 0.2e9:
            wrong = "memory is taken though the worker has gone"
        yield Row("pause", "sdxl, taken up", figures, wrong)
        for event in events:
            if isinstance(event, Sample):
                shutil.copyfile(self.home.resolve(event.path), self.out / "sample.png")
            elif isinstance(event, Note):
                yield Row("pause", "sdxl, told", {"": event.text})

    def _pause(self, job: Job) -> tuple[float, float]:
        """Pause `job`; seconds until it says so, and until the memory of the card is free."""
        asked = time.monotonic()
        queue.pause(self.db, job.id)
        paused = freed = now = 0.0
        while not (paused and freed) and now < self.patience / 4:
            now = time.monotonic() - asked
            if not paused and queue.job(self.db, job.id).status == "paused":
                paused = now
            if not freed and used() - self.before < CONTEXT:
                freed = now
            time.sleep(LOOK_EVERY)
        paused, freed = paused or now, freed or now
        return paused, freed

    def _until(self, job: Job, tail: Tail, wanted: Callable[[AnyEvent], bool]) -> list[AnyEvent]:
        """The events of `job` up to the one that is wanted."""
        found: list[AnyEvent] = []
        until = time.monotonic() + self.patience
        while time.monotonic() < until:
            for event in tail.read():
                found.append(event)
                if isinstance(event, Failed):
                    self._keep_log(job)
                    raise RuntimeError(f"job {job.id} failed: {event.message} {event.hint}")
            if any(wanted(event) for event in found):
                return found
            time.sleep(LOOK_EVERY)
        self._keep_log(job)
        raise TimeoutError(f"job {job.id} took longer than {self.patience:g} seconds")

    def _wait(self, job: Job, tail: Tail | None = None, events: list[AnyEvent] | None = None) -> dict[str, Any]:
        """The result of `job` when it is done."""
        found = self._until(job, tail or Tail(self.home.events(job.id)), lambda event: isinstance(event, Done))
        if events is not None:
            events += found
        return next(event.result for event in found if isinstance(event, Done))

    def _keep_log(self, job: Job) -> None:
        """Put what the job and the worker said last into log.txt."""
        with open(self.out / "log.txt", "a") as file:
            for path in (self.home.job(job.id) / "log.txt", self.home.root / "worker.log"):
                if path.exists():
                    file.write(f"{path.name} of job {job.id}\n{path.read_text(errors='replace')[-8000:]}\n")


def used() -> int:
    """Bytes of the first card that any process has; 0 without one."""
    try:
        import pynvml

        pynvml.nvmlInit()
        return int(pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(0)).used)
    except Exception:  # no driver or no card
        return 0


def main() -> None:
    out, seconds, wanted = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3].split(",")
    os.environ["ZEN_WORKER_IDLE"] = IDLE
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    jobs = Jobs(out, tiny="tiny" in sys.argv[4:])
    book = Book(out, seconds)
    try:
        for name in wanted:
            book.attempt(name, "", jobs.all[name])
    finally:
        if worker := launch.worker_pid(jobs.home):
            os.kill(worker, signal.SIGKILL)


if __name__ == "__main__":
    main()
