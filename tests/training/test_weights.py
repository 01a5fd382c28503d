"""How much a photo counts: set by the command, kept in the export, and felt in what is learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.cli.conftest import Zen
from tests.training.conftest import Studio
from tests.training.test_masks import told
from zen_tui.library import datasets
from zen_tui.library.records import Photo

ONE: dict[str, Any] = {"steps": 1, "warmup": 0, "holdout": 0.0, "checkpoint_every": 1}


def photos(studio: Studio) -> list[Photo]:
    return datasets.photos(studio.db, studio.dataset.id)


def test_weights_of_one_change_nothing_and_others_weigh_the_loss(studio: Studio, zen: Zen) -> None:
    ids = [word for photo in photos(studio) for word in ("--photo", photo.id)]
    plain = told(studio, **ONE)
    assert zen("datasets", "weigh", "mara", *ids, "--weight", "1").code == 0
    assert told(studio, **ONE) == plain, "to the bit"
    assert zen("datasets", "weigh", "mara", *ids, "--weight", "0.5").code == 0
    halved = told(studio, **ONE)
    assert halved[0] == {1: plain[0][1] / 2}, "each photo's loss counts half"
    assert zen("datasets", "weigh", "mara", *ids[:10], "--weight", "4").code == 0
    assert told(studio, **ONE)[0] not in (plain[0], halved[0])


def test_scores_and_the_class_are_not_weighed(studio: Studio) -> None:
    wanted = {"steps": 1, "warmup": 0, "checkpoint_every": 1, "learning_rate": 1e-8, "prior_preservation": 2.0}
    plain = told(studio, **wanted)
    datasets.change_photos(studio.db, {photo.id: {"weight": 2.0} for photo in photos(studio)})
    weighed = told(studio, **wanted)
    assert weighed[1][0] == plain[1][0], "what is held out is measured as before"
    assert weighed[0] == {1: 2 * plain[0][1]}


def test_the_command_lists_what_differs_and_says_what_is_wrong(studio: Studio, zen: Zen) -> None:
    first, second = photos(studio)[:2]
    assert "all of which count alike" in zen("datasets", "weigh", "mara").out
    answer = zen("datasets", "weigh", "mara", "--photo", first.id, "--weight", "0.5", "--repeats", "3", "--json")
    assert answer.json()["photos"] == [{"id": first.id, "name": first.name, "weight": 0.5, "repeats": 3}]
    listed = zen("datasets", "show", "mara", "--json").json()["photos"]
    shown = {photo["id"]: (photo["weight"], photo["repeats"]) for photo in listed}
    assert (shown[first.id], shown[second.id]) == ((0.5, 3), (1.0, 1))
    for words, code, said in (
        (("--photo", first.id, "--weight", "0"), 2, "more than 0 and at most 10"),
        (("--photo", first.id, "--weight", "nan"), 2, "more than 0 and at most 10"),
        (("--photo", first.id, "--repeats", "0"), 2, "comes 1 to 100 times"),
        (("--photo", first.id), 2, "Nothing was chosen"),
        (("--weight", "2"), 2, "Nothing was chosen"),
        (("--photo", 99, "--weight", "2"), 3, "no photo 99"),
    ):
        wrong = zen("datasets", "weigh", "mara", *words)
        assert (wrong.code, said in wrong.err) == (code, True), words
    assert photos(studio)[0].weight == 0.5


@pytest.mark.parametrize(("written", "read"), [(0.25, 0.25), (-3, 1.0), (1e9, 1.0)])
def test_a_weight_travels_with_an_export(
    studio: Studio, zen: Zen, tmp_path: Path, written: float, read: float
) -> None:
    first = photos(studio)[0]
    datasets.change_photos(studio.db, {first.id: {"weight": 0.5}})
    assert zen("datasets", "export", "mara", "--format", "manifest", "--out", tmp_path / "out").code == 0
    manifest = tmp_path / "out" / "manifest.json"
    document = msgspec.json.decode(manifest.read_bytes())
    assert [photo["weight"] for photo in document["photos"]] == [0.5, *[1.0] * (len(photos(studio)) - 1)]
    document["photos"][0]["weight"] = written
    manifest.write_bytes(msgspec.json.encode(document))
    assert zen("datasets", "import", tmp_path / "out", "--name", "again", "--class", "woman").code == 0
    again = datasets.photos(studio.db, datasets.dataset(studio.db, "again").id)
    assert {photo.weight for photo in again} == {read, 1.0}
