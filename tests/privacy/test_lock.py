"""The offline lock: nothing reaches a listener on this machine, and without the lock everything does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.helpers import python
from zen_tui.library.paths import Home
from zen_tui.privacy.lock import LockState, read_state
from zen_tui.privacy.probe import probe

ROUTES = Path(__file__).with_name("routes.py")
ROOT = ROUTES.parents[2]


@dataclass
class Listeners:
    """Sockets that wait; what reached them lies in the kernel's queues until it is counted."""

    tcp: socket.socket
    udp: socket.socket
    unix: list[socket.socket]
    path: str

    def heard(self) -> dict[str, int]:
        return {
            "tcp": _drain(self.tcp.accept),
            "udp": _drain(lambda: self.udp.recv(8)),
            "unix": sum(_drain(listener.accept) for listener in self.unix),
        }

    def visited(self, lock: str) -> dict[str, list[str]]:
        """Run all routes under `lock` in a process of their own: which were tried, which went through."""
        ports = (str(self.tcp.getsockname()[1]), str(self.udp.getsockname()[1]))
        done = subprocess.run(
            [sys.executable, str(ROUTES), lock, *ports, self.path],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        answer: dict[str, list[str]] = json.loads(done.stdout)
        return answer


def _drain(take: Callable[[], Any]) -> int:
    count = 0
    try:
        while True:
            taken = take()
            count += 1
            if isinstance(taken, tuple):
                taken[0].close()
    except BlockingIOError:
        return count


@pytest.fixture
def listeners(tmp_path: Path) -> Iterator[Listeners]:
    path = str(tmp_path / "listener")
    unix = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        for listener, address in zip(unix, (path, "\0" + path), strict=True):
            listener.bind(address)
            listener.listen()
        for each in (tcp, udp, *unix):
            each.setblocking(False)
        yield Listeners(tcp, udp, unix, path)
        for listener in unix:
            listener.close()


def test_without_the_lock_every_route_goes_through(listeners: Listeners) -> None:
    seen = listeners.visited("none")
    assert seen["through"] == seen["tried"]
    assert listeners.heard() == {"tcp": 7, "udp": 3, "unix": 2}


def test_under_the_lock_nothing_goes_through(listeners: Listeners) -> None:
    seen = listeners.visited("lock")
    assert seen["through"] == []
    assert listeners.heard() == {"tcp": 0, "udp": 0, "unix": 0}


def test_the_lock_of_the_app_leaves_local_services(listeners: Listeners) -> None:
    seen = listeners.visited("unix")
    assert {"unix path", "unix abstract"} <= set(seen["through"])
    heard = listeners.heard()
    assert heard["tcp"] == 0
    assert heard["unix"] == 2
    assert not any(route.startswith("tcp") or route == "udp python" for route in seen["through"])


def test_the_kernel_confirms_it_and_children_inherit_it() -> None:
    done = python(
        "from zen_tui.privacy.lock import engage; import msgspec, subprocess\n"
        "print(msgspec.json.encode(engage()).decode(), flush=True)\n"
        "subprocess.run(['grep', '-E', 'Seccomp:|NoNewPrivs', '/proc/self/status'])"
    )
    state, *status = done.stdout.splitlines()
    assert msgspec.json.decode(state, type=LockState).level == "kernel"
    assert [line.split() for line in status] == [["NoNewPrivs:", "1"], ["Seccomp:", "2"]]


def test_what_the_worker_needs_still_works() -> None:
    done = python(
        "from zen_tui.privacy.lock import engage; engage()\n"
        "import asyncio, socket, subprocess, threading\n"
        "asyncio.run(asyncio.sleep(0))\n"
        "a, b = socket.socketpair(); a.send(b'x'); assert b.recv(1) == b'x'\n"
        "t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()\n"
        "print(subprocess.check_output(['echo', 'child']).decode().strip())"
    )
    assert (done.returncode, done.stdout.split()) == (0, ["thread", "child"]), done.stderr


def test_a_socket_that_a_driver_makes_leads_nowhere() -> None:
    """NVIDIA's driver makes one, binds it and listens when it starts; nobody is reached by it, nor reaches us."""
    done = python(
        "from zen_tui.privacy.lock import engage; engage()\n"
        "import socket\n"
        "made = socket.socket(socket.AF_UNIX); made.bind(chr(0) + 'zen-test'); made.listen()\n"
        "other = socket.socket(socket.AF_UNIX)\n"
        "letter = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "for way in (lambda: other.connect(chr(0) + 'zen-test'), made.accept, lambda: socket.socket(),\n"
        "            lambda: letter.sendto(b'x', chr(0) + 'zen-test')):\n"
        "    try:\n"
        "        way(); print('through')\n"
        "    except PermissionError:\n"
        "        print('refused')"
    )
    assert (done.returncode, done.stdout.split()) == (0, ["refused"] * 4), done.stderr


def test_an_unlocked_process_does_not_claim_a_lock() -> None:
    assert probe().level == "none"


def test_a_system_without_a_kernel_lock_says_so() -> None:
    done = python(
        "import platform; platform.system = lambda: 'Darwin'\n"
        "from zen_tui.privacy import lock, probe; import msgspec\n"
        "state = lock.engage()\n"
        "native = [a for a in probe.attempts() if a.route == 'TCP from compiled code']\n"
        "print(msgspec.json.encode([state, native]).decode())"
    )
    state, native = json.loads(done.stdout)
    assert state["level"] == "process"
    assert "Darwin" in state["text"]
    assert native[0]["blocked"] is False


def test_the_state_is_read_back_as_the_worker_wrote_it(home: Home) -> None:
    assert read_state(home) is None
    state = LockState("kernel", True, True, "as probed")
    (home.root / "worker.json").write_bytes(msgspec.json.encode({"pid": 1, "lock": state}))
    assert read_state(home) == state
    (home.root / "worker.json").write_text("{torn")
    assert read_state(home) is None
