"""Settings of another tool's training, as far as Zen has them: what was taken, and what was not and why.

A value is taken under Zen's own name and only if Zen would take it from a person. Where the other tool's default
differs from Zen's in what is learned, the default is taken too: a file that leaves a thing out means that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from zen_tui.exchange.borrowed_values import LONGEST, Block, as_number, shown_value, whole
from zen_tui.exchange.profiles import PROFILES
from zen_tui.library.errors import WrongUse
from zen_tui.library.run_files import RunFile
from zen_tui.library.text import clean, plural
from zen_tui.library.train_settings import train_settings

LISTED = 12  # names of what has no counterpart, before the rest is counted
MOST_PROMPTS = 64
OPTIMIZERS = {
    "adamw": "adamw", "adam": "adamw", "prodigy": "prodigy", "adafactor": "adafactor",
    "adamwschedulefree": "schedule_free", "schedulefreeadamw": "schedule_free",
}  # fmt: skip
DENOISER_ONLY = "Zen's LoRA learns in the denoiser alone"


class Taken(msgspec.Struct, frozen=True):
    """A setting that was taken: its name and value here, and what it was there, in words."""

    setting: str
    value: Any
    theirs: str


class Left(msgspec.Struct, frozen=True):
    """What was not taken, as it was there, and why."""

    theirs: str
    why: str


class Borrowed(RunFile, kw_only=True):
    """What another tool's file says of a training. `model` is what it trained, `family` that in Zen's words; both
    are hints alone. `others` are keys without a counterpart here.
    """

    tool: str
    taken: list[Taken] = []
    left: list[Left] = []
    others: list[str] = []
    model: str = ""
    family: str = ""

    def lines(self) -> list[tuple[str, str]]:
        """What was taken and what was not, for a person."""
        shown = [("taken from", self.tool), *((each.setting, _ours(each)) for each in self.taken)]
        rank, alpha = self.settings.get("rank"), self.settings.get("alpha")
        if rank and alpha and rank != alpha:
            times = f"{alpha / rank:.3g} of what alpha = rank makes of it"
            shown.append(("note", f"alpha {alpha:g} at rank {rank} makes the rate {times}"))
        shown += [("not taken", f"{each.theirs}: {each.why}") for each in self.left]
        if self.others:
            rest = f" and {len(self.others) - LISTED} more" if len(self.others) > LISTED else ""
            shown.append(("not known", f"{', '.join(self.others[:LISTED])}{rest}"))
        if self.model:
            title = f", a base of {PROFILES[self.family].title}" if self.family in PROFILES else ""
            shown.append(("their base", f"{self.model}{title}; it is not taken over"))
        return shown


def _ours(taken: Taken) -> str:
    value = taken.value
    if isinstance(value, tuple):
        value = clean(" | ".join(value), 60)
    return f"{shown_value(value)}  ({taken.theirs})"


class About(msgspec.Struct, frozen=True):
    """What the file will be used with: photos an epoch, repeats counted, and whether the base learned by flow.

    0 and None where that is not known yet.
    """

    photos: int = 0
    flows: bool | None = None


class Borrowing:
    """Fills a `Borrowed` while a file is read."""

    def __init__(self, tool: str, about: About) -> None:
        self.found = Borrowed(tool=tool, settings={})
        self.about = about

    def take(self, setting: str, value: Any, theirs: str) -> None:
        """Take `value` for `setting`, unless it is None or Zen would not have it."""
        if value is None:
            return
        try:
            settings = train_settings({}, {setting: value})
        except WrongUse as error:
            self.leave(theirs, error.message.removeprefix("A setting does not fit: ").rstrip("."))
            return
        self.found.settings[setting] = getattr(settings, setting)
        self.found.taken.append(Taken(setting, self.found.settings[setting], theirs))

    def leave(self, theirs: str, why: str) -> None:
        self.found.left.append(Left(theirs, why))

    def prompts(self, found: Sequence[Any], theirs: str, trigger: str = "") -> None:
        """Take texts as sample prompts, with what stands for the trigger there as {token}."""
        words = [clean(each, LONGEST).strip() for each in found if isinstance(each, str)]
        words = [each.replace(trigger, "{token}") if trigger else each for each in words if each]
        if words:
            self.take("sample_prompts", tuple(words[:MOST_PROMPTS]), f"{theirs}, {plural(len(words), 'prompt')}")

    def number(self, setting: str, block: Block, name: str, default: float | None = None) -> None:
        """Take a number as it is; `default` is what the other tool takes where the file is silent."""
        value = block.get(name)
        if value is None:
            if default is not None:
                self.take(setting, whole(default), block.said(name, f"{default:g}"))
        elif (number := as_number(value)) is None:
            self.leave(block.said(name), "it is no number")
        else:
            self.take(setting, whole(number), block.said(name))

    def choice(self, setting: str, block: Block, name: str, known: Mapping[Any, Any], why: str) -> None:
        """Take a word or a flag by the table `known`; `why` is said of those that are not in it."""
        value = block.get(name)
        if value is None:
            return
        word = value.lower() if isinstance(value, str) else value
        if isinstance(word, (str, bool, int)) and word in known:
            self.take(setting, known[word], block.said(name))
        else:
            self.leave(block.said(name), why)

    def optimizer(self, block: Block, name: str, rate: tuple[Block, str]) -> None:
        """Take the optimizer, and the learning rate only with one: a rate is made for its optimizer."""
        holder, key = rate
        word = block.word(name)
        plain = word.replace("_", "").replace("-", "").removeprefix("paged").rpartition(".")[2]
        kind = OPTIMIZERS.get(plain.removesuffix("8bit").removesuffix("32bit").removesuffix("8"))
        if word and kind is None:
            self.leave(block.said(name), "Zen has adamw, prodigy, schedule_free and adafactor")
            if holder.get(key) is not None:
                self.leave(holder.said(key), f"it was made for {word}")
            return
        if word and kind:
            self.take("optimizer", kind, block.said(name))
        value = holder.number(key)
        if kind == "prodigy" and value is not None and value < 0.1:
            self.leave(holder.said(key), "Prodigy finds the rate itself")
        else:
            self.number("learning_rate", holder, key)

    def resolution(self, sizes: Sequence[float], theirs: str) -> None:
        """Take the largest of several sides."""
        if not sizes:
            self.leave(theirs, "it is no size")
        else:
            note = ", the largest: Zen trains at one size" if len(set(sizes)) > 1 else ""
            self.take("resolution", whole(max(sizes)), f"{theirs}{note}")

    def shift(self, value: float | None, theirs: str) -> None:
        if value is not None and self.about.flows is False:
            self.leave(theirs, "the base did not learn by flow")
        else:
            self.take("shift", value, theirs)

    def noise_offset(self, block: Block, name: str) -> None:
        if block.number(name) and self.about.flows:
            self.leave(block.said(name), "the base learned by flow")
        else:
            self.number("noise_offset", block, name)

    def epochs(self, count: float | None, theirs: str, batch: float, accumulation: float) -> int | None:
        """Steps in `count` epochs; says why not where the photos are not known."""
        if count is None or count <= 0:
            return None
        if not self.about.photos:
            self.leave(theirs, "how many steps that is depends on the photos; name a dataset")
            return None
        return max(
            1, math.ceil(math.ceil(self.about.photos / max(1, batch)) / max(1, accumulation)) * round(count)
        )
