"""A filter in the kernel through which no system call can open a network socket.

Seccomp with a small BPF program, by ctypes: no root, no dependency, any Linux since 3.17. The filter
covers every thread (TSYNC), native code, and every child, and cannot be taken off again.
Constants: linux/seccomp.h, linux/filter.h, linux/audit.h and the system-call tables of the kernel.
"""

from __future__ import annotations

import ctypes
import platform

PR_SET_NO_NEW_PRIVS = 38
SET_MODE_FILTER, TSYNC = 1, 1

LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050001, 0x80000000  # REFUSE gives EPERM
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
X32_CALLS = 0x40000000
AF_UNIX = 1

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CALLS = {
    "x86_64": {
        "socket": 41, "connect": 42, "accept": 43, "sendto": 44, "sendmsg": 46, "bind": 49, "listen": 50,
        "socketpair": 53, "ptrace": 101, "accept4": 288, "sendmmsg": 307, "process_vm_writev": 311,
        "seccomp": 317, "io_uring_setup": 425, "pidfd_getfd": 438,
    },
    "aarch64": {
        "ptrace": 117, "socket": 198, "socketpair": 199, "bind": 200, "listen": 201, "accept": 202,
        "connect": 203, "sendto": 206, "sendmsg": 211, "accept4": 242, "sendmmsg": 269,
        "process_vm_writev": 271, "seccomp": 277, "io_uring_setup": 425, "pidfd_getfd": 438,
    },
}  # fmt: skip

WAYS_ROUND = ("io_uring_setup", "ptrace", "process_vm_writev", "pidfd_getfd")
THROUGH = ("connect", "accept", "accept4", "sendmsg", "sendmmsg")  # what a socket, or one from before, is used by


class Instruction(ctypes.Structure):
    """One BPF instruction: what to do, how far to jump if true or false, and with which constant."""

    _fields_ = [
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("constant", ctypes.c_uint),
    ]


class Program(ctypes.Structure):
    """The instructions as the kernel takes them."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(Instruction))]


def supported() -> bool:
    """Whether this processor's system calls are known here."""
    return platform.system() == "Linux" and platform.machine() in CALLS


def install(*, allow_unix: bool = False) -> None:
    """Refuse, from now on and for good, every way through a socket except `socketpair`.

    NVIDIA's driver will not start unless it can make a socket of this machine, bind it and listen. So these may be
    made; but nothing can be connected, accepted or sent to an address, so that they lead nowhere.

    Args:
        allow_unix: leave sockets to services on this machine (the keyring's D-Bus) possible.

    Raises:
        OSError: the kernel would not take the filter; nothing has changed.
    """
    machine = platform.machine()
    code = (Instruction * 256)()
    program = _program(machine, allow_unix)
    code[: len(program)] = program
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    filter = Program(len(program), code)
    answer = libc.syscall(CALLS[machine]["seccomp"], SET_MODE_FILTER, TSYNC, ctypes.byref(filter))
    if answer:
        raise OSError(ctypes.get_errno(), "seccomp" if answer < 0 else "a thread could not be locked")


def _program(machine: str, allow_unix: bool) -> list[Instruction]:
    calls = CALLS[machine]
    program = [
        Instruction(LOAD, 0, 0, ARCHITECTURE),
        Instruction(EQUAL, 1, 0, ARCHITECTURES[machine]),
        Instruction(RETURN, 0, 0, KILL),
        Instruction(LOAD, 0, 0, NUMBER),
    ]
    if machine == "x86_64":
        program += [Instruction(AT_LEAST, 0, 1, X32_CALLS), Instruction(RETURN, 0, 0, KILL)]
    for name in WAYS_ROUND:
        program += _refuse(calls[name])
    program += _refuse_unless(calls["socketpair"], 0, AF_UNIX)
    program += _refuse_unless(calls["socket"], 0, AF_UNIX)
    if not allow_unix:
        for name in THROUGH:
            program += _refuse(calls[name])
        program += _refuse_unless_null(calls["sendto"], 4)  # no address: `send` on a socketpair
    return [*program, Instruction(RETURN, 0, 0, ALLOW)]


def _refuse(call: int) -> list[Instruction]:
    return [Instruction(EQUAL, 0, 1, call), Instruction(RETURN, 0, 0, REFUSE)]


def _refuse_unless(call: int, argument: int, value: int) -> list[Instruction]:
    """Allow `call` only if its `argument`, an int, is `value`."""
    return [
        Instruction(EQUAL, 0, 4, call),
        Instruction(LOAD, 0, 0, ARGUMENTS + 8 * argument),  # the low half: both processors are little-endian
        Instruction(EQUAL, 0, 1, value),
        Instruction(RETURN, 0, 0, ALLOW),
        Instruction(RETURN, 0, 0, REFUSE),
    ]


def _refuse_unless_null(call: int, argument: int) -> list[Instruction]:
    """Allow `call` only if its `argument`, a pointer, is NULL."""
    low = ARGUMENTS + 8 * argument
    return [
        Instruction(EQUAL, 0, 6, call),
        Instruction(LOAD, 0, 0, low),
        Instruction(EQUAL, 0, 3, 0),
        Instruction(LOAD, 0, 0, low + 4),
        Instruction(EQUAL, 0, 1, 0),
        Instruction(RETURN, 0, 0, ALLOW),
        Instruction(RETURN, 0, 0, REFUSE),
    ]


def active() -> bool:
    """Whether the kernel says that a filter is on this process."""
    try:
        with open("/proc/self/status") as file:
            return any(line.split() == ["Seccomp:", "2"] for line in file)
    except OSError:
        return False
