"""Run as a program: try every route to listeners on this machine and print which of them went through.

Arguments: 'none', 'lock' or 'unix' (which lock to put on), the TCP port, the UDP port, the path of a Unix
socket. What the routes send is counted by the test that started this.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

LOCK, TCP, UDP, UNIX = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
HERE = "127.0.0.1"
CHILD = f"import socket; socket.create_connection(('{HERE}', {TCP}))"

before_tcp = socket.socket()
before_udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
go = threading.Event()
reached: list[bool] = []


def early_thread() -> None:
    go.wait()
    try:
        socket.create_connection((HERE, TCP))
        reached.append(True)
    except OSError:
        pass


thread = threading.Thread(target=early_thread)
thread.start()
if LOCK != "none":
    from zen_tui.privacy.lock import engage

    engage(allow_unix=LOCK == "unix")


def native() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.socket(2, 1, 0)
    address = b"\x02\x00" + TCP.to_bytes(2, "big") + socket.inet_aton(HERE) + bytes(8)
    if handle < 0 or libc.connect(handle, address, 16):
        raise OSError(ctypes.get_errno(), "native")


async def through_asyncio() -> None:
    _, writer = await asyncio.open_connection(HERE, TCP)
    writer.close()


def spawned() -> None:
    child = os.posix_spawn(sys.executable, [sys.executable, "-c", CHILD], dict(os.environ))
    if os.waitpid(child, 0)[1]:
        raise OSError("refused in the child")


def from_early_thread() -> None:
    go.set()
    thread.join()
    if not reached:
        raise OSError("refused in the thread")


def listen() -> None:
    with socket.create_server((HERE, 0)):
        pass


def datagram(kind: int) -> None:
    with socket.socket(socket.AF_INET, kind) as sender:
        sender.sendto(b"x", (HERE, UDP))


def unix(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(address)


ROUTES: dict[str, Callable[[], object]] = {
    "tcp python": lambda: socket.create_connection((HERE, TCP)),
    "tcp asyncio": lambda: asyncio.run(through_asyncio()),
    "tcp native": native,
    "tcp child": lambda: subprocess.run([sys.executable, "-c", CHILD], check=True, stderr=subprocess.DEVNULL),
    "tcp spawned": spawned,
    "tcp early thread": from_early_thread,
    "tcp early socket": lambda: before_tcp.connect((HERE, TCP)),
    "udp python": lambda: datagram(socket.SOCK_DGRAM),
    "udp early socket": lambda: before_udp.sendto(b"x", (HERE, UDP)),
    "udp early socket, message": lambda: before_udp.sendmsg([b"x"], [], 0, (HERE, UDP)),
    "listen": listen,
    "unix path": lambda: unix(UNIX),
    "unix abstract": lambda: unix("\0" + UNIX),
}

if __name__ == "__main__":
    through = []
    for name, route in ROUTES.items():
        try:
            route()
            through.append(name)
        except (OSError, subprocess.CalledProcessError):
            pass
    print(json.dumps({"through": through, "tried": list(ROUTES)}))
