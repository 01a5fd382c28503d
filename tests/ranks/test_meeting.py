"""Machines meet only where a person said, only with the key, and behind the lock only the lines are left."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ranks.test_helpers import stand_ins  # noqa: F401  (a fixture)
from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.ranks.links import Link, Lost
from zen_tui.ranks.meeting import Place, come, place_of, wait_for

HERE = "127.0.0.1"
JOINED = """
import socket, sys
from zen_tui.privacy import lock
from zen_tui.ranks.meeting import come, place_of
link = come(place_of(sys.argv[1]), "key", 60)
state = lock.engage()
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1].split(":")[1])))
    said = b"connected"
except PermissionError:
    said = b"refused"
link.send(said)
link.give(memoryview(bytes(range(256)) * 4096))
link.send(state.level.encode())
"""


@pytest.fixture
def place() -> Place:
    """A port of this machine that is free just now."""
    code = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return Place(HERE, int(ran.stdout))


def meanwhile(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_only_who_knows_the_key_is_let_in(place: Place) -> None:
    turned_away: queue.Queue[str] = queue.Queue()
    met: list[Link] = []
    waiting = meanwhile(lambda: met.extend(wait_for(place, "right", 1, turned_away.put)))
    with pytest.raises(ZenError, match="have not the same key"):
        come(place, "wrong", 60)
    assert turned_away.get(timeout=60) == f"Somebody at {HERE} who does not know the key was turned away."
    there = come(place, "right", 60)
    waiting.join(60)
    there.send(b"hello")
    assert met[0].receive() == b"hello"
    assert met[0].name == f"Machine 2 ({HERE})"
    there.close()
    with pytest.raises(Lost):
        met[0].receive()
    with pytest.raises(ZenError, match="Nobody listens at"):
        come(place, "right", 0)  # the door was closed when all had come


def test_behind_the_lock_the_line_is_left_and_nothing_else(place: Place) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    other = subprocess.Popen([sys.executable, "-c", JOINED, str(place)], env=environment)
    [link] = wait_for(place, "key", 1, print)
    assert link.receive() == b"refused"
    assert bytes(link.take(256 * 4096)) == bytes(range(256)) * 4096
    assert link.receive() == (b"kernel" if sys.platform == "linux" else b"process")
    assert other.wait(60) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0.0.0.0:29500", "would open every address"),
        ("[::]:29500", "would open every address"),
        ("example.org:29500", "is not an address with a port"),
        ("192.168.1.10", "is not an address with a port"),
        ("192.168.1.10:0", "is not an address with a port"),
    ],
)
def test_an_address_is_one_of_numbers_and_of_one_machine(text: str, said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        place_of(text)
    assert str(place_of("[fe80::1]:29500")) == "[fe80::1]:29500"


def test_an_address_of_another_machine_cannot_be_listened_at() -> None:
    with pytest.raises(ZenError, match=r"cannot listen at 192\.0\.2\.1:29500"):
        wait_for(place_of("192.0.2.1:29500"), "key", 1, print)
