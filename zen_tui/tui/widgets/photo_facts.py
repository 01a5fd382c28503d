"""What is known of a photo, in words and numbers: its use, its measures, and what stands against it."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from textual.content import Content

from zen_tui.library.records import Measures, Photo, Verdict
from zen_tui.library.text import clean, plural
from zen_tui.photos.alike import apart
from zen_tui.photos.orders import face_width
from zen_tui.photos.variety import pose
from zen_tui.tui.widgets.photo_marks import marks

SPLITS = {"train": "trained on", "holdout": "held out to measure with", "out": "left out"}
TONES = {"train": "$primary", "holdout": "$best", "out": "$lost"}
WAYS = {"front": "front", "left": "turned left", "right": "turned right"}
GOOD, DOUBT = "$primary", "$attention"
LABEL = 9  # columns of the labels on the left
SHORT = {
    "blur": "blurred", "duplicate": "alike", "exposure": "light", "aspect": "long", "noface": "no face",
    "faces": "more faces", "distant": "far off", "stranger": "someone else",
}  # fmt: skip


def tile_label(photo: Photo) -> tuple[str, str]:
    """What stands under a photo in the grid, and its tone: its use, or its flag, and its stars."""
    label, tone = {"holdout": ("held out", "best"), "out": ("out", "lost")}.get(photo.split, ("use", ""))
    if photo.split == "train" and photo.verdicts:
        more = f" +{len(photo.verdicts) - 1}" if len(photo.verdicts) > 1 else ""
        label, tone = f"{SHORT.get(photo.verdicts[0].kind, photo.verdicts[0].kind)}{more}", "attention"
    return f"{label} {'★' * photo.rating}".rstrip(), tone


def facts(
    photo: Photo, width: int, number: int, twins: Sequence[tuple[int, Photo]], mask: str | None = None
) -> Content:
    """Lines of at most `width` columns. `number` is the photo's own, `twins` are those alike with theirs.

    `mask` is the origin of its mask, None where it has none.
    """
    size = f"  {photo.width}×{photo.height} {photo.format}"
    name = clean(photo.name, max(8, width - len(size)))
    lines = [
        Content.assemble((name, "bold $bright"), (size, "$muted")),
        _line("use", SPLITS[photo.split], TONES[photo.split], "★" * photo.rating),
    ]
    if photo.repeats > 1:
        lines.append(_line("repeats", str(photo.repeats), "$foreground"))
    if photo.weight != 1:
        lines.append(_line("weight", f"{photo.weight:g}", "$foreground"))
    lines += [_line(name, value, "$foreground") for name, value in marks(photo, mask)]
    if photo.measures:
        lines += _measured(photo, photo.measures)
    if twins:
        said = wrap(alike(photo, number, twins), max(10, width - LABEL))
        lines += [_line("" if part else "alike", text, DOUBT) for part, text in enumerate(said)]
    for verdict in photo.verdicts:
        wrapped = wrap(sentence(verdict), max(10, width - 2)) or [""]
        lines += [Content.styled(f"{'  ' if part else '! '}{text}", DOUBT) for part, text in enumerate(wrapped)]
    return Content("\n").join(lines)


def facts_in_short(
    photo: Photo, width: int, number: int, twins: Sequence[tuple[int, Photo]], mask: str | None = None
) -> Content:
    """The same for a pane of a few rows: a line for its name and use, one for its measures, then its flags."""
    use = f"  {SPLITS[photo.split]}"
    stars = f"  {'★' * photo.rating}" if photo.rating else ""
    name = clean(photo.name, max(8, width - len(use) - len(stars)))
    lines = [Content.assemble((name, "bold $bright"), (use, TONES[photo.split]), (stars, "$best"))]
    measured = (
        [line.plain.split(maxsplit=1) for line in _measured(photo, photo.measures)] if photo.measures else []
    )
    said = [f"{photo.width}×{photo.height}", *(f"{name} {value}" for name, value in marks(photo, mask))]
    said += [f"{label} {value.strip()}" for label, value in measured]
    said += [f"alike {alike(photo, number, twins)}"] if twins else []
    lines.append(Content.styled(clean(" · ".join(said), width), "$muted"))
    lines += [Content.styled(clean(f"! {sentence(verdict)}", width), DOUBT) for verdict in photo.verdicts]
    return Content("\n").join(lines)


def _measured(photo: Photo, measures: Measures) -> list[Content]:
    kinds = {verdict.kind for verdict in photo.verdicts}
    sharp = f"{1 - measures.blur:.2f}{', blurred' if 'blur' in kinds else ''}"
    lines = [_line("sharp", sharp, DOUBT if "blur" in kinds else GOOD)]
    wide = face_width(photo)
    if wide is not None:
        words = f"{wide:.0f} px" if wide else "none found"
        if measures.faces and (way := pose(measures.faces[0])):
            words += f", {WAYS[way]}"
        if measures.faces and len(measures.faces) > 1:
            words += f", {len(measures.faces)} faces"
        lines.append(_line("face", words, DOUBT if kinds & {"noface", "faces", "distant"} else GOOD))
    light = light_words(next((verdict for verdict in photo.verdicts if verdict.kind == "exposure"), None))
    return [*lines, _line("light", light, GOOD if light == "good" else DOUBT)]


def light_words(verdict: Verdict | None) -> str:
    """'good', or what is wrong with the light and by how much."""
    if verdict is None:
        return "good"
    word = next((word for word in ("dark", "burnt out", "bright") if word in verdict.text), "odd")
    return f"{word}, {verdict.value:.0%}"


def alike(photo: Photo, number: int, twins: Sequence[tuple[int, Photo]]) -> str:
    """'6 and 7 differ by 3 bits': the photo beside the one that is most like it."""
    near = [(apart(photo, twin), other) for other, twin in twins if photo.measures and twin.measures]
    if not near:
        return ", ".join(str(other) for other, _ in twins[:6])
    bits, other = min(near)
    first, second = sorted((number, other))
    more = f", {len(twins) - 1} more" if len(twins) > 1 else ""
    difference = f"differ by {plural(bits, 'bit')}" if bits else "look the same"
    return f"{first:,} and {second:,} {difference}{more}"


def sentence(verdict: Verdict) -> str:
    """A verdict with its number and the threshold that it was held against."""
    text = verdict.text[:1].upper() + verdict.text[1:]
    if verdict.limit is None or any(form in text for form in (f"{verdict.limit:g}", f"{verdict.limit:.0%}")):
        return text
    value = "" if f"{verdict.value:g}" in text else f"{verdict.value:.2g}; "
    return f"{text.rstrip('.')} ({value}the limit is {verdict.limit:g})."


def _line(label: str, value: str, colour: str, stars: str = "") -> Content:
    return Content.assemble((f"{label:<{LABEL - 1}} ", "$muted"), (value, colour), (f"  {stars}", "$best"))
