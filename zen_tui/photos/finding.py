"""Finding photos of a dataset: by words, and by what is known and was measured of them."""

from __future__ import annotations

from collections.abc import Callable

from zen_tui.library.errors import WrongUse
from zen_tui.library.query import COMPARE, Term, number, terms
from zen_tui.library.records import Photo, Split
from zen_tui.photos.orders import darkness, face_width, short_side, softness

Test = Callable[[Photo], bool]

PLACES: dict[str, Split] = {
    "use": "train",
    "train": "train",
    "holdout": "holdout",
    "held": "holdout",
    "out": "out",
}
NUMBERS: dict[str, Callable[[Photo], float | None]] = {
    "rating": lambda photo: photo.rating,
    "size": short_side,
    "face": face_width,
    "blur": softness,
    "light": lambda photo: None if (dark := darkness(photo)) is None else 1 - dark,
    "repeats": lambda photo: photo.repeats,
    "weight": lambda photo: photo.weight,
}
NAMES = ("flag", "in", "split", "is", *NUMBERS)
EVERY: Test = lambda photo: True  # noqa: E731  (what an empty query finds)
HELP = "words, flag:blur, in:use, rating>=3, size<768, face>=200, is:alike"


def finder(query: str) -> Test:
    """Whether a photo matches every word of `query`.

    A word is text in the name, the caption or a verdict; or `flag:KIND` (`flag:any`, `flag:none`), `in:use`,
    `in:holdout`, `in:out`, `is:alike`, `is:cropped`; or a number compared: `rating>=3`, `size<768` (pixels of
    the short side), `face>=200` (pixels), `blur>0.5`, `light<0.3`, `repeats>1`, `weight<1`.

    Raises:
        WrongUse: a number is missing, as while `rating>=` is being typed.
    """
    tests = [_test(term) for term in terms(query.lower(), NAMES)]
    if len(tests) > 1:
        return lambda photo: all(test(photo) for test in tests)
    return tests[0] if tests else EVERY


def _test(term: Term) -> Test:
    if term.name in NUMBERS:
        measured, than = NUMBERS[term.name], number(term)
        compare = COMPARE.get(term.operator, COMPARE["="])
        return lambda photo: (value := measured(photo)) is not None and compare(value, than)
    if term.name and term.operator not in (":", "="):
        raise WrongUse(f"{term.word} compares what has no order.", f"Write {term.name}:{term.value or 'use'}.")
    if term.name == "flag":
        return _flag(term.value)
    if term.name in ("in", "split"):
        places = {split for name, split in PLACES.items() if name.startswith(term.value)}
        return lambda photo: photo.split in places
    if term.name == "is":
        return lambda photo: any(word.startswith(term.value) for word in _being(photo))
    return lambda photo: term.text in _searched(photo)


def _flag(kind: str) -> Test:
    if kind == "none":
        return lambda photo: not photo.verdicts
    begun = "" if kind == "any" else kind
    return lambda photo: any(verdict.kind.startswith(begun) for verdict in photo.verdicts)


def _being(photo: Photo) -> list[str]:
    words = {"alike": photo.alike is not None, "cropped": photo.crop is not None, "rated": photo.rating > 0}
    return [word for word, true in words.items() if true]


def _searched(photo: Photo) -> str:
    verdicts = " ".join(f"{verdict.kind} {verdict.text}" for verdict in photo.verdicts)
    return f"{photo.name} {photo.caption} {verdicts}".lower()
