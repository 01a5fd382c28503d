"""The events file: what is written comes back, and nothing that a crash leaves in it can hide the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import python
from tests.jobs.stand_ins import spec
from zen_tui.jobs import log, queue
from zen_tui.jobs.events import Tail, Writer, follow
from zen_tui.library.database import Database
from zen_tui.library.errors import DiskFull, NotFound
from zen_tui.library.events import Cancelled, Done, Note, Step
from zen_tui.library.paths import Home


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "job" / "events.jsonl"


def texts(tail: Tail) -> list[str]:
    return [event.text for event in tail.read() if isinstance(event, Note)]


def test_a_reader_gets_each_event_once_and_in_order(path: Path) -> None:
    tail = Tail(path)
    assert tail.read() == []
    writer = Writer(path)
    writer.tell(Note(text="one"))
    writer.tell(Note(text="zwei „drei“\n"))
    assert texts(tail) == ["one", "zwei „drei“\n"]
    assert tail.read() == []
    writer.tell(Step(step=3, loss=0.25, lr=1e-4))
    (step,) = tail.read()
    assert isinstance(step, Step)
    assert (step.step, step.loss) == (3, 0.25)
    assert step.t > 1e9
    assert path.stat().st_mode & 0o777 == 0o600


def test_half_a_line_is_kept_until_its_end_comes(path: Path) -> None:
    Writer(path).tell(Note(text="whole"))
    line = path.read_bytes()
    path.write_bytes(line + line[:9])
    tail = Tail(path)
    assert texts(tail) == ["whole"]
    with path.open("ab") as file:
        file.write(line[9:])
    assert texts(tail) == ["whole"]


def test_garbage_and_unknown_kinds_are_passed_over(path: Path) -> None:
    writer = Writer(path)
    writer.tell(Note(text="before"))
    with path.open("ab") as file:
        file.write(b'{"kind":"step","step":"x"}\n\xff\xfe\n\n[]\n{"kind":"from-the-future","v":9}\n')
    writer.tell(Note(text="after"))
    assert texts(Tail(path)) == ["before", "after"]


def test_a_line_torn_by_a_kill_does_not_take_the_next_one_with_it(path: Path) -> None:
    Writer(path).tell(Note(text="first"))
    with path.open("ab") as file:
        file.write(b'{"kind":"note","te')
    Writer(path).tell(Note(text="second"))
    assert texts(Tail(path)) == ["first", "second"]


def test_a_full_disk_is_said_and_the_file_stays_readable(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to("/dev/full")
    writer = Writer(path)
    with pytest.raises(DiskFull, match=r"events\.jsonl"):
        writer.tell(Note(text="lost"))
    writer.close()


def test_a_file_that_became_shorter_is_read_anew(path: Path) -> None:
    writer = Writer(path)
    writer.tell(Note(text="a long first text"))
    tail = Tail(path)
    tail.read()
    path.write_bytes(b"")
    Writer(path).tell(Note(text="new"))
    assert texts(tail) == ["new"]


def test_a_large_file_is_read_whole_in_pieces(path: Path) -> None:
    writer = Writer(path)
    with path.open("ab") as file:
        file.write(b"x" * 3_000_000 + b"\n")
    for number in range(200):
        writer.tell(Note(text=f"{number} " + "y" * 10_000))
    assert len(list(Tail(path).read_all())) == 200


def test_following_a_job_that_never_started_ends_with_its_row(db: Database, home: Home) -> None:
    job = queue.enqueue(db, home, spec("draw"), "pictures")
    queue.cancel(db, job.id)
    (end,) = follow(home, db, job.id)
    assert isinstance(end, Cancelled)
    with pytest.raises(NotFound):
        list(follow(home, db, 99))


def test_following_leaves_out_the_endings_of_earlier_attempts(db: Database, home: Home) -> None:
    job = queue.enqueue(db, home, spec("draw"), "pictures")
    writer = Writer(home.events(job.id))
    for event in (Note(text="one"), Cancelled(), Note(text="two"), Done(result={"made": 1})):
        writer.tell(event)
    taken = queue.claim(db)
    assert taken is not None
    queue.finish(db, taken, "done")
    told = list(follow(home, db, job.id))
    assert [type(event) for event in told] == [Note, Note, Done]
    assert isinstance(told[-1], Done)
    assert told[-1].result == {"made": 1}


def test_the_log_takes_what_native_code_prints_too(home: Home) -> None:
    code = """
import os
from zen_tui.jobs import log
from zen_tui.library.paths import Home
with log.captured(Home.find(), 5):
    print("from python")
    os.write(2, b"from below\\n\\n  \\x1b[2Jescaped\\n")
print("outside")
"""
    ran = python(code)
    assert (ran.stdout, ran.stderr) == ("outside\n", "")
    assert sorted(log.tail(home, 5)) == ["  [2Jescaped", "from below", "from python"]
    assert log.tail(home, 6) == []
