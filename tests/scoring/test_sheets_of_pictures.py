"""Contact sheets and loss plots: what must be on them is on them."""

from __future__ import annotations

import math

import pytest
from PIL import Image

from zen_tui.library.events import AnyEvent, Holdout, Note, Resumed, Step
from zen_tui.scoring import ink
from zen_tui.scoring.axes import ticks
from zen_tui.scoring.contact import Row, contact_sheet
from zen_tui.scoring.loss_png import curves, loss_plot, smoothed

RED, BLUE, WHITE = (200, 0, 0), (0, 0, 200), (250, 250, 250)


def plain(color: tuple[int, int, int], size: tuple[int, int] = (128, 128)) -> Image.Image:
    return Image.new("RGB", size, color)


def amount(image: Image.Image, color: tuple[int, int, int]) -> int:
    """How many pixels have exactly this colour."""
    return next((n for n, found in image.getcolors(1 << 24) or [] if found == color), 0)


def test_every_picture_is_on_the_sheet_at_its_size() -> None:
    rows = [Row(f"prompt {n}", [[plain(RED)] * 2, [plain(BLUE)] * 3]) for n in range(4)]
    sheet = contact_sheet(rows, ["base", "with mara"], title="mara", photos=[plain(WHITE)] * 3, cell=100)
    corners = 60  # pixels of a picture that its soft corners may take
    assert 8 * 100**2 >= amount(sheet, RED) > 8 * (100**2 - corners)
    assert 12 * 100**2 >= amount(sheet, BLUE) > 12 * (100**2 - corners)
    assert 3 * 62**2 >= amount(sheet, WHITE) > 3 * (62**2 - corners)
    assert sheet.getpixel((0, 0)) == ink.GROUND
    half = sheet.width * 2 // 3
    assert amount(sheet.crop((0, 0, half - 100, sheet.height)), BLUE) == 0  # the columns do not mix


def test_tall_pictures_are_shown_whole() -> None:
    sheet = contact_sheet([Row("tall", [[plain(RED, (64, 128))]])], ["one"], cell=100)
    assert 100 * 50 >= amount(sheet, RED) > 100 * 50 - 60


def test_long_prompts_are_cut_and_titles_without_rows_work() -> None:
    letters = ink.font(16)
    text = ink.wrapped("word " * 200, letters, 200, 4)
    assert len(text.splitlines()) == 4
    assert text.endswith("…")
    assert max(letters.getlength(line) for line in text.splitlines()) <= 200
    assert ink.wrapped("two words", letters, 200, 4) == "two words"
    assert contact_sheet([], ["base", "with mara"], title="nothing yet").width > 300


def run_of(steps: int) -> list[AnyEvent]:
    events: list[AnyEvent] = [Note(text="ignored")]
    for step in range(1, steps + 1):
        events.append(Step(step=step, loss=1 / step + 0.1, lr=1e-4))
        if step % 10 == 0:
            events.append(Holdout(step=step, loss=0.5 if step == 20 else 0.7))
    return events


def test_a_plot_shows_steps_smooth_curve_points_and_the_best() -> None:
    plot = loss_plot(run_of(40), title="Loss of mara")
    assert plot.size == (1120, 480)
    for color in (ink.JADE, ink.PERSIMMON, ink.GOLD, ink.GROUND):
        assert amount(plot, color) > 20, color
    without = loss_plot([event for event in run_of(40) if not isinstance(event, Holdout)])
    assert amount(without, ink.GOLD) == amount(without, ink.PERSIMMON) == 0


@pytest.mark.parametrize(
    "events",
    [
        [],
        [Step(step=1, loss=0.3, lr=1e-4)],
        [Holdout(step=0, loss=0.3)],
        [Step(step=s, loss=0.5, lr=1e-4) for s in (1, 2, 3)],
        [Step(step=1, loss=math.nan, lr=1e-4), Step(step=2, loss=2.0, lr=1e-4)],
    ],
)
def test_short_flat_and_broken_runs_can_be_plotted(events: list[AnyEvent]) -> None:
    assert loss_plot(events).size == (1120, 480)


def test_steps_behind_a_restart_are_drawn_once() -> None:
    events: list[AnyEvent] = [Step(step=s, loss=float(s), lr=0) for s in range(1, 6)]
    events += [Holdout(step=5, loss=1.0), Resumed(step=3), Step(step=4, loss=40.0, lr=0)]
    assert curves(events) == ([(1, 1.0), (2, 2.0), (3, 3.0), (4, 40.0)], [])


def test_smoothing_starts_at_the_first_value_and_ticks_are_round() -> None:
    assert smoothed([(1, 4.0), (2, 4.0), (3, 4.0)]) == [(1, 4.0), (2, 4.0), (3, pytest.approx(4.0))]
    assert ticks(0, 600) == [0, 200, 400, 600]
    assert ticks(0.1, 0.35) == pytest.approx([0.1, 0.15, 0.2, 0.25, 0.3, 0.35])
