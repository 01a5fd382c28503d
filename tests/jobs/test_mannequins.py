"""Photographing a mannequin: its photos come in like anybody's, once, and never from where the prompts go."""

from __future__ import annotations

import pytest

from zen_tui.jobs import mannequins, queue
from zen_tui.jobs.demo import PROMPTS
from zen_tui.jobs.events import Writer
from zen_tui.jobs.feed import JobFeed
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.events import Interrupted
from zen_tui.library.mannequin_specs import MannequinPhotosSpec
from zen_tui.library.paths import Home
from zen_tui.scoring.asked import asked, shows_identity

COUNT = 3


class Impatient(JobFeed):
    """A feed that asks for a stop after some looks."""

    looks = 10**6

    def asked(self) -> str:
        self.looks -= 1
        return "stop" if self.looks < 0 else ""


@pytest.fixture
def feed(db: Database, home: Home, monkeypatch: pytest.MonkeyPatch) -> Impatient:
    monkeypatch.setattr(mannequins, "SIZE", 64)  # a large render takes seconds
    datasets.add_dataset(db, "demo", "ohwx", "woman", "person")
    queue.enqueue(db, home, MannequinPhotosSpec(dataset="demo", seed=10, count=COUNT), "photos")
    job = queue.claim(db)
    assert job is not None
    return Impatient(db, job, Writer(home.events(job.id)), lambda: False)


def take(feed: Impatient, db: Database, home: Home) -> dict[str, object]:
    spec = queue.spec_of(home, feed.job_id)
    assert isinstance(spec, MannequinPhotosSpec)
    return mannequins.mannequin_photos(spec, feed, db, home)


def test_the_photos_are_imported_with_captions_and_the_draft_is_gone(
    feed: Impatient, db: Database, home: Home
) -> None:
    assert take(feed, db, home) == {"dataset": "demo", "photos": COUNT}
    photos = datasets.photos(db, datasets.dataset(db, "demo").id)
    assert len({photo.hash for photo in photos}) == COUNT
    assert all("ohwx woman" in photo.caption for photo in photos)
    assert {(photo.width, photo.height) for photo in photos} == {(64, 64)}
    places = [asked(photo.caption).get("background", "") for photo in photos]
    assert not {"cannes", "eiffel tower", "night sky"} & set(places)
    assert not list(home.work.glob("photos-*"))
    assert queue.job(db, feed.job_id).step == COUNT


def test_a_restart_adds_no_photo_twice(feed: Impatient, db: Database, home: Home) -> None:
    feed.looks = 1
    with pytest.raises(Interrupted):
        take(feed, db, home)
    feed.looks = 10**6
    assert take(feed, db, home)["photos"] == COUNT
    assert take(feed, db, home)["photos"] == COUNT


def test_no_prompt_of_the_demo_could_be_a_caption_of_its_photos() -> None:
    for prompt in PROMPTS:
        wanted = asked(prompt.format("a woman"))
        assert wanted["style"] != "photo" or wanted["background"] not in mannequins.MAY_VISIT
        assert len(wanted) >= 3, "enough is asked to be scored"
    assert sum(shows_identity(prompt) for prompt in PROMPTS) >= 8
