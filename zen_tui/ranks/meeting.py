"""Machines that meet to share one job. Nothing else in Zen connects two machines, and nothing does by itself.

A person names one address on the first machine and runs a command on each. The first listens at that address
alone, and no longer than until the others have come. Who comes must prove to know the key of the job, and so must
the first to them (HMAC-SHA256 over random numbers of both sides). Then all put on the lock, which leaves them
these lines and refuses any other. What goes over the lines is not encrypted.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import secrets
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from zen_tui.library.errors import WrongUse, ZenError
from zen_tui.ranks.links import Link

NONCE = 32  # bytes
PATIENCE = 10.0  # seconds for the other side to answer
ASK_EVERY = 0.5  # seconds between two tries to reach a machine that is not there yet
SILENCE = (10, 5, 3)  # seconds until a silent line is tried, between tries, and how many there are
LISTENS, COMES = b"zen listens", b"zen comes"


class Place(NamedTuple):
    """An address and a port of the first machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def place_of(text: str) -> Place:
    """`192.168.1.10:29500` as a place.

    Raises:
        WrongUse: it is no address with a port, or it stands for every address of a machine.
    """
    host, _, port = text.rpartition(":")
    with contextlib.suppress(ValueError):
        address, number = ipaddress.ip_address(host.strip("[]")), int(port)
        if address.is_unspecified:
            raise WrongUse(f"{host} would open every address of this machine.", "Name the one that is meant.")
        if 0 < number < 1 << 16:
            return Place(str(address), number)
    raise WrongUse(f"{text!r} is not an address with a port.", "Write 192.168.1.10:29500, for example.")


def new_key() -> str:
    """A key that nobody can guess."""
    return secrets.token_hex(16)


def wait_for(place: Place, key: str, count: int, told: Callable[[str], None]) -> list[Link]:
    """Listen at `place` until `count` machines that know `key` have come; the lines to them.

    `told` hears who was turned away.

    Raises:
        ZenError: this machine does not have that address, or the port is taken.
    """
    found: list[Link] = []
    try:
        family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
        door = socket.create_server(place, family=family)
    except OSError as error:
        raise ZenError(
            f"Zen cannot listen at {place}: {error.strerror}.", "Name an address of this machine and a free port."
        ) from error
    with door:
        while len(found) < count:
            line, peer = door.accept()
            try:
                _prove(line, key, LISTENS, COMES)
            except (OSError, ValueError):
                line.close()
                told(f"Somebody at {peer[0]} who does not know the key was turned away.")
                continue
            found.append(_link(line, f"Machine {len(found) + 2} ({peer[0]})"))
    return found


def come(place: Place, key: str, patience: float) -> Link:
    """The line to the first machine at `place`, which may take `patience` seconds to be there.

    Raises:
        ZenError: nobody listens there, or who does has not the same key.
    """
    until = time.monotonic() + patience
    while True:
        try:
            line = socket.create_connection(place, timeout=PATIENCE)
            break
        except OSError as error:
            if time.monotonic() > until:
                raise ZenError(
                    f"Nobody listens at {place}: {error.strerror or error}.", "Start the first machine's command."
                ) from None
            time.sleep(ASK_EVERY)
    try:
        _prove(line, key, COMES, LISTENS)
    except (OSError, ValueError):
        line.close()
        raise ZenError(
            f"The machine at {place} and this one have not the same key.", "Copy the command as it was printed."
        ) from None
    return _link(line, f"The machine at {place}")


def _prove(line: socket.socket, key: str, own: bytes, other: bytes) -> None:
    """Show the other side that this one knows `key`, and see that it does. Raises OSError or ValueError."""
    line.settimeout(PATIENCE)
    mine = secrets.token_bytes(NONCE)
    line.sendall(mine)
    theirs = _exactly(line, NONCE)
    line.sendall(_seal(key, own + mine + theirs))
    if not hmac.compare_digest(_exactly(line, NONCE), _seal(key, other + theirs + mine)):
        raise ValueError("another key")


def _seal(key: str, data: bytes) -> bytes:
    return hmac.new(key.encode(), data, hashlib.sha256).digest()


def _exactly(line: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = line.recv(size - len(found))
        if not more:
            raise ValueError("cut off")
        found += more
    return found


def _link(line: socket.socket, name: str) -> Link:
    """`line` as a link, on which the kernel notices by itself when the other machine is gone."""
    line.settimeout(None)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in zip(("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"), SILENCE, strict=True):
        if hasattr(socket, option):  # macOS has another name for the first
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    handle = line.detach()
    return Link(handle, handle, name=name)
