"""A contact sheet: prompts down the side, columns beside each other, one PNG to show somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageOps

from zen_tui.scoring import ink

MARGIN, GAP, CORNER = 32, 8, 6
LABELS = 250  # pixels for the prompts on the left
GROUP_GAP = 28  # between two columns
NOTE_LINES = 3


@dataclass(frozen=True)
class Row:
    """One prompt and, for each column, the pictures made of it."""

    prompt: str
    cells: Sequence[Sequence[Image.Image]]


def contact_sheet(
    rows: Sequence[Row],
    columns: Sequence[str],
    *,
    title: str = "",
    photos: Sequence[Image.Image] = (),
    photos_title: str = "",
    notes: Sequence[str] = (),
    colors: Sequence[ink.Color] = (),
    cell: int = 144,
) -> Image.Image:
    """Draw a sheet.

    Args:
        rows: the prompts from top to bottom; every row has as many cells as there are columns.
        columns: what stands above each column of pictures, such as "base" and "with mara".
        title: one line on top.
        photos: a row of pictures on top, such as the person's own; as many as fit are shown.
        photos_title: what stands left of them.
        notes: one line a column under the pictures, such as the measured figures.
        colors: of what stands above the columns; else the first is dim and the others are bright.
        cell: pixels of a picture's side on the sheet.
    """
    wide = [max((len(row.cells[c]) for row in rows), default=0) or 1 for c in range(len(columns))]
    starts = [MARGIN + LABELS]
    for count in wide:
        starts.append(starts[-1] + count * (cell + GAP) - GAP + GROUP_GAP)
    right = starts[-1] - GROUP_GAP
    top = MARGIN + (44 if title else 0)
    photos_top, small = top, round(cell * 0.62)
    if photos:
        top += small + 30
    heads_top = top
    top += 34
    height = top + len(rows) * (cell + GAP) - GAP + (24 + 20 * NOTE_LINES if any(notes) else 0) + MARGIN

    sheet = Image.new("RGB", (right + MARGIN, height), ink.GROUND)
    draw = ImageDraw.Draw(sheet)
    if title:
        ink.write(draw, (MARGIN, MARGIN), title, 24)
    if photos:
        fitting = (right - starts[0] + GAP) // (small + GAP)
        _label(draw, photos_title, photos_top, small, ink.MUTED)
        for number, photo in enumerate(photos[:fitting]):
            _paste(sheet, photo, starts[0] + number * (small + GAP), photos_top, small)
        draw.line([(MARGIN, heads_top - 14), (right, heads_top - 14)], fill=ink.LINE)
    for number, name in enumerate(columns):
        usual = ink.MUTED if number == 0 and len(columns) > 1 else ink.JADE
        color = colors[number] if number < len(colors) else usual
        ink.write(draw, (starts[number], heads_top + 4), name, 16, color)
    for row in rows:
        _label(draw, row.prompt, top, cell, ink.TEXT)
        for start, pictures in zip(starts, row.cells, strict=False):
            for number, picture in enumerate(pictures):
                _paste(sheet, picture, start + number * (cell + GAP), top, cell)
        top += cell + GAP
    for start, count, note in zip(starts, wide, notes, strict=False):
        written = ink.wrapped(note, ink.font(15), count * (cell + GAP) - GAP, NOTE_LINES)
        draw.multiline_text((start, top + 10), written, fill=ink.TEXT, font=ink.font(15), spacing=5)
    return sheet


def _label(draw: ImageDraw.ImageDraw, text: str, top: int, height: int, color: tuple[int, int, int]) -> None:
    letters = ink.font(16)
    lines = max(1, height // 21)
    written = ink.wrapped(text, letters, LABELS - 28, lines)
    middle = top + height / 2
    draw.multiline_text((MARGIN, middle), written, fill=color, font=letters, anchor="lm", spacing=5)


def _paste(sheet: Image.Image, picture: Image.Image, left: int, top: int, side: int) -> None:
    """Put `picture`, whole and centred, into a square with soft corners."""
    fitted = ImageOps.contain(picture.convert("RGB"), (side, side), Image.Resampling.LANCZOS)
    mask = Image.new("L", (fitted.width * 4, fitted.height * 4), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), CORNER * 4, fill=255)
    at = (left + (side - fitted.width) // 2, top + (side - fitted.height) // 2)
    sheet.paste(fitted, at, mask.resize(fitted.size, Image.Resampling.BOX))
