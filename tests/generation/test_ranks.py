"""A sheet by two processes: the pictures of one, to the last bit, in their order, and each recorded once."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from tests.feeds import KeptFeed
from tests.generation.conftest import add_adapter, new_job
from tests.generation.test_job import pixels, spec
from tests.ranks.test_helpers import helpers
from zen_tui.generation.job import generate
from zen_tui.library import pictures
from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.events import AnyEvent, Interrupted, Made, Preview, Progress
from zen_tui.library.paths import Home
from zen_tui.library.records import Base
from zen_tui.library.specs import AdapterUse, PictureRequest

SHEET = tuple(
    PictureRequest(prompt=f"a {what}", seed=seed, width=width, height=64, steps=3, guidance=3.0 + seed)
    for width, seeds in ((64, range(5)), (96, range(4)))
    for seed in seeds
    for what in ("cat", "dog")
)


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEN_DEVICE", "cpu")


def draw(db: Database, home: Home, base: Base, feed: KeptFeed, **changed: Any) -> None:
    wanted = {"pictures": SHEET, "batch_size": 3, "preview_every": 1, **changed}
    generate(spec(base, AdapterUse("mara", 0.8), **wanted), feed, db, home)


@pytest.mark.slow
def test_two_processes_draw_what_one_draws(db: Database, home: Home, base: Base, job_id: int) -> None:
    add_adapter(db, home, base, "mara")
    draw(db, home, base, KeptFeed(job_id))
    feed = KeptFeed(other := new_job(db))
    draw(db, home, base, feed, gpus=2)
    assert pixels(db, home, other) == pixels(db, home, job_id)
    assert [(p.idx, p.seed, p.prompt) for p in pictures.of_job(db, other)] == [
        (index, request.seed, request.prompt) for index, request in enumerate(SHEET)
    ]
    told = [(event.done, event.total) for event in feed.heard(Progress) if event.what == "pictures"]
    assert told == [(done, len(SHEET)) for done in range(1, len(SHEET) + 1)]
    assert sorted(event.index for event in feed.heard(Made)) == list(range(len(SHEET)))
    shown = {event.index for event in feed.heard(Preview)}
    assert {index // 3 % 2 for index in shown if index < 9} == {0, 1}, "pictures of both are shown in the making"
    assert helpers() == []


@pytest.mark.slow
def test_few_pictures_are_shared_too(db: Database, home: Home, base: Base, job_id: int) -> None:
    add_adapter(db, home, base, "mara")
    feed = KeptFeed(job_id)
    draw(db, home, base, feed, gpus=2, pictures=SHEET[:2], batch_size=0)
    assert len(pictures.of_job(db, job_id)) == 2


@pytest.mark.slow
def test_stopping_keeps_what_is_recorded_and_the_rest_is_drawn_later(
    db: Database, home: Home, base: Base, job_id: int
) -> None:
    add_adapter(db, home, base, "mara")

    def after_four(events: list[AnyEvent]) -> str:
        return "pause" if sum(isinstance(event, Made) for event in events) >= 4 else ""

    with pytest.raises(Interrupted):
        draw(db, home, base, KeptFeed(job_id, after_four), gpus=2, batch_size=1)
    assert helpers() == []
    before = {picture.id for picture in pictures.of_job(db, job_id)}
    assert 4 <= len(before) < len(SHEET)
    draw(db, home, base, KeptFeed(job_id), batch_size=1)
    assert before < {picture.id for picture in pictures.of_job(db, job_id)}
    draw(db, home, base, KeptFeed(other := new_job(db)), batch_size=1)
    assert pixels(db, home, job_id) == pixels(db, home, other)


@pytest.mark.slow
def test_a_process_that_dies_ends_the_job_with_a_sentence(
    db: Database, home: Home, base: Base, job_id: int
) -> None:
    add_adapter(db, home, base, "mara")

    def kill_after_two(events: list[AnyEvent]) -> str:
        if sum(isinstance(event, Made) for event in events) >= 2 and helpers():
            os.kill(helpers()[0], signal.SIGKILL)
        return ""

    with pytest.raises(ZenError, match=r"Process 2 of 2 died \(SIGKILL\)"):
        draw(db, home, base, KeptFeed(job_id, kill_after_two), gpus=2, batch_size=1)
    assert len(pictures.of_job(db, job_id)) >= 2
    assert helpers() == []
