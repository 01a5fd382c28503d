"""What a prompt asks of a picture, in the words of the mannequins' world."""

from __future__ import annotations

import re

from zen_tui.mannequins.palette import COLORS, GARMENTS, GENDERS, HAIR_COLORS, STATUES

# The first pattern that is found decides; so the narrow ones come first.
_STYLES = (
    (r"marble", "marble statue"),
    (r"jade", "jade statue"),
    (r"bronze", "bronze statue"),
    (r"oil", "oil painting"),
    (r"watercolou?r", "watercolour"),
    (r"sketch|pencil", "pencil sketch"),
    (r"cartoon", "cartoon"),
    (r"photo(?! studio)|portrait|picture|headshot", "photo"),
)
_PLACES = (
    (r"eiffel tower", "eiffel tower"),
    (r"cannes", "cannes"),
    (r"beach|by the sea", "beach"),
    (r"forest|woods|among trees", "forest"),
    (r"city|street|buildings", "city"),
    (r"mountains?", "mountains"),
    (r"office|room with books", "office"),
    (r"night|stars|moon", "night sky"),
    (r"white background|white wall|passport|identity photo", "white"),
    (r"studio|plain backdrop", "studio"),
)
_HAIR = (
    (r"bald|no hair", "bald"),
    (r"bob", "bob"),
    (r"bun", "bun"),
    (r"curly", "curly"),
    (r"short(?: \w+)? hair", "short"),
    (r"long(?: \w+)? hair", "long"),
)
_UNCOLOURED = {*STATUES, "pencil sketch"}


def asked(prompt: str) -> dict[str, str]:
    """The attributes that `prompt` asks for, by the names of `mannequins.world.ATTRIBUTES`.

    Colours are not asked of statues and sketches, which show none.
    """
    text = " ".join(prompt.lower().split())
    wishes = {
        "style": _first(_STYLES, text),
        "background": _first(_PLACES, text),
        "hair_style": _first(_HAIR, text),
        "gender": _word(GENDERS, r"{}", text),
    }
    if wishes["style"] not in _UNCOLOURED:
        wishes["garment_color"] = _word(COLORS, rf"{{}} (?:{'|'.join(GARMENTS)})", text)
        wishes["hair_color"] = _word(HAIR_COLORS, r"{} (?:hair|bob|bun)", text)
    return {name: value for name, value in wishes.items() if value}


def shows_identity(prompt: str) -> bool:
    """Whether a picture of this prompt shows who it is: the reader cannot tell in statues and sketches."""
    return asked(prompt).get("style") not in _UNCOLOURED


def _first(patterns: tuple[tuple[str, str], ...], text: str) -> str:
    return next((value for pattern, value in patterns if re.search(rf"\b(?:{pattern})\b", text)), "")


def _word(words: tuple[str, ...], pattern: str, text: str) -> str:
    """Which of `words` stands in `text` where `pattern` has its braces."""
    found = re.search(rf"\b{pattern.format('(' + '|'.join(words) + ')')}\b", text)
    return found[1] if found else ""
