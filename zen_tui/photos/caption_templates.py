"""Captions to begin from, by the kind of subject: what is learned should be what the token stands for.

A person, a pet or a thing is named by token and class word. A garment is worn by somebody else, and a style is
how a picture looks, whatever it shows; so their captions say so.
"""

from __future__ import annotations

import re
from pathlib import Path

from zen_tui.library.errors import WrongUse
from zen_tui.library.records import Dataset, Photo
from zen_tui.library.text import clean, nearest

SUBJECT = (
    "a photo of {token} {class}",
    "{token} {class}",
    "a portrait of {token} {class}",
    "a photo of {token} {class}, {name}",
    "a photo of {token} {class}, {folder}",
)
TEMPLATES: dict[str, tuple[str, ...]] = {
    "person": SUBJECT,
    "pet": SUBJECT,
    "object": tuple(text.replace("a portrait of", "a close-up of") for text in SUBJECT),
    "garment": (
        "a photo of a person wearing {token} {class}",
        "a photo of {token} {class}",
        "{token} {class} on a plain background",
        "a photo of a person wearing {token} {class}, {name}",
        "a photo of a person wearing {token} {class}, {folder}",
    ),
    "style": (
        "a picture in {token} style",
        "{token} style",
        "{name} in {token} style",
        "{folder} in {token} style",
        "{name}, {folder}, in {token} style",
    ),
}
"""The first of a kind is what a photo shows when nobody has said it."""

CLASS_WORDS = {"person": "person", "pet": "animal", "object": "object", "garment": "garment", "style": "style"}
"""The class word of a dataset whose person gave none."""

FIELDS = ("token", "class", "folder", "name")
_FIELD = re.compile(r"\{(\w*)\}")


def templates(kind: str) -> tuple[str, ...]:
    """What there is to choose from for this kind, the usual one first."""
    return TEMPLATES.get(kind, SUBJECT)


def chosen_template(kind: str, number: int) -> str:
    """Template `number` of this kind, counted from 1. Raises `WrongUse`, listing what there is."""
    known = templates(kind)
    if not 1 <= number <= len(known):
        listed = "; ".join(f"{place} {text}" for place, text in enumerate(known, 1))
        raise WrongUse(f"There is no template {number} for a {kind}.", f"There are: {listed}.")
    return known[number - 1]


def require_fields(template: str) -> None:
    """Raise `WrongUse` if a field of `template` is not one that `fill` knows."""
    for name in _FIELD.findall(template):
        if name not in FIELDS:
            close = nearest(name, FIELDS)
            hint = f"Did you mean {{{close}}}?" if close else f"The fields are {{{'}, {'.join(FIELDS)}}}."
            raise WrongUse(f"There is no field {{{name}}}.", hint)


def fill(template: str, dataset: Dataset, photo: Photo | None = None, folder: str = "") -> str:
    """`template` with its fields filled in; a part between commas whose fields are all empty is left out.

    Args:
        photo: gives {name}, its file name in words; without it that is empty.
        folder: the name of the folder the photo came from, gives {folder}; repeats in it, '10_', are left out.
    """
    values = {
        "token": dataset.token,
        "class": dataset.class_word,
        "folder": in_words(re.sub(r"^\d{1,3}_", "", folder)),
        "name": in_words(Path(photo.name).stem) if photo else "",
    }
    parts = []
    for part in template.split(","):
        fields = _FIELD.findall(part)
        if not fields or any(values.get(name) for name in fields):
            parts.append(_FIELD.sub(lambda found: values.get(found[1], found[0]), part))
    return " ".join(",".join(parts).split())


def in_words(name: str) -> str:
    """A file's or folder's name as words: 'castle_by-the.sea' -> 'castle by the sea'."""
    return " ".join(re.sub(r"[_.,-]+", " ", clean(name)).split())
