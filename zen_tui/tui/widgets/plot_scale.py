"""Scales for a plot: round numbers for ticks, a vertical scale with or without logarithm, and decimation.

Decimation keeps the lowest and the highest value of each dot column, so that a curve of any length costs
what its width costs and no spike is lost; after Steinarsson, "Downsampling time series" (2013), ch. 2.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
SPANS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
TINY = 1e-8


def nice(value: float, steps: Sequence[float] = NICE) -> float:
    """The smallest round number that is at least `value`."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(step * power for step in (*steps, 10.0) if step * power >= value * (1 - 1e-9))


def round_span(steps: int) -> int:
    """A round number of steps a little above `steps`, so that a growing run changes its scale seldom."""
    return max(10, math.ceil(nice(max(1, steps), SPANS)))


def ticks(low: float, high: float, at_most: int) -> list[float]:
    """Round values from `low` to `high`, at most `at_most` of them."""
    if high <= low or at_most < 1:
        return [low]
    step = nice((high - low) / at_most)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, at_most: int) -> list[float]:
    """1, 2 and 5 times powers of ten between `low` and `high`, thinned to at most `at_most`."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        found = [f * 10.0**p for p in powers for f in factors if low * 0.999 <= f * 10.0**p <= high * 1.001]
        if len(found) <= at_most:
            break
    return found or ticks(low, high, at_most)


@dataclass(frozen=True)
class Vertical:
    """Where a value lies between the bottom and the top of the plot."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def around(cls, values: Sequence[float], log: bool) -> Vertical:
        """A scale that holds `values`, with round ends; something sensible when there are none."""
        finite = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
        if not finite:
            return cls(0.01 if log else 0.0, 1.0, log)
        low, high = min(finite), max(finite)
        if log:
            return cls(max(low, TINY) / 1.1, max(high, TINY) * 1.1, log)
        step = nice(max(high - low, abs(high) * 0.02, TINY) / 5)
        return cls(math.floor(low / step) * step, math.ceil(high / step) * step, log)

    def dot(self, value: float, dots: int) -> int:
        """The dot row of `value` in a plot `dots` high; may lie outside."""
        if self.log:
            span = math.log(self.high / self.low)
            part = math.log(max(value, TINY) / self.low) / span
        else:
            part = (value - self.low) / ((self.high - self.low) or 1)
        return dots - 1 - round(part * (dots - 1))

    def ticks(self, at_most: int) -> list[float]:
        """Round values to label."""
        return (log_ticks if self.log else ticks)(self.low, self.high, at_most)


@dataclass
class Columns:
    """A curve as the lowest and highest value of each of `width` dot columns over steps 0..`span`."""

    width: int
    span: int
    lows: dict[int, float] = field(default_factory=dict)
    highs: dict[int, float] = field(default_factory=dict)
    lasts: dict[int, float] = field(default_factory=dict)
    seen: int = 0
    last_step: int = -1

    def at(self, step: float) -> int:
        """The dot column of `step`."""
        return min(self.width - 1, max(0, int(step * (self.width - 1) // max(1, self.span))))

    def take(self, steps: Sequence[int], losses: Sequence[float], smoothed: Sequence[float]) -> None:
        """Take up what was added since the last call; start again if the run went back to an earlier step."""
        if self.seen > len(steps) or (self.seen and steps[self.seen - 1] != self.last_step):
            self.lows, self.highs, self.lasts, self.seen = {}, {}, {}, 0
        lows, highs, lasts, last_column, scale = (
            self.lows,
            self.highs,
            self.lasts,
            self.width - 1,
            max(1, self.span),
        )
        for index in range(self.seen, len(steps)):
            column = min(last_column, steps[index] * last_column // scale)
            loss = losses[index]
            if loss < lows.get(column, math.inf):
                lows[column] = loss
            if math.inf > loss > highs.get(column, -math.inf):
                highs[column] = loss
            lasts[column] = smoothed[index]
        self.seen = len(steps)
        self.last_step = steps[-1] if steps else -1

    def usual(self) -> list[float]:
        """Values that the vertical scale should show: all smoothed ones and the raw ones but for rare spikes."""
        raw = sorted(self.lows.values()), sorted(self.highs.values())
        if not raw[0]:
            return []
        cut = len(raw[0]) // 20
        return [raw[0][cut], raw[1][-1 - cut], *self.lasts.values()]


def nearest_index(steps: Sequence[int], step: float) -> int | None:
    """The index of the value in sorted `steps` that is nearest to `step`."""
    if not steps:
        return None
    index = bisect_left(steps, step)
    near = [i for i in (index - 1, index) if 0 <= i < len(steps)]
    return min(near, key=lambda i: abs(steps[i] - step))


def steps_line(columns: Columns, left: int, width: int) -> str:
    """The numbers below a plot of `columns` that begins at cell `left`, in `width` cells in all."""
    text, free = [" "] * width, 0
    for value in ticks(0, columns.span, max(2, columns.width // 20)):
        number = f"{round(value):,}"
        start = min(left + (columns.at(value) >> 1) - len(number) // 2, width - len(number))
        if start >= free:
            text[start : start + len(number)] = number
            free = start + len(number) + 2
    return "".join(text)
