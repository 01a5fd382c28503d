"""What a key does, as it is declared: its id, the key, a label and a sentence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """One thing a key does. `run` is the Textual action, by default the id without its scope."""

    id: str
    key: str
    label: str
    tooltip: str
    run: str = ""
    footer: bool = False
    priority: bool = False
    display: str = ""

    @property
    def action(self) -> str:
        return self.run or self.id.partition(".")[2]

    @property
    def shown_key(self) -> str:
        return self.display or pretty(self.key.split(",")[0])


_PRETTY = {
    "question_mark": "?", "colon": ":", "slash": "/", "left_square_bracket": "[", "right_square_bracket": "]",
    "escape": "esc", "left": "←", "right": "→", "up": "↑", "down": "↓", "pageup": "page up",
    "pagedown": "page down", "full_stop": ".", "comma": ",", "plus": "+", "minus": "-", "equals_sign": "=",
    "underscore": "_",
}  # fmt: skip


def pretty(key: str) -> str:
    """A key as a person writes it: '?' for 'question_mark'."""
    *held, last = key.split("+") if len(key) > 1 else [key]
    name = _PRETTY.get(last, last.upper() if last[0] == "f" and last[1:].isdigit() else last)
    return "+".join([*held, name])
