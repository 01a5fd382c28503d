"""A line between two processes of one job: messages in order, and large arrays.

It is two open files, and nothing that the offline lock refuses is called on them: pipes to a process of this
machine, with memory that both see for the arrays; or a socket to another one, connected before the lock was on.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import sys
import tempfile
from typing import NoReturn

import msgspec

from zen_tui.library.errors import BadFile, DiskFull, NotFound, Refused, WrongUse, ZenError

MESSAGE, ARRAY, ERROR = b"m", b"a", b"e"
HEADER = struct.Struct("<cQ")  # what follows, and how many bytes of it
LONGEST = 1 << 30  # bytes of a message; an array may be longer


class OutOfMemory(ZenError):
    """The memory of another process of the job is too small for its part."""

    kind = "out_of_memory"


ERRORS: dict[str, type[ZenError]] = {
    kind.kind: kind for kind in (ZenError, BadFile, DiskFull, NotFound, OutOfMemory, Refused, WrongUse)
}


class Lost(Exception):
    """The process at the other end of `link` is gone."""

    def __init__(self, link: Link) -> None:
        super().__init__(link.name)
        self.link = link


class Area:
    """Memory that two processes see, behind an open file that both have. It grows as needed."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self._map: mmap.mmap | None = None

    @classmethod
    def new(cls) -> Area:
        """An area that no folder shows."""
        if sys.platform == "linux":
            return cls(os.memfd_create("zen"))
        with tempfile.TemporaryFile() as file:
            return cls(os.dup(file.fileno()))

    def view(self, size: int) -> memoryview:
        """The first `size` bytes."""
        if self._map is None or len(self._map) < size:
            if os.fstat(self.handle).st_size < size:
                os.ftruncate(self.handle, size)
            self._map = mmap.mmap(self.handle, size)
        return memoryview(self._map)[:size]


class Link:
    """One end of a line. `name` is what a person may call the process at the other end.

    Args:
        area: where arrays are laid, if both are on one machine; else they travel with the messages.
    """

    def __init__(self, reading: int, writing: int, area: Area | None = None, name: str = "") -> None:
        self.reading, self.writing, self.area, self.name = reading, writing, area, name

    def send(self, data: bytes) -> None:
        """Send a message. Raises `Lost`."""
        self._write(HEADER.pack(MESSAGE, len(data)) + data)

    def receive(self) -> bytes:
        """The next message.

        Raises:
            Lost: the other process is gone.
            ZenError: what that process could not do.
        """
        size = self._expect(MESSAGE)
        if size > LONGEST:
            raise Lost(self)
        return bytes(self._read(size))

    def give(self, data: memoryview) -> None:
        """Hand over an array; one that this end has not taken yet must not be under way. Raises `Lost`."""
        header = HEADER.pack(ARRAY, data.nbytes)
        if self.area is None:
            self._write(header)
            self._write(data)
        else:
            self.area.view(data.nbytes)[:] = data
            self._write(header)

    def take(self, size: int) -> memoryview:
        """The array of `size` bytes from the other end, good until this end gives one. Raises as `receive`."""
        if self._expect(ARRAY) != size:
            raise Lost(self)
        return memoryview(self._read(size)) if self.area is None else self.area.view(size)

    def fail(self, error: ZenError) -> None:
        """Say at the other end, in place of what it waits for, what went wrong here."""
        data = msgspec.json.encode((error.kind, error.message, error.hint))
        with contextlib.suppress(Lost):
            self._write(HEADER.pack(ERROR, len(data)) + data)

    def close(self) -> None:
        """Let the other end know that nothing more will come."""
        for handle in {self.reading, self.writing, *([self.area.handle] if self.area else [])}:
            with contextlib.suppress(OSError):
                os.close(handle)

    def _expect(self, wanted: bytes) -> int:
        kind, size = HEADER.unpack(self._read(HEADER.size))
        if kind == ERROR and size <= LONGEST:
            self._raise(bytes(self._read(size)))
        if kind != wanted:
            raise Lost(self)
        return int(size)

    def _raise(self, data: bytes) -> NoReturn:
        kind, message, hint = msgspec.json.decode(data, type=tuple[str, str, str])
        raise ERRORS.get(kind, ZenError)(message, hint)

    def _read(self, size: int) -> bytearray:
        found = bytearray(size)
        view, done = memoryview(found), 0
        while done < size:
            try:
                read = os.readv(self.reading, [view[done:]])
            except OSError:
                read = 0
            if not read:
                raise Lost(self)
            done += read
        return found

    def _write(self, data: bytes | memoryview) -> None:
        left = memoryview(data).cast("B")
        while left:
            try:
                left = left[os.write(self.writing, left) :]
            except OSError:
                raise Lost(self) from None


def pair(name: str) -> tuple[Link, Link]:
    """Both ends of a new line on this machine: one to keep, and one for the process called `name`."""
    from_there, to_here = os.pipe()
    from_here, to_there = os.pipe()
    area = Area.new()
    return Link(from_there, to_there, area, name), Link(from_here, to_here, Area(os.dup(area.handle)), "the first")
