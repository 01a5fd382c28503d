"""Settings of a training from what a base recommends and what a person wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from zen_tui.library.errors import WrongUse
from zen_tui.library.specs import SETTING_NAMES, SWITCHES, TrainSettings
from zen_tui.library.text import nearest

SPOKEN = {"yes": True, "on": True, "no": False, "off": False}
"""How people say true and false, besides those words."""


def settings_in(pairs: Iterable[str]) -> dict[str, Any]:
    """`key=value` words as a dictionary. Raises `WrongUse` for a word without an equals sign."""
    chosen: dict[str, Any] = {}
    for pair in pairs:
        key, found, value = pair.partition("=")
        if not found:
            raise WrongUse(f"{pair!r} is not a setting.", "Write rank=16, for example.")
        chosen[key.strip()] = value.strip()
    return chosen


def train_settings(defaults: Mapping[str, Any], chosen: Mapping[str, Any]) -> TrainSettings:
    """Settings from a base's or preset's `defaults`, overridden by what a person chose.

    Values in `chosen` may be strings, as typed after `--set`.

    Raises:
        WrongUse: a name that does not exist (the nearest is suggested) or a value that does not fit.
    """
    for name in chosen:
        if name not in SETTING_NAMES:
            close = nearest(name, SETTING_NAMES)
            hint = f"Did you mean {close}?" if close else f"The settings are: {', '.join(SETTING_NAMES)}."
            raise WrongUse(f"There is no setting called {name}.", hint)
    values = {**{k: v for k, v in defaults.items() if k in SETTING_NAMES}, **chosen}
    if "rank" in chosen and "alpha" not in chosen:
        values["alpha"] = values["rank"]
    if "optimizer" in chosen and "learning_rate" not in chosen:
        was, now = defaults.get("optimizer"), chosen["optimizer"]
        if now == "prodigy" != was:
            values["learning_rate"] = 1.0  # Prodigy finds the rate itself; this is a factor of it
        elif was == "prodigy" != now:
            raise WrongUse(
                f"A rate of {defaults.get('learning_rate', 1.0):g} is for Prodigy, not for {now}.",
                "Set learning_rate too: --set learning_rate=1e-4.",
            )
    if isinstance(values.get("sample_prompts"), str):
        values["sample_prompts"] = tuple(p.strip() for p in values["sample_prompts"].split("|") if p.strip())
    for name in SWITCHES:
        if isinstance(said := values.get(name), str):
            values[name] = SPOKEN.get(said.strip().lower(), said)
    try:
        return msgspec.convert(values, TrainSettings, strict=False)
    except msgspec.ValidationError as error:
        raise WrongUse(f"A setting does not fit: {_plain(str(error))}.") from None


def _plain(message: str) -> str:
    """msgspec's message with the place of the fault named as a setting."""
    text, _, where = message.partition(" - at `$.")
    return f"{where.rstrip('`')}: {text}" if where else text.removesuffix(" - at `$`")
