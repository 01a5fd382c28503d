"""What a person types to find photos and pictures: words, and conditions such as `rating>=3` or `flag:blur`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection
from dataclasses import dataclass

from zen_tui.library.errors import WrongUse

COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "=": operator.eq,
}  # fmt: skip
OPERATORS = (*COMPARE, ":")  # the longer ones first


@dataclass(frozen=True)
class Term:
    """One word of a query. `name` and `operator` are empty where it is only text; `word` is as it was typed."""

    word: str
    name: str = ""
    operator: str = ""
    value: str = ""

    @property
    def text(self) -> str:
        """The word without the quotes around it."""
        return self.word.strip('"“”')


def terms(query: str, names: Collection[str]) -> list[Term]:
    """The words of `query`; those that begin with one of `names` and an operator are conditions."""
    return [_term(word, names) for word in query.replace("≥", ">=").replace("≤", "<=").split()]


def _term(word: str, names: Collection[str]) -> Term:
    for sign in OPERATORS:
        name, found, value = word.partition(sign)
        if found and name in names:
            return Term(word, name, sign, value)
    return Term(word)


def number(term: Term) -> float:
    """The number that a condition compares with.

    Raises:
        WrongUse: there is none, as in `rating>=` or `rating:good`.
    """
    try:
        return float(term.value)
    except ValueError:
        raise WrongUse(f"{term.word} has no number.", f"Write {term.name}>=3, for example.") from None
