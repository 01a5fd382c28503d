"""The loss of a run as a picture: every step dim, the smoothed curve bright, held-out photos as points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from PIL import Image, ImageDraw

from zen_tui.library.events import AnyEvent, Holdout, Resumed, Step
from zen_tui.scoring import ink

LEFT, RIGHT, TOP, BOTTOM = 76, 28, 64, 56
FINER = 2  # drawn at this many times the size and averaged down, for smooth lines
Point = tuple[float, float]


def loss_plot(events: Iterable[AnyEvent], *, title: str = "", width: int = 1120, height: int = 480) -> Image.Image:
    """Plot a run from its events; the lowest held-out loss is flagged in gold.

    Steps heard of before a restart that went back behind them are left out.
    """
    losses, held = curves(events)
    image = Image.new("RGB", (width * FINER, height * FINER), ink.GROUND)
    draw = ImageDraw.Draw(image)
    ink.write(draw, (LEFT * FINER, 18 * FINER), title or "Loss", 19 * FINER)
    if not losses and not held:
        ink.write(draw, (width, height), "No step was made yet.", 16 * FINER, ink.MUTED, "mm")
        return image.resize((width, height), Image.Resampling.LANCZOS)

    smooth = smoothed(losses)
    last = max((step for step, _ in losses + held), default=1) or 1
    low, high = _range([v for _, v in smooth + held], [v for _, v in losses])

    def place(point: Point) -> Point:
        step, value = point
        x = LEFT + (width - LEFT - RIGHT) * step / last
        y = TOP + (height - TOP - BOTTOM) * (high - min(max(value, low), high)) / (high - low)
        return x * FINER, y * FINER

    for value in ticks(low, high):
        left, y = place((0, value))
        draw.line([(left, y), (place((last, value))[0], y)], fill=ink.LINE, width=FINER)
        ink.write(draw, (left - 10 * FINER, y), f"{value:.4g}", 13 * FINER, ink.MUTED, "rm")
    for mark in ticks(0, last):
        x, y = place((mark, low))
        ink.write(draw, (x, y + 8 * FINER), f"{mark:,.0f}", 13 * FINER, ink.MUTED, "ma")
    ink.write(draw, (place((last, low))[0], (height - 14) * FINER), "step", 13 * FINER, ink.MUTED, "rs")

    if len(losses) > 1:
        dim = tuple((a + 2 * b) // 3 for a, b in zip(ink.JADE, ink.GROUND, strict=True))
        draw.line([place(point) for point in losses], fill=dim, width=FINER, joint="curve")
        draw.line([place(point) for point in smooth], fill=ink.JADE, width=3 * FINER, joint="curve")
    best = min((point for point in held if point[0] > 0), key=lambda point: point[1], default=None)
    for point in held:
        _dot(draw, place(point), 5 * FINER, ink.PERSIMMON)
    if best is not None:
        x, y = place(best)
        _dot(draw, (x, y), 8 * FINER, ink.GOLD)
        anchor = "rs" if x > width * FINER / 2 else "ls"
        text = f"best held-out {best[1]:.4g} at step {best[0]:,.0f}"
        ink.write(draw, (x, y - 14 * FINER), text, 14 * FINER, ink.GOLD, anchor)
    _legend(draw, width, bool(held))
    return image.resize((width, height), Image.Resampling.LANCZOS)


def curves(events: Iterable[AnyEvent]) -> tuple[list[Point], list[Point]]:
    """(step, loss) of every training step and of every held-out scoring that still counts."""
    losses: dict[int, float] = {}
    held: dict[int, float] = {}
    for event in events:
        if isinstance(event, Step):
            losses[event.step] = event.loss
        elif isinstance(event, Holdout):
            held[event.step] = event.loss
        elif isinstance(event, Resumed):
            losses = {step: loss for step, loss in losses.items() if step <= event.step}
            held = {step: loss for step, loss in held.items() if step <= event.step}
    return (
        [(s, v) for s, v in sorted(losses.items()) if math.isfinite(v)],
        [(s, v) for s, v in sorted(held.items()) if math.isfinite(v)],
    )


def smoothed(points: Sequence[Point]) -> list[Point]:
    """An exponential average over about a thirtieth of the run, without the pull of its first value."""
    keep = 1 - 1 / max(3.0, len(points) / 30)
    total = weight = 0.0
    result = []
    for step, value in points:
        total, weight = keep * total + value, keep * weight + 1
        result.append((step, total / weight))
    return result


def ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers within low..high."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    size = next(s * power for s in (1, 2, 5, 10) if s * power >= rough)
    return [n * size for n in range(math.ceil(low / size - 1e-9), math.floor(high / size + 1e-9) + 1)]


def _range(shown: list[float], raw: list[float]) -> tuple[float, float]:
    """Enough for the smooth curve, the points and nine tenths of the raw steps."""
    ordered = sorted(raw)
    tails = [ordered[len(raw) // 20], ordered[-1 - len(raw) // 20]] if raw else []
    low, high = min(shown + tails), max(shown + tails)
    room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
    return (max(0.0, low - room) if low >= 0 else low - room), high + room


def _dot(draw: ImageDraw.ImageDraw, at: Point, radius: int, color: tuple[int, int, int]) -> None:
    x, y = at
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color, outline=ink.GROUND, width=FINER)


def _legend(draw: ImageDraw.ImageDraw, width: int, held: bool) -> None:
    x, y = float((width - RIGHT) * FINER), 30 * FINER
    entries = [("smoothed loss", ink.JADE)]
    if held:
        entries.append(("held-out photos", ink.PERSIMMON))
    for text, color in reversed(entries):
        ink.write(draw, (x, y), text, 14 * FINER, ink.MUTED, "rm")
        x -= ink.font(14 * FINER).getlength(text) + 14 * FINER
        _dot(draw, (x, y), 4 * FINER, color)
        x -= 26 * FINER
