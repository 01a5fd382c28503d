"""Errors that a person can act on: what happened, to which thing, and what to do about it."""

from __future__ import annotations


class ZenError(Exception):
    """Something Zen cannot do, said in a sentence.

    Args:
        message: what happened, naming the file or thing.
        hint: what to do about it; may be empty.
    """

    kind = "error"
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class WrongUse(ZenError):
    """The command or setting was given something it does not take."""

    kind = "wrong_use"
    exit_code = 2


class NotFound(ZenError):
    """A named dataset, base, run, adapter, picture or job does not exist."""

    kind = "not_found"
    exit_code = 3


class DiskFull(ZenError):
    """Fewer free bytes than the work needs; nothing half-written is left behind."""

    kind = "disk_full"


class BadFile(ZenError):
    """A file that is damaged, unsafe, or not what it claims to be."""

    kind = "bad_file"


class Refused(ZenError):
    """Zen will not do this, for a reason it gives."""

    kind = "refused"
