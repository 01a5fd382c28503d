"""What remains of a crash: where it happened, and nothing of what was being worked on.

A person sees one sentence. `crash.log` keeps the type of the exception and the lines it passed through;
no message, no source text and no local variable, for these may hold a prompt, a caption or a passphrase.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from zen_tui.library.errors import ZenError
from zen_tui.library.paths import Home

LIMIT = 256 * 1024  # bytes; a longer log starts anew


def sentence(error: BaseException) -> str:
    """What to tell a person about `error`: its own sentence if it has one, else that Zen has failed."""
    if isinstance(error, ZenError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There was not enough memory. Close other programs, or choose smaller pictures or batches."
    return f"Zen ran into a fault of its own ({type(error).__name__})."


def report(error: BaseException, home: Home | None = None) -> str:
    """Write where `error` came from into `crash.log` of the home; return the sentence for a person.

    The sentence names the log only if it could be written. Never raises.
    """
    said = sentence(error)
    if isinstance(error, ZenError):
        return said
    try:
        log = (home or Home.find()).root / "crash.log"
        _append(log, redacted(error))
    except (OSError, ZenError):
        return said
    return f"{said} Where it happened is noted in {log}, without any of your text or photos."


def redacted(error: BaseException) -> str:
    """The chain of `error` as types and places: no messages, no source text, no values."""
    lines = [f"{time.strftime('%Y-%m-%d %H:%M:%S')}  Python {sys.version_info.major}.{sys.version_info.minor}"]
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}")
        for frame, number in traceback.walk_tb(link.__traceback__):
            lines.append(f"  {_place(frame.f_code.co_filename)}:{number} in {frame.f_code.co_name}")
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\n".join(lines) + "\n\n"


def install(home: Home | None = None) -> None:
    """From here on an exception that nobody catches ends in a sentence on stderr and a note in the log."""

    def tell(error: BaseException) -> None:
        print(report(error, home), file=sys.stderr)

    def from_process(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print("Stopped.", file=sys.stderr)
        else:
            tell(error)

    def from_thread(hook: threading.ExceptHookArgs) -> None:
        if hook.exc_value is not None and not isinstance(hook.exc_value, SystemExit):
            tell(hook.exc_value)

    def unraisable(hook: sys.UnraisableHookArgs) -> None:
        if hook.exc_value is not None:
            report(hook.exc_value, home)

    sys.excepthook = from_process
    threading.excepthook = from_thread
    sys.unraisablehook = unraisable


class QuietCrash:
    """Mixed into the Textual app, before `App`: its crash screen would show the values of local variables."""

    def _fatal_error(self: Any) -> None:
        from rich.text import Text

        error = sys.exc_info()[1] or self._exception
        said = report(error) if error is not None else "Zen ran into a fault of its own."
        self.bell()
        self._exit_renderables.append(Text(said))
        self._close_messages_no_wait()


def _place(file: str) -> str:
    """A source file without the folders that lead to it, which may name a person."""
    path = Path(file)
    for root in ("site-packages", "zen_tui"):
        if root in path.parts:
            return str(Path(*path.parts[path.parts.index(root) :]))
    return path.name


def _append(log: Path, text: str) -> None:
    if log.exists() and log.stat().st_size > LIMIT:
        log.unlink()
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with contextlib.closing(os.fdopen(handle, "w", encoding="utf-8")) as file:
        file.write(text)
