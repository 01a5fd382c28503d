"""The loss of a run as a picture: every step dim, the smoothed curve bright, held-out photos as points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from PIL import Image

from zen_tui.library.events import AnyEvent, Holdout, Resumed, Step
from zen_tui.scoring import ink
from zen_tui.scoring.axes import Axes, Point, span


def loss_plot(events: Iterable[AnyEvent], *, title: str = "", width: int = 1120, height: int = 480) -> Image.Image:
    """Plot a run from its events; the lowest held-out loss is flagged in gold.

    Steps heard of before a restart that went back behind them are left out.
    """
    losses, held = curves(events)
    smooth = smoothed(losses)
    last = max((step for step, _ in losses + held), default=1) or 1
    axes = Axes(title or "Loss", last, span([v for _, v in smooth + held], [v for _, v in losses]), width, height)
    if not losses and not held:
        return axes.empty("No step was made yet.")
    axes.scales()
    if len(losses) > 1:
        axes.line(losses, ink.mixed(ink.JADE, ink.GROUND, 2 / 3), 1)
        axes.line(smooth, ink.JADE, 3)
    best = min((point for point in held if point[0] > 0), key=lambda point: point[1], default=None)
    for point in held:
        axes.dot(point, 5, ink.PERSIMMON)
    if best is not None:
        axes.dot(best, 8, ink.GOLD)
        axes.words(best, f"best held-out {best[1]:.4g} at step {best[0]:,.0f}", ink.GOLD)
    axes.legend([("smoothed loss", ink.JADE), *([("held-out photos", ink.PERSIMMON)] if held else [])])
    return axes.finished()


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


def smoothed(points: Sequence[Point], least: float = 3) -> list[Point]:
    """An exponential average over a thirtieth of the run, or `least` points, without its first value's pull."""
    keep = 1 - 1 / max(least, len(points) / 30)
    total = weight = 0.0
    result = []
    for step, value in points:
        total, weight = keep * total + value, keep * weight + 1
        result.append((step, total / weight))
    return result
