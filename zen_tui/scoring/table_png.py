"""A table as a picture: a row of heads, a column of names, figures under each head."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from zen_tui.scoring import ink

MARGIN, ROW = 32, 30
NAMES = 290  # pixels for the names on the left
COLUMN = 190


def table_png(
    title: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], note: str = ""
) -> Image.Image:
    """Draw `rows`, each a name and a figure for every head; a row without figures is a heading of its own.

    `note` stands below, in as many lines as it needs.
    """
    width = 2 * MARGIN + NAMES + COLUMN * len(heads)
    letters = ink.font(14)
    below = ink.wrapped(note, letters, width - 2 * MARGIN, 12) if note else ""
    height = 2 * MARGIN + 44 + ROW * (len(rows) + 1) + (20 * (below.count("\n") + 1) + 16 if below else 0)
    image = Image.new("RGB", (width, height), ink.GROUND)
    draw = ImageDraw.Draw(image)
    ink.write(draw, (MARGIN, MARGIN), title, 24)
    top = MARGIN + 52
    for number, head in enumerate(heads):
        ink.write(draw, (_right(number), top), head, 16, ink.MUTED if number == 0 else ink.JADE, "ra")
    top += ROW
    draw.line([(MARGIN, top - 6), (width - MARGIN, top - 6)], fill=ink.LINE)
    for name, figures in rows:
        ink.write(draw, (MARGIN, top), name, 15, ink.TEXT if figures else ink.GOLD)
        for number, figure in enumerate(figures):
            ink.write(draw, (_right(number), top), figure, 15, ink.TEXT, "ra")
        top += ROW
    if below:
        draw.multiline_text((MARGIN, top + 12), below, fill=ink.MUTED, font=letters, spacing=6)
    return image


def _right(number: int) -> int:
    return MARGIN + NAMES + COLUMN * (number + 1) - 8


def stacked(images: Sequence[Image.Image]) -> Image.Image:
    """Pictures below each other on one ground."""
    whole = Image.new("RGB", (max(i.width for i in images), sum(i.height for i in images)), ink.GROUND)
    top = 0
    for image in images:
        whole.paste(image, (0, top))
        top += image.height
    return whole
