"""The job that makes pictures: each recorded once, with all that is needed to make it again."""

from __future__ import annotations

import base64
import errno
import io
import os
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from tests.feeds import KeptFeed
from tests.generation.conftest import add_adapter, new_job
from zen_tui.generation import warm
from zen_tui.generation.job import generate
from zen_tui.generation.together import PREVIEW_PAUSE
from zen_tui.library import pictures
from zen_tui.library.database import Database
from zen_tui.library.durable import hash_file
from zen_tui.library.errors import BadFile, DiskFull, NotFound, Refused, ZenError
from zen_tui.library.events import Interrupted, Made, Note, Preview, Warned
from zen_tui.library.paths import Home
from zen_tui.library.records import Base
from zen_tui.library.specs import AdapterUse, GenerateSpec, PictureRequest

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def wishes(count: int = 3, **changed: Any) -> tuple[PictureRequest, ...]:
    values = {"prompt": "a cat", "width": 64, "height": 64, "steps": 3, "guidance": 4.0}
    return tuple(PictureRequest(**{**values, "seed": seed, **changed}) for seed in range(count))


def spec(base: Base, *uses: AdapterUse, **changed: Any) -> GenerateSpec:
    return GenerateSpec(**{"base": base.slug, "adapters": uses, "pictures": wishes(), **changed})


def pixels(db: Database, home: Home, job_id: int) -> list[bytes]:
    return [Image.open(home.resolve(p.path)).tobytes() for p in pictures.of_job(db, job_id)]


def test_pictures_are_recorded_with_their_recipe(db: Database, home: Home, base: Base, job_id: int) -> None:
    adapter = add_adapter(db, home, base, "mara")
    feed = KeptFeed(job_id)
    result = generate(spec(base, AdapterUse("mara", 0.8), pictures=wishes(negative="blurry")), feed, db, home)

    made = pictures.of_job(db, job_id)
    assert [(p.idx, p.seed, p.prompt, p.negative) for p in made] == [(n, n, "a cat", "blurry") for n in range(3)]
    assert result["count"] == 3
    assert [entry["id"] for entry in result["pictures"]] == [p.id for p in made]
    assert sorted(event.index for event in feed.heard(Made)) == [0, 1, 2]
    assert feed.progress == (3, 3)
    recipe = made[1].recipe
    assert recipe["adapters"] == [{"name": "mara", "weight": 0.8, "hash": hash_file(home.resolve(adapter.path))}]
    assert (recipe["base"], recipe["steps"], recipe["scheduler"]) == ("tiny", 3, "default")
    assert {"seed", "guidance", "width", "height", "zen", "precision", "device", "base_facts"} <= recipe.keys()
    for picture in made:
        assert hash_file(home.resolve(picture.path)) == picture.hash
        with Image.open(home.picture_thumbnail(picture.hash)) as thumbnail:
            assert thumbnail.size == (64, 64)
    assert pictures.find_pictures(db, "adapter:mara cat") == made[::-1]


def test_a_file_says_that_a_model_made_it_and_nothing_else(
    db: Database, home: Home, base: Base, job_id: int
) -> None:
    generate(spec(base, pictures=wishes(1, prompt="a secret wish")), KeptFeed(job_id), db, home)
    path = home.resolve(pictures.of_job(db, job_id)[0].path)
    with Image.open(path) as image:
        (described,) = ElementTree.fromstring(image.info["xmp"]).iter(RDF + "Description")
        assert described.attrib == {RDF + "about": "", IPTC + "DigitalSourceType": TRAINED}
        assert set(image.info) == {"XML:com.adobe.xmp", "xmp"}
    assert b"secret" not in path.read_bytes()


def test_the_same_spec_gives_the_same_pixels(db: Database, home: Home, base: Base, job_id: int) -> None:
    again = new_job(db)
    generate(spec(base), KeptFeed(job_id), db, home)
    warm.drop()
    generate(spec(base), KeptFeed(again), db, home)
    assert [p.hash for p in pictures.of_job(db, job_id)] == [p.hash for p in pictures.of_job(db, again)]


def test_a_restart_makes_only_what_is_missing(db: Database, home: Home, base: Base, job_id: int) -> None:
    whole = new_job(db)
    generate(spec(base), KeptFeed(whole), db, home)
    stopping = KeptFeed(job_id, lambda events: "stop" if any(isinstance(e, Made) for e in events) else "")
    with pytest.raises(Interrupted):
        generate(spec(base, batch_size=1), stopping, db, home)
    assert pictures.made_indices(db, job_id) == {0}

    feed = KeptFeed(job_id)
    generate(spec(base), feed, db, home)
    assert [event.index for event in feed.heard(Made)] == [1, 2]
    assert all(event.index in (1, 2) for event in feed.heard(Preview))
    assert pixels(db, home, job_id)[0] == pixels(db, home, whole)[0]
    assert [p.idx for p in pictures.of_job(db, job_id)] == [0, 1, 2]


def test_previews_are_small_jpegs_a_few_times_a_second(db: Database, home: Home, base: Base, job_id: int) -> None:
    feed = KeptFeed(job_id)
    started = time.monotonic()
    generate(spec(base, pictures=wishes(2, steps=12), preview_every=1), feed, db, home)
    shown = feed.heard(Preview)
    rounds = {event.step for event in shown}
    assert {event.index for event in shown} == {0, 1}
    assert 1 <= len(rounds) <= 1 + (time.monotonic() - started) / PREVIEW_PAUSE
    for event in shown:
        with Image.open(io.BytesIO(base64.b64decode(event.image))) as image:
            assert image.format == "JPEG"
            assert max(image.size) <= 64

    quiet = KeptFeed(new_job(db))
    generate(spec(base, preview_every=0), quiet, db, home)
    assert not quiet.heard(Preview)


def test_weights_of_adapters_count_and_zero_is_the_base(db: Database, home: Home, base: Base) -> None:
    add_adapter(db, home, base, "mara", seed=1)
    add_adapter(db, home, base, "jo", seed=2)
    drawn = {}
    for weights in ((), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 1.0)):
        uses = [AdapterUse(name, weight) for name, weight in zip(("mara", "jo"), weights, strict=False)]
        job_id = new_job(db)
        generate(spec(base, *uses, pictures=wishes(1)), KeptFeed(job_id), db, home)
        drawn[weights] = pixels(db, home, job_id)[0]
    assert drawn[(0.0, 0.0)] == drawn[()]
    assert len(set(drawn.values())) == len(drawn) - 1


def test_an_adapter_replaced_on_disk_is_read_again(db: Database, home: Home, base: Base, job_id: int) -> None:
    first = add_adapter(db, home, base, "mara", seed=1)
    generate(spec(base, AdapterUse("mara")), KeptFeed(job_id), db, home)
    other = add_adapter(db, home, base, "other", seed=2)
    home.resolve(other.path).replace(home.resolve(first.path))
    again = new_job(db)
    generate(spec(base, AdapterUse("mara")), KeptFeed(again), db, home)
    assert pixels(db, home, again) != pixels(db, home, job_id)


def test_a_base_can_be_kept_small_and_carried(db: Database, home: Home, base: Base, job_id: int) -> None:
    add_adapter(db, home, base, "mara")
    use = AdapterUse("mara", 0.8)
    usual = generate(spec(base, use), KeptFeed(job_id), db, home)
    assert usual["fit"] == ""
    feed, again = KeptFeed(new_job(db)), KeptFeed(new_job(db))
    result = generate(spec(base, use, offload="on"), feed, db, home)
    (note,) = feed.heard(Note)
    assert result["fit"] in note.text
    assert "brought to the card one after another" in note.text
    recipes = [picture.recipe for picture in pictures.of_job(db, feed.job_id)]
    assert {recipe["offload"] for recipe in recipes} == {True}
    assert pixels(db, home, feed.job_id) == pixels(db, home, job_id)

    generate(spec(base, use, quantize="int8"), again, db, home)
    recipe = pictures.of_job(db, again.job_id)[0].recipe
    assert (recipe["stored"], recipe["offload"]) == ({"denoiser": "int8"}, False)
    assert pixels(db, home, again.job_id) != pixels(db, home, job_id)


def test_copies_overwrite_nothing(db: Database, home: Home, base: Base, job_id: int, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "0002-1.png").write_text("mine")
    for _ in range(2):  # the second time finds its copies there
        generate(spec(base, out=str(out)), KeptFeed(job_id), db, home)
    assert sorted(path.name for path in out.iterdir()) == [
        "0001-0.png", "0002-1-2.png", "0002-1.png", "0003-2.png",
    ]  # fmt: skip
    assert (out / "0002-1.png").read_text() == "mine"
    assert hash_file(out / "0002-1-2.png") == pictures.of_job(db, job_id)[1].hash


def test_a_full_disk_keeps_what_is_recorded(
    db: Database, home: Home, base: Base, job_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = os.fsync, 6  # a picture and its thumbnail take four: file and folder, each twice

    def full(handle: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr("zen_tui.library.durable.os.fsync", full)
    with pytest.raises(DiskFull, match="Free some space"):
        generate(spec(base), KeptFeed(job_id), db, home)
    assert pictures.made_indices(db, job_id) == {0}
    monkeypatch.undo()
    generate(spec(base), KeptFeed(job_id), db, home)
    assert pictures.made_indices(db, job_id) == {0, 1, 2}


def test_a_long_prompt_is_drawn_and_the_cut_words_are_said(
    db: Database, home: Home, base: Base, job_id: int
) -> None:
    feed = KeptFeed(job_id)
    generate(spec(base, pictures=wishes(1, prompt="cat " * 30 + "zebra")), feed, db, home)
    (warning,) = feed.heard(Warned)
    assert "zebra" in warning.text
    assert "longer than tiny reads" in warning.text
    assert pictures.made_indices(db, job_id) == {0}


def test_what_cannot_be_done_is_refused_before_anything_is_drawn(
    db: Database, home: Home, base: Base, job_id: int, tmp_path: Path
) -> None:
    def refused(kind: type[ZenError], says: str, *uses: AdapterUse, **changed: Any) -> None:
        with pytest.raises(kind) as caught:
            generate(spec(base, *uses, **changed), KeptFeed(job_id), db, home)
        assert says in str(caught.value)

    refused(Refused, "64x64", pictures=(*wishes(), *wishes(1, width=66)))
    refused(NotFound, "no adapter called maria", AdapterUse("maria"))
    stranger = add_adapter(db, home, base, "stranger")
    home.resolve(stranger.path).unlink()
    refused(BadFile, "the adapter stranger is gone", AdapterUse("stranger"))
    db.update("adapters", stranger.id, family="sdxl")
    refused(Refused, "is for sdxl bases", AdapterUse("stranger"))
    (tmp_path / "file").write_text("x")
    refused(ZenError, "cannot be made", out=str(tmp_path / "file" / "out"))
    assert pictures.made_indices(db, job_id) == set()
