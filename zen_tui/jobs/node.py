"""One machine of a run that several share: `python -m zen_tui.jobs.node lead RUN`, or `… come HOST:PORT`.

It takes the place of the worker while the run lasts. The machines meet; then each puts on the lock, which leaves
it the lines to the others and nothing else; then they see that they have the same photos and base, and begin.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
from collections.abc import Iterator

import msgspec

from zen_tui.jobs import launch, nodes
from zen_tui.jobs.events import Writer
from zen_tui.jobs.worker import Worker
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import Refused, WrongUse, ZenError
from zen_tui.library.events import Note
from zen_tui.library.paths import Home
from zen_tui.library.text import clean, plural
from zen_tui.mannequins.memory import keep_freed_memory
from zen_tui.privacy import crash, environment, lock
from zen_tui.ranks import helpers, meeting
from zen_tui.ranks.cards import require_cards
from zen_tui.ranks.helpers import Machines, team_of
from zen_tui.ranks.links import Link, Lost

PATIENCE = 600.0  # seconds to wait for the first machine
AGREED = b"agreed"


def lead(home: Home, db: Database, slug: str) -> int:
    """Be the first machine of the run `slug`: wait for the others, then train. Returns the exit code."""
    run = models.run(db, slug)
    job, spec = nodes.job_of(db, home, run)
    where = nodes.meeting_of(home, run, job)
    require_cards(spec.gpus)
    place = meeting.place_of(where.place)
    say(f"Waiting at {place} for {plural(spec.machines - 1, 'other machine')}; nothing else is open.")
    for machine, command in nodes.commands(run, where, spec.machines)[1:]:
        say(f"On {machine}: {command}")
    links = meeting.wait_for(place, where.key, spec.machines - 1, say)
    state = lock.but_for(lock.engage(), [link.name for link in links])
    say(state.text)
    _agree(links, nodes.offer_of(db, home, run, spec))
    with contextlib.closing(Writer(home.events(job.id))) as writer:
        writer.tell(Note(text=f"{state.text} What goes there is not encrypted."))
    helpers.met.append(Machines(0, spec.processes, down=links))
    worker = Worker(home, db, state)
    signal.signal(signal.SIGTERM, worker.leave)
    signal.signal(signal.SIGINT, worker.leave)
    try:
        ended = worker.do(job.id)
    finally:
        (home.root / "worker.json").unlink(missing_ok=True)  # what it says of the lock ends with the lines
    say(f"{run.slug} is {ended.status}. {ended.error}".strip())
    return 0 if ended.status in ("done", "paused", "queued") else 1


def _agree(links: list[Link], offer: nodes.Offer) -> None:
    """Make the offer to every machine. Raises `Refused` with what is missing where."""
    problems = []
    for number, link in enumerate(links):
        link.send(msgspec.json.encode(msgspec.structs.replace(offer, first=offer.gpus * (number + 1))))
    for link in links:
        for sentence in msgspec.json.decode(link.receive(), type=list[str]):
            problems.append(f"{link.name}: {clean(sentence, 300)}")
    for link in links:
        link.send(b"" if problems else AGREED)
    if problems:
        raise Refused(" ".join(problems), "Put that right there, then start the commands again.")


def come(home: Home, db: Database, address: str, key: str) -> int:
    """Be another machine of a run whose first is at `address`. Returns the exit code."""
    place = meeting.place_of(address)
    say(f"Looking for the first machine at {place}.")
    link = meeting.come(place, key, PATIENCE)
    state = lock.but_for(lock.engage(), [str(place)])
    say(state.text)
    offer = msgspec.json.decode(link.receive(), type=nodes.Offer)
    problems = nodes.missing(db, home, offer)
    try:
        require_cards(offer.gpus)
    except WrongUse as error:
        problems.append(error.message)
    link.send(msgspec.json.encode(problems))
    if link.receive() != AGREED:
        words = " ".join(problems) or "Another machine cannot take part."
        raise Refused(words, "Put that right, and start the commands again.")
    base = models.base(db, offer.base)
    say(f"Training {clean(offer.run)} on {base.slug} together; GPUs here: {offer.gpus}.")
    from zen_tui.training.assist import assist_from_afar

    helpers.met.append(Machines(offer.first, offer.processes, up=link))
    try:
        with team_of(offer.gpus, home, "train", machines=2) as team:
            assist_from_afar(team, home, base)
    except Lost:
        pass
    except ZenError as error:
        link.fail(error)
        raise
    say("The first machine has ended the work.")
    return 0


def say(text: str) -> None:
    """A line for whoever started this."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _in_place_of_the_worker(home: Home) -> Iterator[Database]:
    if not launch.take_lock(home):
        raise Refused("A worker is busy on this machine.", "Wait until it has ended, or pause its job.")
    environment.clear_temporary(home)
    keep_freed_memory()
    with Database.open(home) as db:
        yield db
        db.checkpoint()


def main() -> None:
    """Take part in one run, and leave. Exit codes as of every command."""
    role, name = sys.argv[1:]
    home = Home.find()
    environment.prepare_worker(home)
    crash.install(home)
    faulthandler.enable()
    key = os.environ.pop(nodes.KEY, "")
    try:
        with _in_place_of_the_worker(home) as db:
            sys.exit(lead(home, db, name) if role == "lead" else come(home, db, name, key))
    except Lost as lost:
        say(f"{lost.link.name} is gone.")
        sys.exit(1)
    except ZenError as error:
        say(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
