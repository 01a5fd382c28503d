"""`python -m zen_tui.privacy.prove`: the lock tried out, with a control that shows the trial can fail.

Two short-lived children try every route to a listener on this machine: one behind the worker's lock, one
without it. The listener counts what arrives, so the proof does not rest on what the children say.
"""

from __future__ import annotations

import selectors
import socket
import subprocess
import sys

import msgspec

from zen_tui.privacy.probe import LOOPBACK, Attempt

CHILD = """
import sys, msgspec
from zen_tui.privacy import lock, probe
state = lock.engage() if sys.argv[1] == "locked" else None
tried = probe.attempts(int(sys.argv[2]))
sys.stdout.write(msgspec.json.encode({"state": state, "tried": tried}).decode())
"""


class Route(msgspec.Struct, frozen=True):
    """One route, as it went behind the lock and without it: 'blocked' or 'open'."""

    name: str
    locked: str
    open: str


class Proof(msgspec.Struct, frozen=True):
    """What was tried, what arrived at the listener from each child, and the sentence that follows from it."""

    blocked: bool
    level: str
    text: str
    arrived_locked: int
    arrived_open: int
    attempts: list[Route]


def prove() -> Proof:
    """Try every route behind the lock and without it."""
    state, locked, arrived_locked = _child("locked")
    _, control, arrived_open = _child("open")
    routes = [
        Route(one.route, "blocked" if one.blocked else "open", "blocked" if other.blocked else "open")
        for one, other in zip(locked, control, strict=True)
    ]
    blocked = all(one.blocked for one in locked) and arrived_locked == 0
    if not arrived_open:
        text = "The control could not reach the listener either, so this proves nothing here."
    elif blocked:
        text = f"Nothing got through the lock; without it the listener heard {arrived_open} times."
    else:
        text = f"The lock does not hold on this machine. {state.get('text', '')}".strip()
    return Proof(
        blocked and arrived_open > 0, state.get("level", "none"), text, arrived_locked, arrived_open, routes
    )


def _child(how: str) -> tuple[dict[str, str], list[Attempt], int]:
    """Run one child against fresh listeners; its lock state, its attempts, and how often it was heard."""
    with socket.create_server((LOOPBACK, 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        port = tcp.getsockname()[1]
        udp.bind((LOOPBACK, port))
        answer = subprocess.run(
            [sys.executable, "-c", CHILD, how, str(port)], capture_output=True, text=True, check=True
        )
        heard = _count(tcp, udp)
    said = msgspec.json.decode(answer.stdout.encode())
    return said["state"] or {}, msgspec.convert(said["tried"], list[Attempt]), heard


def _count(tcp: socket.socket, udp: socket.socket) -> int:
    """Connections and datagrams that are waiting; the child has ended, so no more will come."""
    heard = 0
    with selectors.DefaultSelector() as waiting:
        for listener in (tcp, udp):
            waiting.register(listener, selectors.EVENT_READ)
        while ready := waiting.select(timeout=0):
            for key, _ in ready:
                if key.fileobj is tcp:
                    tcp.accept()[0].close()
                else:
                    udp.recv(64)
                heard += 1
    return heard


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(prove()).decode() + "\n")
