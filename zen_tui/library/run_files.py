"""A training as a file that people keep and edit: `run.toml`, written beside every run and read by `zen train`.

At the top what is trained on what, and how it is called; under `[from]` the checkpoint it begins from; under
`[settings]` every setting. What is written reads back as exactly the same settings. What a person leaves out is
as the base recommends; a key that nobody knows is an error, with its line and the name that was meant.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import msgspec

from zen_tui.library.errors import WrongUse
from zen_tui.library.specs import SETTING_NAMES, TrainSettings
from zen_tui.library.text import clean, nearest
from zen_tui.library.train_settings import train_settings

LARGEST = 1_000_000  # bytes of a file of settings
CHOICES = ("dataset", "base", "method", "preset", "name")
TOLD = ("run", "family", "learns", "photos")
"""Written for people and other tools, and passed over when the file is read."""
HEADER = (
    "# The settings of a training. Change what you like and start it with `zen train --from FILE`.",
    "# What is left out is as the base recommends; `zen train --help` names the settings.",
)


class RunFile(msgspec.Struct, kw_only=True):
    """A training as somebody wrote it down; None and {} where the file says nothing.

    `settings` holds those that are named in the file, each checked. `run` and `step` name the checkpoint that the
    training begins from.
    """

    dataset: str | None = None
    base: str | None = None
    method: str | None = None
    preset: str | None = None
    name: str | None = None
    run: str | None = None
    step: int | None = None
    settings: dict[str, Any] = {}


def encode(
    settings: TrainSettings, head: Mapping[str, str | int | None], origin: tuple[str, int] | None = None
) -> str:
    """The file of a training, as text.

    Args:
        head: what stands at the top, by the names in `CHOICES` and `TOLD`; what is None is left out.
        origin: the run and the step of the checkpoint that the training begins from.
    """
    lines = [*HEADER, "", *_toml({name: value for name, value in head.items() if value is not None})]
    if origin:
        lines += ["", "[from]", *_toml({"run": origin[0], "step": origin[1]})]
    return "\n".join([*lines, "", "[settings]", *_toml(msgspec.to_builtins(settings)), ""])


def _toml(values: Mapping[str, Any]) -> list[str]:
    """TOML shares JSON's way of writing strings, numbers, truth values and lists of them; but DEL it escapes."""
    written = {name: msgspec.json.encode(value).decode() for name, value in values.items()}
    return [f"{name} = {value}".replace("\x7f", "\\u007f") for name, value in written.items()]


def decode(text: str, called: str) -> RunFile:
    """Read what `encode` or a person wrote. `called` names the file in messages.

    Raises:
        WrongUse: it is not TOML, or has a key or a value that cannot be; the sentence has the line.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongUse(f"{called} is not TOML: {clean(str(error))}.", "Correct that line.") from None
    except RecursionError:
        raise WrongUse(f"{called} is nested too deeply.", "Settings are written under [settings].") from None
    top = {key: value for key, value in document.items() if key not in ("settings", "from")}
    settings, origin = (_table(document, name, text, called) for name in ("settings", "from"))
    for table, keys, known in (
        ("", top, (*CHOICES, *TOLD, "from", "settings")),
        ("settings", settings, SETTING_NAMES),
        ("from", origin, ("run", "step")),
    ):
        for key in keys:
            if key not in known:
                raise _unknown(key, table, known, text, called)
    found = RunFile(settings=settings)
    for table, values, names in (("", top, CHOICES), ("from", origin, ("run",))):
        for name in names:
            if name in values and not isinstance(values[name], str):
                raise WrongUse(f"{_place(text, table, name, called)}: {name} is a name in quotes.")
            setattr(found, name, values.get(name))
    for name, value in settings.items():
        try:
            train_settings({}, {name: value})
        except WrongUse as error:
            raise WrongUse(f"{_place(text, 'settings', name, called)}: {error.message}", error.hint) from None
    if origin:
        found.step = origin.get("step")
        if found.run is None or not isinstance(found.step, int) or isinstance(found.step, bool):
            raise WrongUse(f"{called}: [from] names a run and a step.", 'Write run = "mara" and step = 500.')
    return found


def _table(document: dict[str, Any], name: str, text: str, called: str) -> dict[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise WrongUse(
            f"{_place(text, '', name, called)}: {name} is a table.", f"Write [{name}] and its keys below."
        )
    return table


def _unknown(key: str, table: str, known: tuple[str, ...], text: str, called: str) -> WrongUse:
    kind = "setting" if table == "settings" else "key"
    message = f"{_place(text, table, key, called)}: there is no {kind} called {clean(key, 60)}"
    if not table and key in SETTING_NAMES:
        return WrongUse(f"{message} at the top.", "Settings stand under [settings].")
    close = nearest(key, known) or (nearest(key, SETTING_NAMES) if not table else None)
    return WrongUse(f"{message}.", f"Did you mean {close}?" if close else f"There are: {', '.join(known)}.")


def _place(text: str, table: str, key: str, called: str) -> str:
    """'run.toml, line 7': where `key` of `table` is written; the file alone where it is not found."""
    now = ""
    quoted = rf"""["']?{re.escape(key)}["']?"""
    named = re.compile(rf"\s*{quoted}\s*(=|\.)")
    dotted = re.compile(rf"\s*{table}\s*\.\s*{quoted}\s*(=|\.)")
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\[?\s*([^\]]*?)\s*\]", line):
            now = header[1].strip("\"'")
            if not table and now == key:
                return f"{called}, line {number}"
        elif (now == table and named.match(line)) or (table and not now and dotted.match(line)):
            return f"{called}, line {number}"
    return called
