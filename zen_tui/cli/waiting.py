"""Waiting for a job on the command line: its events as a progress bar, its end as a result or an error."""

from __future__ import annotations

from typing import Any

from zen_tui.cli.output import narrate
from zen_tui.cli.progress import Bar
from zen_tui.jobs.events import follow
from zen_tui.library import events as ev
from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.paths import Home


def wait_for(home: Home, db: Database, job_id: int, label: str) -> dict[str, Any]:
    """Follow a job to its end and return its result.

    Raises:
        ZenError: the job failed, was cancelled or paused.
        KeyboardInterrupt: the person stopped waiting; the job goes on.
    """
    try:
        with Bar(label) as bar:
            total = 0
            for event in follow(home, db, job_id):
                total = total or _steps(db, job_id)
                if isinstance(event, ev.Step):
                    bar.at(event.step, total, f"loss {event.loss:.3f}", label)
                elif isinstance(event, ev.Progress):
                    bar.at(event.done, event.total, "", event.what)
                elif isinstance(event, ev.Made):
                    bar.at(bar.done + 1, total, "", label)
                elif isinstance(event, (ev.Note, ev.Warned)):
                    bar.clear()
                    narrate(event.text)
                elif isinstance(event, ev.Done):
                    return event.result
                else:
                    _raise_ending(event, job_id)
    except KeyboardInterrupt:
        narrate(f"The job goes on in the background: `zen jobs watch {job_id}`, `zen jobs cancel {job_id}`.")
        raise
    raise ZenError(f"Job {job_id} ended without a result.", f"`zen jobs log {job_id}` shows its last words.")


def _steps(db: Database, job_id: int) -> int:
    row = db.row("SELECT steps FROM jobs WHERE id = ?", job_id)
    return int(row["steps"]) if row else 0


def _raise_ending(event: ev.AnyEvent, job_id: int) -> None:
    if isinstance(event, ev.Failed):
        raise ZenError(event.message, event.hint)
    if isinstance(event, ev.Cancelled):
        raise ZenError(f"Job {job_id} was cancelled. {event.reason}".strip())
    if isinstance(event, ev.Paused):
        raise ZenError(f"Job {job_id} is paused at step {event.step}.", f"`zen jobs resume {job_id}` carries on.")
