"""Short work that needs torch but no place in the queue: done at once, in a process of its own, on the CPU.

An export must not wait behind a training of hours. The process locks itself as the worker does, reads its spec
from standard input, and tells events as lines of JSON on standard output; the last one is how it ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, Any

import msgspec

from zen_tui.library.errors import BadFile, NotFound, Refused, WrongUse, ZenError
from zen_tui.library.events import AnyEvent, Unattended
from zen_tui.library.paths import Home
from zen_tui.library.specs import Spec, decode_spec, encode_spec
from zen_tui.library.text import clean

_event = msgspec.json.Decoder(AnyEvent).decode
_KINDS: dict[str, type[ZenError]] = {kind.kind: kind for kind in (BadFile, NotFound, Refused, WrongUse)}


class Ended(msgspec.Struct, frozen=True):
    """The last line: a result, or an error by kind, message and hint."""

    result: dict[str, Any] | None = None
    error: tuple[str, str, str] | None = None


def run(home: Home, spec: Spec, told: Callable[[AnyEvent], None] | None = None) -> dict[str, Any]:
    """Do `spec` now and return its result; `told` hears the events on the way.

    Raises:
        ZenError: what went wrong there, of the same kind.
        KeyboardInterrupt: the person had enough; the process is ended first.
    """
    with tempfile.TemporaryFile(dir=home.work) as said:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "zen_tui.jobs.errand"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd=home.root,
            env={**os.environ, "ZEN_HOME": str(home.root), "CUDA_VISIBLE_DEVICES": ""},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(encode_spec(spec))
            process.stdin.close()
            ended = _listen(process.stdout, told)
        except BaseException:
            process.terminate()
            raise
        finally:
            process.stdout.close()
            process.wait()
        said.seek(0)
        words = said.read().decode(errors="replace").strip().splitlines()[-1:]
    if ended is None:
        raise ZenError("The work ended without a result.", clean("".join(words), 200))
    if ended.error is not None:
        kind, message, hint = ended.error
        raise _KINDS.get(kind, ZenError)(message, hint)
    return ended.result or {}


def _listen(lines: IO[bytes], told: Callable[[AnyEvent], None] | None) -> Ended | None:
    ended = None
    for event in _events(lines):
        if isinstance(event, Ended):
            ended = event
        elif told is not None:
            told(event)
    return ended


def _events(lines: IO[bytes]) -> Iterator[AnyEvent | Ended]:
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError):
            name, _, data = line.partition(b" ")
            if name == b"ended":
                yield msgspec.json.decode(data, type=Ended)
            elif name == b"event":
                yield _event(data)


class _Feed(Unattended):
    """Writes events for the process that waits for them."""

    def __init__(self, out: int) -> None:
        self._out = out

    def tell(self, event: AnyEvent) -> None:
        self.write(b"event", event)

    def write(self, name: bytes, data: Any) -> None:
        os.write(self._out, name + b" " + msgspec.json.encode(data) + b"\n")


def main() -> None:
    """Do the spec on standard input, in the worker's environment and behind its lock."""
    from zen_tui.privacy import crash, environment, lock

    home = Home.find()
    out = os.dup(1)  # what a library prints must not mix with the events
    os.dup2(2, 1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # nothing half written stays
    feed = _Feed(out)
    environment.prepare_worker(home)
    crash.install(home)
    lock.engage()
    from zen_tui.jobs import handlers
    from zen_tui.library.database import Database

    spec = decode_spec(sys.stdin.buffer.read())
    try:
        with Database.open(home) as db:
            feed.write(b"ended", Ended(result=handlers.load(spec.kind)(spec, feed, db, home)))
    except ZenError as error:
        feed.write(b"ended", Ended(error=(error.kind, error.message, error.hint)))
    except Exception as error:
        print(crash.redacted(error), file=sys.stderr, flush=True)
        message = f"Something went wrong inside Zen ({type(error).__name__})."
        feed.write(b"ended", Ended(error=("error", message, "Nothing was changed.")))


if __name__ == "__main__":
    main()
