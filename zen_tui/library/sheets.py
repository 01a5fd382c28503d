"""Sheets: a text that describes many pictures, one prompt a line.

    # what goes on top holds for every line below it
    $place = at the beach
    seeds 1..4
    a photo of {token} wearing a {red|blue} suit, $place
    a {marble|jade} statue of {token} --n blurry --s 40 --g 5 --w 512 --h 768

Every alternative in braces is drawn, with every seed. `{token}` becomes the subject of the adapter. The
dashed options are those of kohya's prompt files. A backslash makes `{ } | $ #` ordinary characters.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from zen_tui.library.errors import WrongUse
from zen_tui.library.specs import PictureRequest
from zen_tui.library.text import nearest, plural

LIMIT = 10_000  # pictures in one sheet
LONGEST = 20_000  # characters in one line once its $names are filled in
DEEPEST = 20  # braces within braces

Node = str | list["Sequence"]  # plain text, or alternatives
Sequence = list[Node]

TOKENS = re.compile(r"\\([{}|$#\\])|([{}|])|\$([A-Za-z_]\w*)|([^\\{}|$]+|.)", re.DOTALL)
DEFINITION = re.compile(r"\$([A-Za-z_]\w*)\s*=\s*(.*)")
SEEDS = re.compile(r"seeds?\s*[:=]?\s+(\d[\d\s,.]*)", re.IGNORECASE)
COUNT = re.compile(r"count\s*[:=]?\s+(\d{1,18})", re.IGNORECASE)
OPTION = re.compile(r"(?:^|\s)--([A-Za-z]+)(?=\s|$)")

# option: (field of a request, how it is read, smallest, largest)
OPTIONS: dict[str, tuple[str, type[int] | type[float] | type[str], float, float]] = {
    "n": ("negative", str, 0, 0),
    "s": ("steps", int, 1, 1000),
    "g": ("guidance", float, 0, 100),
    "l": ("guidance", float, 0, 100),  # kohya's letter for it
    "d": ("seed", int, 0, 2**63 - 1),
    "w": ("width", int, 16, 8192),
    "h": ("height", int, 16, 8192),
}


class SheetDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """What holds where a line says nothing; `count` is the pictures of each prompt, with seeds counting up."""

    negative: str = ""
    seed: int = 0
    width: int = 512
    height: int = 512
    steps: int = 25
    guidance: float = 7.0
    scheduler: str = "default"
    count: int = 1


class Sheet(msgspec.Struct, frozen=True):
    """What a sheet describes, every alternative and seed written out, in the order of its lines."""

    pictures: tuple[PictureRequest, ...]

    @property
    def count(self) -> int:
        """How many pictures it asks for."""
        return len(self.pictures)

    def requests(self) -> list[PictureRequest]:
        """The pictures it asks for."""
        return list(self.pictures)


def parse(text: str, *, token_phrase: str, defaults: SheetDefaults) -> Sheet:
    """Read a sheet.

    Args:
        text: the sheet; a single prompt is one too.
        token_phrase: what `{token}` becomes, such as "ohwx woman"; empty when no adapter is chosen.
        defaults: everything that the sheet does not say itself.

    Raises:
        WrongUse: a line that cannot be read (it is named), no prompt at all, or more than 10,000 pictures.
    """
    reader = _Reader(token_phrase, defaults, defaults.count)
    for number, line in enumerate(text.splitlines(), 1):
        reader.read(number, line.strip())
    if not reader.pictures:
        raise WrongUse("There is no prompt in it.", "Write one prompt a line.")
    return Sheet(tuple(reader.pictures))


@dataclass
class _Reader:
    """Reads line after line; `names`, `seeds` and `count` hold from the line that sets them."""

    token_phrase: str
    defaults: SheetDefaults
    count: int
    seeds: tuple[int, ...] | None = None
    names: dict[str, str] = field(default_factory=dict)
    pictures: list[PictureRequest] = field(default_factory=list)
    number: int = 0

    def read(self, number: int, line: str) -> None:
        self.number = number
        if not line or line.startswith("#"):
            return
        if found := DEFINITION.fullmatch(line):
            self.names[found[1]] = self.filled(found[2])
        elif found := SEEDS.fullmatch(line):
            self.seeds = self.seed_list(found[1])
        elif found := COUNT.fullmatch(line):
            self.count, self.seeds = int(found[1]), None
            self.check_total(self.count)
        else:
            self.read_prompt(line)

    def read_prompt(self, line: str) -> None:
        sequence = self.parsed(self.filled(line))
        self.check_total(_ways(sequence))
        for text in _expand(sequence):
            values, seeds = self.options(text)
            self.check_total(len(seeds))
            fields = {**msgspec.structs.asdict(self.defaults), **values}
            del fields["count"]
            self.pictures += [PictureRequest(**{**fields, "seed": seed}) for seed in seeds]

    def filled(self, text: str) -> str:
        """`text` with its $names replaced; escapes are kept for later."""
        pieces = []
        for found in TOKENS.finditer(text):
            name = found[3]
            if name is None:
                pieces.append(found[0])
            elif name in self.names:
                pieces.append(self.names[name])
            else:
                close = nearest(name, self.names)
                hint = f"Did you mean ${close}?" if close else f"Write ${name} = … above it, or \\$ for the sign."
                raise self.wrong(f"${name} is not defined.", hint)
        whole = "".join(pieces)
        if len(whole) > LONGEST:
            raise self.wrong(f"it is longer than {LONGEST:,} characters with its $names filled in.")
        return whole

    def parsed(self, text: str) -> Sequence:
        """`text` as plain pieces and alternatives."""
        levels: list[list[Sequence]] = [[[]]]  # open braces, each with its alternatives so far
        for found in TOKENS.finditer(text):
            escaped, mark = found[1], found[2]
            if mark == "{":
                levels.append([[]])
                if len(levels) > DEEPEST:
                    raise self.wrong(f"braces lie more than {DEEPEST} deep in each other.")
            elif mark == "|" and len(levels) > 1:
                levels[-1].append([])
            elif mark == "}":
                if len(levels) == 1:
                    raise self.wrong("a } without its {.", "Write \\} for the character itself.")
                alternatives = levels.pop()
                levels[-1][-1].append(self.named(alternatives))
            else:
                levels[-1][-1].append(escaped or found[0])
        if len(levels) > 1:
            raise self.wrong("a { without its }.", "Write \\{ for the character itself.")
        return levels[0][0]

    def named(self, alternatives: list[Sequence]) -> Node:
        """`alternatives` themselves, or the subject where they are just `{token}`."""
        if len(alternatives) > 1:
            return alternatives
        word = "".join(node if isinstance(node, str) else "…" for node in alternatives[0]).strip()
        if word.lower() != "token":
            raise self.wrong(f"{{{word}}} is not known.", "Write {token}, or alternatives such as {red|blue}.")
        if not self.token_phrase:
            raise self.wrong(
                "{token} stands for the subject of an adapter, and none is chosen.",
                "Choose an adapter, or write the subject out.",
            )
        return self.token_phrase

    def options(self, text: str) -> tuple[dict[str, Any], tuple[int, ...]]:
        """A prompt's fields and its seeds, from text such as 'a cat --s 20 --d 7'."""
        pieces = OPTION.split(text)  # prompt, name, value, name, value …
        values: dict[str, Any] = {"prompt": _tidy(pieces[0])}
        if not values["prompt"]:
            raise self.wrong("there is no prompt before its options.")
        for name, value in zip(pieces[1::2], pieces[2::2], strict=True):
            if name not in OPTIONS:
                raise self.wrong(
                    f"there is no option --{name}.", f"There are: {', '.join('--' + o for o in OPTIONS)}."
                )
            values[OPTIONS[name][0]] = self.value(name, _tidy(value))
        if "seed" in values:
            first = values.pop("seed")
            return values, self.counted(first, 1 if self.seeds else self.count)
        return values, self.seeds or self.counted(self.defaults.seed, self.count)

    def counted(self, first: int, count: int) -> tuple[int, ...]:
        self.check_total(count)
        return tuple(range(first, first + count))

    def value(self, name: str, text: str) -> str | int | float:
        _, kind, low, high = OPTIONS[name]
        if kind is str:
            return text
        try:
            number = kind(text)
        except ValueError:
            raise self.wrong(f"--{name} {text} is not a number.".replace("  ", " ")) from None
        if not low <= float(number) <= high:
            raise self.wrong(f"--{name} must be between {low:g} and {high:g}, not {number:g}.")
        return number

    def seed_list(self, text: str) -> tuple[int, ...]:
        """The seeds of '1..4' or '3, 7, 12'."""
        seeds: list[int] = []
        for part in re.split(r"[\s,]+", re.sub(r"\s*\.\.\s*", "..", text).strip(" ,")):
            found = re.fullmatch(r"(\d{1,18})(?:\.\.(\d{1,18}))?", part)
            if not found:
                raise self.wrong(f"{part} is not a seed.", "Write seeds 1..4, or seeds 3, 7, 12.")
            first, last = int(found[1]), int(found[2] or found[1])
            if last < first:
                raise self.wrong(f"{part} is not a range of seeds.", "Write the smaller number first.")
            self.check_total(len(seeds) + last - first + 1)
            seeds += range(first, last + 1)
        return tuple(seeds)

    def check_total(self, more: int) -> None:
        total = len(self.pictures) + more
        if total > LIMIT:
            raise self.wrong(
                f"this makes it {plural(total, 'picture')}, and a sheet may ask for {LIMIT:,}.", "Split the sheet."
            )

    def wrong(self, message: str, hint: str = "") -> WrongUse:
        return WrongUse(f"Line {self.number}: {message}", hint)


def _ways(sequence: Sequence) -> int:
    """How many texts a sequence stands for, without writing them out."""
    ways = 1
    for node in sequence:
        if not isinstance(node, str):
            ways *= sum(map(_ways, node))
    return ways


def _expand(sequence: Sequence) -> Iterator[str]:
    """Every text a sequence stands for; the last alternatives change fastest."""
    choices = [[node] if isinstance(node, str) else [t for s in node for t in _expand(s)] for node in sequence]
    return map("".join, itertools.product(*choices))


def _tidy(text: str) -> str:
    return " ".join(text.split())
