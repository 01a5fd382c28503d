"""How commands speak: data on stdout, narration on stderr, the same shapes for people and for scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec
import typer

from zen_tui.library.errors import ZenError

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
WaitFlag = Annotated[bool, typer.Option("--wait", help="Wait until the job is finished.")]
YesFlag = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def print_json(data: Any) -> None:
    """One JSON document on stdout."""
    text = msgspec.json.format(msgspec.json.encode(data, enc_hook=str), indent=2)
    sys.stdout.write(text.decode() + "\n")
    sys.stdout.flush()


def print_json_line(data: Any) -> None:
    """One line of JSON on stdout, for `--follow` and watching."""
    sys.stdout.write(msgspec.json.encode(data, enc_hook=str).decode() + "\n")
    sys.stdout.flush()


def say(text: str = "") -> None:
    """A line of data for a person, on stdout."""
    sys.stdout.write(text + "\n")


def narrate(text: str) -> None:
    """A line about what happens, on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Aligned columns on stdout; numbers to the right."""
    lines = [[str(cell) for cell in row] for row in rows]
    widths = [max([len(headers[i]), *(len(line[i]) for line in lines)]) for i in range(len(headers))]
    right = [bool(lines) and all(line[i].replace(",", "").replace(".", "").isdigit() for line in lines)
             for i in range(len(headers))]  # fmt: skip
    for line in [list(headers), *lines]:
        cells = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True))
        say("  ".join(cells).rstrip())


def fields(pairs: Iterable[tuple[str, object]]) -> None:
    """A record as labelled lines on stdout."""
    shown = [(name, value) for name, value in pairs if value not in (None, "")]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        say(f"{name.ljust(width)}  {value}")


def confirm(question: str, yes: bool, otherwise: str = "Nothing was removed") -> None:
    """Ask before something is lost; without a terminal the answer must be given as `--yes`.

    Args:
        otherwise: what to say happened when the answer was not yes.

    Raises:
        ZenError: the answer was no, or nobody is there to answer.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ZenError(f"{otherwise}: there is nobody to ask.", "Add --yes to go ahead.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise ZenError(f"{otherwise}.")


def error_document(error: ZenError) -> dict[str, Any]:
    """The JSON shape of an error."""
    return {"error": {"kind": error.kind, "message": error.message, "hint": error.hint}}
