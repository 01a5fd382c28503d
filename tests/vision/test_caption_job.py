"""Captions as a job: on command, through the worker, past bad photos, and on from where a kill left it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Zen
from tests.feeds import KeptFeed
from tests.helpers import colourful, save
from tests.jobs.conftest import Workshop, until
from tests.vision.conftest import Captioner
from zen_tui.jobs import events, launch, queue
from zen_tui.jobs.looking import submit_captions
from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.errors import BadFile, Refused, WrongUse
from zen_tui.library.events import Done, Interrupted, Progress, Warned
from zen_tui.library.paths import Home
from zen_tui.library.photo_specs import CaptionSpec
from zen_tui.library.records import Crop, Dataset
from zen_tui.photos.intake import import_photos
from zen_tui.vision.caption_job import as_trained, caption

STAND_IN = '''
"""Stands in for onnxruntime: sure of what is bright in the picture, as a tagger of three tags."""

import numpy


class SessionOptions:
    log_severity_level = 0


class Input:
    name, shape = "input", ["N", 448, 448, 3]


def get_available_providers():
    return ["CPUExecutionProvider"]


class InferenceSession:
    def __init__(self, path, options, providers):
        if open(path, "rb").read() != b"a network":
            raise RuntimeError("INVALID_PROTOBUF")

    def get_inputs(self):
        return [Input]

    def run(self, outputs, given):
        pixels = given["input"]
        assert pixels.shape == (1, 448, 448, 3) and pixels.dtype == numpy.float32 and pixels.max() > 200
        blue, _, red = pixels[0, 200:248, 200:248].mean((0, 1)) / 255
        return [numpy.array([[0.99, red, blue, 0.5]], dtype=numpy.float32)]
'''


def set_up_tagger(folder: Path, network: bytes = b"a network") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(network)
    with open(folder / "selected_tags.csv", "w", newline="") as file:
        rows = [(1, "general", 9, 1), (2, "red_coat", 0, 1), (3, "^_^", 0, 1), (4, "nobody", 4, 1)]
        csv.writer(file).writerows([("tag_id", "name", "category", "count"), *rows])
    return folder


def test_captions_are_made_on_command_by_the_worker(
    workshop: Workshop, zen: Zen, mara: Dataset, db: Database, home: Home, captioner: Captioner
) -> None:
    first, own, third = datasets.photos(db, mara.id)
    home.photo("mara", third.hash, ".png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    command = ("datasets", "describe", "mara", "--model", captioner("blip"), "--length", 4, "--wait", "--json")
    answer = zen(*command, "--prompt", "the bench", "--suffix", ", at dusk")
    assert answer.code == 1, "one photo could not be read"
    document = answer.json()
    assert (document["status"], document["model"], document["kept"]) == ("done", "BLIP", 1)
    (made,) = document["captioned"]
    assert (made["id"], made["name"]) == (first.id, "1.png")
    assert made["caption"].startswith("a photo of ohwx woman, the bench")
    assert made["caption"].endswith(", at dusk")
    assert datasets.photo(db, first.id).caption == made["caption"]
    assert datasets.photo(db, own.id).caption == "ohwx woman by the sea"
    assert [failed["photo"] for failed in document["failed"]] == [third.id]
    assert made["caption"] not in home.events(document["job"]).read_text()


def test_wrong_use_is_told_at_once(
    zen: Zen, mara: Dataset, db: Database, home: Home, captioner: Captioner
) -> None:
    describe = ("datasets", "describe", "mara")
    assert zen(*describe).code == 2
    assert zen(*describe, "--model", home.root / "nowhere").code == 3
    assert zen(*describe, "--model", captioner("blip"), "--photo", 99).code == 3
    assert zen("datasets", "describe", "nobody", "--model", captioner("blip")).code == 3
    with pytest.raises(WrongUse, match="cannot be 0 tokens long"):
        submit_captions(db, home, mara, captioner("blip"), length=0)
    for photo in datasets.photos(db, mara.id):
        datasets.set_caption(db, photo.id, "ohwx woman, said by somebody")
    with pytest.raises(Refused, match="Every photo of mara has a caption already"):
        submit_captions(db, home, mara, captioner("blip"))
    assert queue.jobs(db) == []
    assert (
        submit_captions(db, home, mara, captioner("blip"), overwrite=True).title == "Captions for 3 photos of mara"
    )


def test_every_photo_is_described_when_that_is_asked(
    mara: Dataset, db: Database, home: Home, captioner: Captioner
) -> None:
    own = datasets.photos(db, mara.id)[1]
    spec = CaptionSpec(dataset="mara", model=str(captioner("blip")), length=3, overwrite=True, photos=(own.id,))
    result = caption(spec, KeptFeed(0), db, home)
    assert (result["captioned"], result["kept"]) == ([own.id], 0)
    changed = datasets.photo(db, own.id).caption
    assert changed != "ohwx woman by the sea"
    assert changed.startswith("a photo of ohwx woman, ")


def test_a_paused_job_goes_on_and_a_bad_photo_is_passed_over(
    mara: Dataset, db: Database, home: Home, captioner: Captioner
) -> None:
    home.job(7).mkdir(parents=True)
    first, second, third = datasets.photos(db, mara.id)
    home.photo("mara", second.hash, ".png").unlink()
    spec = CaptionSpec(dataset="mara", model=str(captioner("blip")), length=3, overwrite=True)
    feed = KeptFeed(7, lambda told: "pause" if any(isinstance(event, Progress) for event in told) else "")
    with pytest.raises(Interrupted):
        caption(spec, feed, db, home)
    assert feed.progress == (1, 3)
    datasets.set_caption(db, first.id, "what somebody wrote meanwhile")
    again = KeptFeed(7)
    result = caption(spec, again, db, home)
    assert datasets.photo(db, first.id).caption == "what somebody wrote meanwhile"
    assert result["captioned"] == [first.id, third.id]
    assert [failed["photo"] for failed in result["failed"]] == [second.id]
    assert "2.png was passed over" in again.heard(Warned)[0].text


def test_a_job_that_can_read_nothing_fails(mara: Dataset, db: Database, home: Home, captioner: Captioner) -> None:
    for photo in datasets.photos(db, mara.id):
        home.photo("mara", photo.hash, ".png").unlink()
    spec = CaptionSpec(dataset="mara", model=str(captioner("blip")), length=3)
    with pytest.raises(BadFile, match=r"None of the photos could be worked on. 1\.png"):
        caption(spec, KeptFeed(0), db, home)


@pytest.mark.slow
def test_a_killed_job_goes_on_with_the_photos_that_are_left(
    workshop: Workshop, db: Database, home: Home, tmp_path: Path, captioner: Captioner
) -> None:
    for number in range(30):
        save(tmp_path / "many" / f"{number:02d}.png", colourful(96, 96, seed=number))
    many = datasets.add_dataset(db, "many", "ohwx", "woman", "person")
    import_photos(db, home, many, [tmp_path / "many"], resolution=64)
    job = submit_captions(db, home, many, captioner("blip"), length=4)
    launch.ensure_worker(home)
    tail = events.Tail(home.events(job.id))
    until(lambda: any(isinstance(event, Progress) for event in tail.read()))
    workshop.kill()
    photos = datasets.photos(db, many.id)
    made = [photo for photo in photos if photo.caption != "a photo of ohwx woman"]
    assert 0 < len(made) < len(photos)
    datasets.set_caption(db, made[0].id, "what somebody wrote meanwhile")
    told = workshop.follow(job)
    assert isinstance(told[-1], Done)
    assert told[-1].result["captioned"] == [photo.id for photo in photos]
    assert datasets.photo(db, made[0].id).caption == "what somebody wrote meanwhile"
    assert all(photo.caption != "a photo of ohwx woman" for photo in datasets.photos(db, many.id))


def test_a_tagger_names_what_it_is_sure_of(
    mara: Dataset, db: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "onnxruntime.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    red = save(tmp_path / "red.png", Image.new("RGB", (200, 100), (250, 40, 60)))
    import_photos(db, home, mara, [red], resolution=64)
    photo = datasets.photos(db, mara.id)[-1]
    spec = CaptionSpec(dataset="mara", model=str(set_up_tagger(tmp_path / "tagger")), photos=(photo.id,))
    assert caption(spec, KeptFeed(0), db, home)["model"] == "WD14 tagger"
    assert datasets.photo(db, photo.id).caption == "ohwx woman, red coat"
    set_up_tagger(tmp_path / "tagger", b"something else")
    with pytest.raises(BadFile, match=r"model\.onnx in .* cannot be loaded: INVALID_PROTOBUF"):
        caption(spec, KeptFeed(0), db, home)


def test_without_onnxruntime_a_tagger_says_what_to_install(
    mara: Dataset, db: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    folder = set_up_tagger(tmp_path / "tagger")
    with pytest.raises(Refused) as caught:
        submit_captions(db, home, mara, folder)
    assert 'pip install "zen-tui[tagger]"' in caught.value.hint
    with pytest.raises(Refused, match="onnxruntime, which is not installed"):
        caption(CaptionSpec(dataset="mara", model=str(folder)), KeptFeed(0), db, home)


def test_the_model_sees_the_part_that_is_trained_on() -> None:
    photo = Image.new("RGB", (4000, 2000), (0, 0, 0))
    photo.paste((255, 255, 255), (1000, 0, 2000, 1000))
    seen = as_trained(photo, Crop(0.25, 0, 0.5, 0.5))
    assert (seen.size, seen.getcolors()) == ((1000, 1000), [(1_000_000, (255, 255, 255))])
    assert as_trained(photo, None).size == (1024, 512)
