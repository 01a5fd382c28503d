"""The colours and letters of the pictures that Zen draws about pictures: those of the `zen` theme."""

from __future__ import annotations

from PIL import ImageDraw, ImageFont

GROUND = (15, 18, 22)
PANEL = (22, 27, 33)
LINE = (42, 50, 60)
TEXT = (205, 214, 223)
MUTED = (111, 124, 138)
JADE = (88, 201, 163)
PERSIMMON = (240, 138, 93)
GOLD = (230, 195, 92)
SKY = (110, 168, 232)
LILAC = (186, 147, 224)
ROSE = (226, 122, 150)
APART = (JADE, PERSIMMON, SKY, LILAC, GOLD, ROSE)
"""Colours that are told from each other, for what is drawn together."""

Color = tuple[int, int, int]


def font(size: float) -> ImageFont.FreeTypeFont:
    """Pillow's own font at `size` pixels."""
    found = ImageFont.load_default(size=size)
    assert isinstance(found, ImageFont.FreeTypeFont)  # Pillow is built with FreeType wherever wheels exist
    return found


def mixed(one: Color, other: Color, share: float) -> Color:
    """`one` with a `share` of `other` in it."""
    r, g, b = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return r, g, b


def wrapped(text: str, letters: ImageFont.FreeTypeFont, width: float, lines: int) -> str:
    """`text` broken at spaces to fit `width` pixels; what does not fit into `lines` lines becomes an ellipsis."""
    done: list[str] = []
    current = ""
    for word in text.split():
        candidate = f"{current} {word}".strip()
        if current and letters.getlength(candidate) > width:
            done.append(current)
            current = word
        else:
            current = candidate
    done.append(current)
    if len(done) > lines:
        last = done[lines - 1]
        while last and letters.getlength(last + " …") > width:
            last = last.rpartition(" ")[0]
        done = [*done[: lines - 1], f"{last} …".strip()]
    return "\n".join(done)


def write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: float,
    color: Color = TEXT,
    anchor: str = "la",
) -> None:
    """Write one line of `text` at a point; `anchor` as in Pillow's text anchors."""
    draw.text(at, text, fill=color, font=font(size), anchor=anchor)
