"""The offline lock: the worker puts it on before it imports anything large, and it never comes off.

On Linux the kernel does the refusing (seccomp, with Landlock behind it). Elsewhere an audit hook keeps
Python code off the network, which is weaker, and the state says so.
"""

from __future__ import annotations

import errno
import platform
import sys
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from zen_tui.library.paths import Home
from zen_tui.privacy import landlock, seccomp

Level = Literal["kernel", "process", "named", "none"]

KERNEL_TEXT = "The kernel refuses every network connection."
PROCESS_TEXT = "Python code is kept off the network; compiled libraries are not."
NONE_TEXT = "The offline lock is not in force."

HOOKED = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo")


class LockState(msgspec.Struct, frozen=True):
    """How far this process is kept off the network, as tried. `text` is a sentence for people."""

    level: Level
    seccomp: bool = False
    landlock: bool = False
    text: str = NONE_TEXT


class _Engaged:
    """What `engage` achieved in this process; Landlock cannot be tried again once seccomp holds."""

    landlock = False
    trouble = ""


def engage(*, allow_unix: bool = False) -> LockState:
    """Lock this process and all its children offline, for good, and say what a probe then found.

    Args:
        allow_unix: leave sockets to services on this machine possible (the keyring); for the app, not the worker.
    """
    if platform.system() == "Linux":
        _engage_kernel(allow_unix)
    else:
        _Engaged.trouble = f"{platform.system()} has no lock that Zen can put on itself"
    if _Engaged.trouble:
        sys.addaudithook(_refuse_in_python)
    from zen_tui.privacy.probe import probe

    return probe(allow_unix=allow_unix)


def state(level: Level, *, seccomp: bool, landlock: bool) -> LockState:
    """`level` with its sentence, and why it is not the kernel's if it is not."""
    text = {"kernel": KERNEL_TEXT, "process": PROCESS_TEXT}.get(level, NONE_TEXT)
    if level != "kernel" and _Engaged.trouble:
        text = f"{text} Reason: {_Engaged.trouble}."
    return LockState(level, seccomp, landlock, text)


def but_for(state: LockState, machines: Sequence[str]) -> LockState:
    """`state` of a process that holds lines to `machines` from before the lock, because a person asked for it."""
    names = " and ".join(machines)
    if state.level == "kernel":
        words = f"Joined with {names}, as a person asked. The kernel refuses every other connection."
        return LockState("named", state.seccomp, state.landlock, words)
    return LockState("none", state.seccomp, state.landlock, f"Joined with {names}. {state.text}")


def landlocked() -> bool:
    """Whether Landlock was on and held when `engage` tried it in this process."""
    return _Engaged.landlock


def read_state(home: Home) -> LockState | None:
    """The lock as the worker probed it when it last started; None if no worker has run."""
    try:
        written = msgspec.json.decode((home.root / "worker.json").read_bytes())
        return msgspec.convert(written["lock"], LockState)
    except (OSError, msgspec.MsgspecError, KeyError, TypeError):
        return None


def _engage_kernel(allow_unix: bool) -> None:
    try:
        landlock.install(allow_unix=allow_unix)
        _Engaged.landlock = landlock.holds()
    except OSError:
        _Engaged.landlock = False  # an older kernel; seccomp alone closes every route
    if not seccomp.supported():
        _Engaged.trouble = f"the lock does not know {platform.machine()} processors"
        return
    try:
        seccomp.install(allow_unix=allow_unix)
    except OSError as error:
        _Engaged.trouble = f"this kernel refused the lock ({error.strerror})"


def _refuse_in_python(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in HOOKED:
        return
    to_a_path = event in ("socket.connect", "socket.bind") and isinstance(arguments[1], str | bytes)
    if not to_a_path:
        raise PermissionError(errno.EPERM, "Zen is locked offline")
