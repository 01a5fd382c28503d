"""The second lock: Landlock forbids TCP, sockets without a file name, and signals to other programs.

It knows nothing of UDP on most kernels, so it stands behind seccomp and never in its place. It also
holds for sockets that were open before. Constants: linux/landlock.h; TCP since Linux 6.7, scopes since 6.12.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct

CREATE_RULESET, RESTRICT_SELF = 444, 446  # the same on every processor
ASK_VERSION = 1
PR_SET_NO_NEW_PRIVS = 38
BIND_AND_CONNECT_TCP = 3
ABSTRACT_UNIX_AND_SIGNALS = 3
TCP_SINCE, SCOPES_SINCE = 4, 6


def version() -> int:
    """The Landlock version of this kernel; 0 where there is none."""
    if platform.system() != "Linux":
        return 0
    return max(0, int(ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, ASK_VERSION)))


def install(*, allow_unix: bool = False) -> None:
    """Forbid this thread and its children TCP and, unless `allow_unix`, the world outside their own group.

    Raises:
        OSError: the kernel has no Landlock for TCP, or refused.
    """
    known = version()
    if known < TCP_SINCE:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock for TCP")
    scoped = ABSTRACT_UNIX_AND_SIGNALS if known >= SCOPES_SINCE and not allow_unix else 0
    rules = struct.pack("=QQQ", 0, BIND_AND_CONNECT_TCP, scoped)[: 24 if known >= SCOPES_SINCE else 16]
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.syscall(CREATE_RULESET, rules, len(rules), 0)
    if handle < 0:
        raise OSError(ctypes.get_errno(), "landlock")
    try:
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.syscall(RESTRICT_SELF, handle, 0):
            raise OSError(ctypes.get_errno(), "landlock")
    finally:
        os.close(handle)


def holds() -> bool:
    """Whether a TCP socket is refused an address: tried, not assumed. Only before seccomp takes sockets away."""
    try:
        with socket.socket() as tried:
            tried.bind(("127.0.0.1", 0))
    except PermissionError:
        return True
    except OSError:
        pass
    return False
