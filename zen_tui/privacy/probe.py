"""Whether the lock holds: every route to the network is tried, and the answer is what was seen.

Nothing here can leave the machine, even without a lock: what is tried is aimed at the loopback address.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
from collections.abc import Callable

import msgspec

from zen_tui.privacy import lock, seccomp

LOOPBACK = "127.0.0.1"
DISCARD = 9  # RFC 863; nothing listens there
REFUSALS = (errno.EPERM, errno.EACCES)


class Attempt(msgspec.Struct, frozen=True):
    """One route that was tried: its name, whether it was refused, and what the system answered."""

    route: str
    blocked: bool
    answer: str


def attempts(port: int = DISCARD, *, allow_unix: bool = False) -> list[Attempt]:
    """Try each route to `port` of this machine. `allow_unix` leaves out the one that such a lock permits."""
    routes: list[tuple[str, Callable[[], None]]] = [
        ("TCP", lambda: _connect(socket.AF_INET, port)),
        ("UDP", lambda: _send(port)),
        ("TCP over IPv6", lambda: _connect(socket.AF_INET6, port)),
        ("listening", _listen),
        ("TCP from compiled code", lambda: _native(socket.SOCK_STREAM, port)),
        ("UDP from compiled code", lambda: _native(socket.SOCK_DGRAM, port)),
    ]
    if platform.system() == "Linux":
        routes.append(("io_uring", _io_uring))
    if not allow_unix:
        routes.append(("local services", _unix))
    return [_attempt(route, attempt) for route, attempt in routes]


def probe(port: int = DISCARD, *, allow_unix: bool = False) -> lock.LockState:
    """The state of the lock on this process, as tried just now."""
    tried = {attempt.route: attempt.blocked for attempt in attempts(port, allow_unix=allow_unix)}
    filtered = seccomp.active()
    level: lock.Level = "none"
    if filtered and all(tried.values()):
        level = "kernel"
    elif tried["TCP"] and tried["UDP"] and tried["listening"]:
        level = "process"
    return lock.state(level, seccomp=filtered, landlock=lock.landlocked())


def _attempt(route: str, attempt: Callable[[], None]) -> Attempt:
    try:
        attempt()
    except OSError as error:
        return Attempt(route, error.errno in REFUSALS, os.strerror(error.errno) if error.errno else str(error))
    return Attempt(route, False, "went through")


def _connect(family: socket.AddressFamily, port: int) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.settimeout(2)
        tried.connect((LOOPBACK if family == socket.AF_INET else "::1", port))


def _send(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
        tried.sendto(b"zen", (LOOPBACK, port))


def _listen() -> None:
    with socket.socket() as tried:
        tried.bind((LOOPBACK, 0))
        tried.listen()


def _unix() -> None:
    with socket.socket(socket.AF_UNIX) as tried:
        tried.connect("/nonexistent/zen")


def _native(kind: int, port: int) -> None:
    """`socket` and `connect` of the C library, past everything that Python could watch."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.socket(int(socket.AF_INET), int(kind), 0)
    if handle < 0:
        raise OSError(ctypes.get_errno(), "socket")
    try:
        address = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), socket.inet_aton(LOOPBACK))
        if libc.connect(handle, address, len(address)):
            raise OSError(ctypes.get_errno(), "connect")
    finally:
        os.close(handle)


def _io_uring() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.syscall(seccomp.CALLS[platform.machine()]["io_uring_setup"], 4, ctypes.create_string_buffer(120))
    if handle < 0:
        raise OSError(ctypes.get_errno(), "io_uring_setup")
    os.close(handle)
