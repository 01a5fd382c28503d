"""The loss plot: what it keeps of a curve, what it draws, what it costs, and what it reads out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import SupportsIndex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from zen_tui.tui import theme
from zen_tui.tui.widgets.loss_plot import Curve, LossPlot
from zen_tui.tui.widgets.plot_scale import Columns, Vertical, log_ticks, nice, round_span, ticks


class PlotApp(App[None]):
    """Nothing but a plot."""

    def get_css_variables(self) -> dict[str, str]:
        return theme.fill_in(super().get_css_variables())

    def compose(self) -> ComposeResult:
        yield LossPlot()

    @property
    def plot(self) -> LossPlot:
        return self.query_one(LossPlot)


def falling(count: int, total: int = 1000) -> Curve:
    """A curve that falls from 0.5, with held-out points, of which that at step 200 is the best."""
    steps = list(range(1, count + 1))
    losses = [0.1 + 0.4 * math.exp(-step / 200) + 0.02 * math.sin(step) for step in steps]
    held = [(0, 0.5), (100, 0.3), (200, 0.2), (300, 0.25)]
    return Curve(steps, losses, losses, held, [0, 100, 300], 200, total)


def drawn(plot: LossPlot) -> list[str]:
    return [plot.render_line(y).text for y in range(plot.size.height)]


@given(
    st.lists(st.floats(0.001, 10), min_size=1, max_size=300),
    st.integers(4, 60),
    st.integers(1, 20),
)
@settings(max_examples=60, deadline=None)
def test_no_spike_is_lost_however_narrow_the_plot(losses: list[float], width: int, pieces: int) -> None:
    """Fed in pieces, every dot column knows the lowest and the highest loss of its steps."""
    steps = list(range(1, len(losses) + 1))
    columns = Columns(width, len(losses))
    for end in [*range(0, len(losses), pieces), len(losses)]:
        columns.take(steps[:end], losses[:end], losses[:end])
    for column in range(width):
        mine = [loss for step, loss in zip(steps, losses, strict=True) if columns.at(step) == column]
        assert columns.lows.get(column) == (min(mine) if mine else None)
        assert columns.highs.get(column) == (max(mine) if mine else None)


class Counted(list[float]):
    """A list that counts how often it is read."""

    reads = 0

    def __getitem__(self, index: SupportsIndex | slice) -> float:  # type: ignore[override]
        self.reads += 1
        found = super().__getitem__(index)
        assert isinstance(found, float)
        return found

    def __iter__(self) -> Iterator[float]:
        self.reads += len(self)
        return super().__iter__()


def test_a_step_more_costs_a_step_and_not_the_whole_run() -> None:
    losses = Counted([0.5] * 5000)
    steps = list(range(1, 5001))
    columns = Columns(100, 10_000)
    columns.take(steps, losses, [0.5] * 5000)
    losses.reads = 0
    losses.append(0.4)
    columns.take([*steps, 5001], losses, [0.5] * 5001)
    assert losses.reads == 1
    assert min(columns.lows.values()) == 0.4


def test_a_run_that_went_back_is_drawn_anew() -> None:
    columns = Columns(100, 100)
    columns.take([1, 2, 3, 4], [9.0, 9.0, 9.0, 99.0], [9.0] * 4)
    columns.take([1, 2, 3], [9.0, 9.0, 9.0], [9.0] * 3)
    assert max(columns.highs.values()) == 9.0
    columns.take([1, 2, 50], [9.0, 9.0, 1.0], [9.0] * 3)
    assert columns.lows[columns.at(50)] == 1.0
    assert columns.at(3) not in columns.lows


@given(st.floats(1e-6, 1e6), st.floats(1.001, 1000), st.integers(2, 12))
@settings(max_examples=100, deadline=None)
def test_ticks_are_round_few_and_inside(low: float, factor: float, at_most: int) -> None:
    high = low * factor
    found = ticks(low, high, at_most)
    assert len(found) <= at_most + 1
    assert all(low * 0.999 <= value <= high * 1.001 for value in found)
    assert log_ticks(low, high, at_most)


@pytest.mark.parametrize(("steps", "span"), [(1, 10), (95, 100), (101, 120), (400, 400), (1001, 1200)])
def test_a_fitted_plot_ends_at_a_round_number(steps: int, span: int) -> None:
    assert round_span(steps) == span


def test_nice_numbers() -> None:
    assert [nice(value) for value in (0.9, 1, 1.1, 2.3, 30)] == [1, 1, 2, 2.5, 50]


@given(st.lists(st.floats(0.0, 100), min_size=2, max_size=20), st.booleans(), st.integers(8, 100))
@settings(max_examples=100, deadline=None)
def test_the_scale_holds_its_values_and_keeps_their_order(values: list[float], log: bool, dots: int) -> None:
    scale = Vertical.around(values, log)
    for value in values:
        if value > 1e-6 or not log:
            assert 0 <= scale.dot(value, dots) < dots
    low, high = min(values), max(values)
    assert scale.dot(low, dots) >= scale.dot(high, dots)


async def test_marks_stand_where_they_belong() -> None:
    app = PlotApp()
    async with app.run_test(size=(120, 30)) as pilot:
        app.plot.show(falling(400))
        await pilot.pause()
        lines = drawn(app.plot)
        text = "\n".join(lines[:-1])
        assert text.count("◆") == 3
        assert text.count("★") == 1
        assert text.count("▴") == 3
        best = next(line for line in lines if "★" in line).index("★")
        assert abs((best - 8) / (120 - 9) - 0.2) < 0.02  # step 200 of 1000
        assert any(line.strip().startswith("0.5") for line in lines)
        assert "1,000" in lines[-2]
        assert "best so far: step 200" in lines[-1]


async def test_the_plot_reaches_as_far_as_the_run_and_fits_on_demand() -> None:
    app = PlotApp()
    async with app.run_test(size=(120, 30)) as pilot:
        app.plot.show(falling(400))
        await pilot.pause()
        rows = drawn(app.plot)[:-3]
        assert max(len(line.rstrip()) for line in rows) < 8 + 0.45 * 111
        app.plot.fitted = True
        await pilot.pause()
        rows = drawn(app.plot)[:-3]
        assert max(len(line.rstrip()) for line in rows) > 8 + 0.9 * 111


async def test_a_logarithmic_scale_gives_low_losses_more_room() -> None:
    app = PlotApp()
    steps = list(range(1, 101))
    losses = [10 ** (-step / 25) for step in steps]  # from 1 to 0.0001: a straight line on a logarithmic scale
    async with app.run_test(size=(100, 30)) as pilot:
        app.plot.show(Curve(steps, losses, losses, total=100))
        await pilot.pause()

        def row_of(share: float) -> int:
            column = 8 + int(share * 90)
            return next(y for y, line in enumerate(drawn(app.plot)[:-3]) if line[column] != " ")

        assert row_of(0.5) > 22  # 0.01 lies at the bottom
        app.plot.log_scale = True
        await pilot.pause()
        assert 9 <= row_of(0.5) <= 17  # 0.01 lies in the middle
        assert any("0.01" in line for line in drawn(app.plot))


async def test_the_cursor_reads_a_step_out() -> None:
    app = PlotApp()
    async with app.run_test(size=(120, 30)) as pilot:
        curve = falling(400)
        app.plot.show(curve)
        app.plot.focus()
        await pilot.press("left")
        assert app.plot.cursor == 400
        await pilot.press("left", "left")
        assert app.plot.cursor is not None
        assert 380 <= app.plot.cursor < 400
        await pilot.press("home")
        line = drawn(app.plot)[-1]
        assert f"loss {curve.losses[0]:.4f}" in line
        assert "held out 0.5000 at 0" in line
        await pilot.press("end")
        assert f"step 400   loss {curve.losses[-1]:.4f}" in drawn(app.plot)[-1]


@pytest.mark.parametrize("size", [(120, 30), (40, 8), (12, 4), (3, 2)])
async def test_any_run_can_be_drawn_at_any_size(size: tuple[int, int]) -> None:
    app = PlotApp()
    async with app.run_test(size=size) as pilot:
        for count in (0, 1, 2, 2000):
            steps = list(range(1, count + 1))
            losses = [math.nan if step % 7 == 0 else math.inf if step % 11 == 0 else 1 / step for step in steps]
            for log in (False, True):
                app.plot.log_scale = log
                app.plot.show(Curve(steps, losses, losses, [(0, math.nan), (1, 0.5)], [1], 1, count))
                await pilot.pause()
                assert all(len(line) == size[0] for line in drawn(app.plot))
