"""`zen jobs`: the queue of the background worker."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from zen_tui.cli.output import JsonFlag, print_json, print_json_line, say, table
from zen_tui.cli.waiting import wait_for
from zen_tui.jobs import queue
from zen_tui.jobs.launch import ensure_worker, wake
from zen_tui.library.database import Database
from zen_tui.library.paths import Home
from zen_tui.library.records import Job
from zen_tui.library.text import clean

app = typer.Typer(
    help="The queue of the background worker. Example: zen jobs list",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

Id = Annotated[int, typer.Argument(metavar="ID", help="The job's number.")]


@app.command("list")
def list_jobs(json: JsonFlag = False) -> None:
    """List the jobs, newest last. Example: zen jobs list"""
    with Database.open() as db:
        found = queue.jobs(db)
    if json:
        print_json([job_document(job) for job in found])
    elif not found:
        say("The queue is empty.")
    else:
        table(("ID", "STATE", "STEP", "WHAT", "WHY"), [_row(job) for job in found])


@app.command("watch")
def watch(
    job: Id,
    follow_events: Annotated[bool, typer.Option("--follow", help="Print every event as a JSON line.")] = False,
    json: JsonFlag = False,
) -> None:
    """Follow a job to its end. Example: zen jobs watch 3"""
    from zen_tui.jobs.events import follow

    home = Home.find().create()
    with Database.open(home) as db:
        queue.job(db, job)
        if follow_events:
            for event in follow(home, db, job):
                print_json_line(event)
            return
        result = wait_for(home, db, job, queue.job(db, job).title)
    if json:
        print_json(result)
    else:
        say(f"Job {job} is done.")


@app.command("pause")
def pause(job: Id, json: JsonFlag = False) -> None:
    """Stop a job within a step, keeping everything. Example: zen jobs pause 3"""
    home = Home.find().create()
    with Database.open(home) as db:
        queue.pause(db, job)
        wake(db, home)
        _report(queue.job(db, job), "pauses after this step", json)


@app.command("resume")
def resume(job: Id, json: JsonFlag = False) -> None:
    """Carry on with a paused, failed or cancelled job. Example: zen jobs resume 3"""
    home = Home.find().create()
    with Database.open(home) as db:
        queue.resume(db, job)
        ensure_worker(home)
        _report(queue.job(db, job), "is in the queue again", json)


@app.command("cancel")
def cancel(job: Id, json: JsonFlag = False) -> None:
    """End a job. What it has recorded stays. Example: zen jobs cancel 3"""
    home = Home.find().create()
    with Database.open(home) as db:
        queue.cancel(db, job)
        wake(db, home)
        _report(queue.job(db, job), "ends after this step", json)


@app.command("log")
def log(job: Id, json: JsonFlag = False) -> None:
    """Print what the worker wrote while it did the job. Example: zen jobs log 3"""
    home = Home.find().create()
    with Database.open(home) as db:
        queue.job(db, job)
    path = home.job(job) / "log.txt"
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    if json:
        print_json({"job": job, "lines": lines})
    else:
        for line in lines:
            say(clean(line, 2000))


def job_document(job: Job) -> dict[str, Any]:
    """A job in the shape that `list` prints."""
    return {
        "id": job.id,
        "name": str(job.id),
        **{k: v for k, v in msgspec.structs.asdict(job).items() if k != "id"},
    }


def _report(job: Job, what: str, json: bool) -> None:
    if json:
        print_json(job_document(job))
    elif job.status in ("cancelled", "paused"):
        say(f"Job {job.id} is {job.status}.")
    else:
        say(f"Job {job.id} {what}.")


def _row(job: Job) -> tuple[object, ...]:
    step = f"{job.step}/{job.steps}" if job.steps else ""
    return job.id, job.status, step, clean(job.title, 60), clean(job.error, 80)
