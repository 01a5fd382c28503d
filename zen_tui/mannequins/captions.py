"""Sentences about pictures: what a person might type to get them. Parts drop out, so any length is at home."""

import random
import re
from collections.abc import Iterable

from zen_tui.mannequins import palette
from zen_tui.mannequins.people import Person
from zen_tui.mannequins.scenes import Scene
from zen_tui.mannequins.words import EXTRA_WORDS

_STYLES: dict[str, tuple[str, ...]] = {
    "photo": ("a photo of {}", "a photo of {}", "a portrait of {}", "a picture of {}", "photo of {}", "{}"),
    "oil painting": ("an oil painting of {}", "a painting of {} in oil", "oil painting of {}"),
    "watercolour": ("a watercolour of {}", "a watercolor painting of {}", "a watercolour painting of {}"),
    "pencil sketch": ("a pencil sketch of {}", "a pencil drawing of {}", "a sketch of {} in pencil"),
    "cartoon": ("a cartoon of {}", "a cartoon drawing of {}", "{} as a cartoon"),
    "marble statue": ("a marble statue of {}", "a statue of {} in marble", "a white marble bust of {}"),
    "jade statue": ("a jade statue of {}", "a statue of {} in jade", "a green jade bust of {}"),
    "bronze statue": ("a bronze statue of {}", "a statue of {} in bronze", "a bronze bust of {}"),
}
_PROFESSIONAL = ("a professional portrait of {}", "a professional photo of {}", "a headshot of {}")
_PASSPORT = ("a passport photo of {}", "a portrait of {} for a passport", "an identity photo of {}")
_PLACES: dict[str, tuple[str, ...]] = {
    "studio": ("in a studio", "in a photo studio", "studio background", "in front of a plain backdrop"),
    "white": ("on a white background", "white background", "in front of a white wall", "plain white background"),
    "beach": ("on a beach", "at the beach", "by the sea", "on the beach"),
    "forest": ("in a forest", "in the woods", "among trees", "in the forest"),
    "city": ("in a city", "in the city", "on a city street", "in front of buildings"),
    "mountains": ("in the mountains", "in front of snowy mountains", "on a mountain", "mountains behind"),
    "office": ("in an office", "at the office", "in a room with books", "in an office with a window"),
    "night sky": ("under a night sky", "at night under the stars", "under the moon", "at night"),
    "eiffel tower": ("in front of the eiffel tower", "by the eiffel tower", "in paris at the eiffel tower"),
    "cannes": (
        "in cannes",
        "on the red carpet in cannes",
        "at the cannes film festival",
        "at cannes with palm trees",
    ),
}
_HAIR: dict[str, tuple[str, ...]] = {
    "bald": ("a bald head", "no hair"),
    "short": ("short {} hair",),
    "bob": ("a {} bob", "{} hair in a bob", "bob {} hair"),
    "long": ("long {} hair",),
    "curly": ("curly {} hair",),
    "bun": ("a {} bun", "{} hair in a bun", "bun {} hair"),
}
_BEARDS = {
    "none": (),
    "stubble": ("stubble",),
    "moustache": ("a moustache", "a {} moustache"),
    "beard": ("a beard", "a {} beard"),
}
_GARMENTS = {
    "shirt": ("a {} shirt", "a {} shirt"),
    "t-shirt": ("a {} t-shirt", "a {} t-shirt"),
    "suit": ("a {} suit", "a {} suit", "a {} suit and tie", "a {} suit jacket"),
    "dress": ("a {} dress", "a {} dress"),
    "hoodie": ("a {} hoodie", "a {} hoodie"),
}
_WEARING = (", wearing {}", " wearing {}", ", dressed in {}", " in {}")
_FACE = ("glasses", "freckles", "{} skin", "{} eyes")
_AGES = ("young", "old", "elderly")
_LOOKS = ("smiling", "serious", "side view", "in profile", "looking left", "looking right", "facing the camera")
_SMALL = ("with", "and", "an", "the", "{} hat", "a {} hat")


def _words(phrases: Iterable[str]) -> list[str]:
    return [word for phrase in phrases for word in re.findall(r"[a-z-]+", phrase)]


def vocabulary() -> list[str]:
    """Every word a caption can contain, and plain words a person might add, sorted."""
    tables = (_STYLES, _PLACES, _HAIR, _BEARDS, _GARMENTS)
    phrases = [phrase for table in tables for options in table.values() for phrase in options]
    phrases += [*_PROFESSIONAL, *_PASSPORT, *_WEARING, *_FACE, *_AGES, *_LOOKS, *_SMALL]
    phrases += [*palette.COLORS, *palette.SKINS, *palette.EYE_COLORS, *palette.HAIR_COLORS, *palette.GENDERS]
    return sorted({*_words(phrases), *EXTRA_WORDS})


def _colored(phrase: str, color: str | None) -> str:
    """The phrase with its colour, or without one where a statue or sketch shows none."""
    return re.sub(r"\s+", " ", phrase.format(color or "")).strip()


def _who(person: Person, rng: random.Random) -> str:
    word = person.gender
    if person.hair_style == "bald" and rng.random() < 0.5:
        word = f"bald {word}"
    if rng.random() < 0.5:
        if person.age < 0.25:
            word = f"young {word}"
        elif person.age > 0.72:
            word = f"{rng.choice(_AGES[1:])} {word}"
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _features(person: Person, scene: Scene, rng: random.Random, who: str, colored: bool) -> list[str]:
    bits = []
    hair = person.hair_color if colored else None
    shows_style = scene.hat is None or person.hair_style in ("bob", "long", "curly")
    said = person.hair_style == "bald" and "bald" in who
    if shows_style and not said and rng.random() < 0.85:
        bits.append(_colored(rng.choice(_HAIR[person.hair_style]), hair))
    elif not shows_style and person.hair_style != "bald" and hair and rng.random() < 0.5:
        bits.append(f"{hair} hair")
    if person.beard != "none" and rng.random() < 0.8:
        bits.append(_colored(rng.choice(_BEARDS[person.beard]), hair))
    if person.glasses and rng.random() < 0.85:
        bits.append("glasses")
    if person.freckles and rng.random() < 0.5:
        bits.append("freckles")
    if colored and rng.random() < 0.4:
        bits.append(f"{person.skin} skin")
    if colored and rng.random() < 0.15:
        bits.append(f"{person.eye_color} eyes")
    return bits


def _listed(bits: list[str]) -> str:
    return bits[0] if len(bits) == 1 else f"{', '.join(bits[:-1])} and {bits[-1]}"


def _look(scene: Scene, rng: random.Random) -> str | None:
    options = []
    if scene.smile > 0.7:
        options.append("smiling")
    if scene.smile < 0.15:
        options.append("serious")
    if abs(scene.yaw) > 0.7:
        options += ["side view", "in profile"]
    if abs(scene.yaw) > 0.35:
        options.append("looking right" if scene.yaw > 0 else "looking left")
    if abs(scene.yaw) < 0.12:
        options.append("facing the camera")
    return rng.choice(options) if options and rng.random() < 0.4 else None


def _frames(scene: Scene, rng: random.Random) -> tuple[str, ...]:
    if scene.style == "photo" and scene.background == "white" and abs(scene.yaw) < 0.35 and rng.random() < 0.4:
        return _PASSPORT
    if scene.style == "photo" and scene.background in ("studio", "office", "white") and rng.random() < 0.3:
        return _PROFESSIONAL
    return _STYLES[scene.style]


def caption(person: Person, scene: Scene, rng: random.Random, subject: str | None = None) -> str:
    """One sentence about the picture; `subject` ("ohwx woman") stands for the person and leaves out their looks.

    Statues and sketches show no colours, and mostly none are named there.
    """
    carved = scene.style in palette.STATUES or scene.style == "pencil sketch"
    colored = not carved or rng.random() < 0.12
    who = subject or _who(person, rng)
    if subject is None:
        bits = _features(person, scene, rng, who, colored)
        who += f" with {_listed(bits)}" if bits else ""
    worn = []
    if rng.random() < 0.78:
        worn.append(_colored(rng.choice(_GARMENTS[scene.garment]), scene.garment_color if colored else None))
    if scene.hat and rng.random() < 0.9:
        worn.append(_colored("a {} hat", scene.hat if colored else None))
    if worn:
        worn = [re.sub(r"^a (?=[aeiou])", "an ", item) for item in worn]
        who += rng.choice(_WEARING).format(" and ".join(worn))
    sentence = rng.choice(_frames(scene, rng)).format(who)
    if rng.random() < 0.8:
        joint = ", " if rng.random() < 0.75 else " "
        sentence += joint + rng.choice(_PLACES[scene.background])
    look = _look(scene, rng)
    return f"{sentence}, {look}" if look else sentence
