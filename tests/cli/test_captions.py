"""`zen datasets caption` and `token`, through the command line alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Zen


@pytest.fixture
def mara(zen: Zen, photo_folder: Path) -> Zen:
    """`zen`, with the six photos imported as mara."""
    assert zen("datasets", "import", photo_folder, "--name", "mara", "--class", "woman").code == 0
    return zen


def captions(zen: Zen) -> dict[str, str]:
    photos = zen("datasets", "show", "mara", "--json").json()["photos"]
    return {Path(photo["name"]).stem: photo["caption"] for photo in photos}


def test_tags_come_and_go_and_come_back(mara: Zen) -> None:
    before = captions(mara)
    added = mara("datasets", "caption", "mara", "--add", "red coat", "--json").json()
    assert len(added["photos"]) == 6
    assert captions(mara)["beach"] == "a photo of ohwx woman on a beach, red coat"
    mara("datasets", "caption", "mara", "--photo", "1", "--first", "close-up")
    mara("datasets", "caption", "mara", "--replace", "RED", "blue", "--whole-words")
    assert captions(mara)["beach"] == "close-up, a photo of ohwx woman on a beach, blue coat"
    assert mara("datasets", "caption", "mara", "--remove", "blue coat").out == "mara: 6 captions changed, of 6.\n"
    for _ in range(4):
        assert mara("datasets", "caption", "mara", "--undo").code == 0
    assert captions(mara) == before
    assert mara("datasets", "caption", "mara", "--undo").code == 3


def test_templates_are_of_the_kind_and_take_names(mara: Zen) -> None:
    listed = mara("datasets", "caption", "mara", "--templates", "--json").json()
    number = next(n for n, text in enumerate(listed, 1) if "{name}" in text)
    mara("datasets", "caption", "mara", "--template", number)
    assert captions(mara)["garden"] == "a photo of ohwx woman, garden"
    mara("datasets", "caption", "mara", "--text", "{token} in {folder}", "--photo", "1", "--photo", "2")
    assert captions(mara)["beach"] == "ohwx in photos"
    for wrong in (("--template", "99"), ("--text", "{klass}"), ("--add", " , "), (), ("--add", "a", "--undo")):
        assert mara("datasets", "caption", "mara", *wrong).code == 2, wrong


def test_captions_come_from_files_by_name(mara: Zen, tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "beach.txt").write_text("\nat the beach\nsecond line\n")
    (texts / "city.webp.txt").write_text("in the city\x1b[31m")
    (texts / "nobody.txt").write_text("x")
    answer = mara("datasets", "caption", "mara", "--from", texts)
    assert answer.out == "mara: 2 captions changed, of 2.\n"
    assert "4 photos without a file" in answer.err
    found = captions(mara)
    assert (found["beach"], found["city"]) == ("at the beach", "in the city[31m")
    assert mara("datasets", "caption", "mara", "--from", tmp_path).code == 1
    assert mara("datasets", "caption", "mara", "--from", tmp_path / "none").code == 3


def test_the_check_counts_as_clip_does_and_what_is_flagged_can_be_mended(mara: Zen) -> None:
    mara("datasets", "caption", "mara", "--text", "word " * 74 + "ohwx woman", "--photo", "1")
    mara("datasets", "caption", "mara", "--text", "a womanly dog", "--photo", "2")
    mara("datasets", "caption", "mara", "--text", "", "--photo", "3")
    found = mara("datasets", "caption", "mara", "--check", "--json").json()
    assert (found["reads"], found["limit"]) == ("CLIP", 75)
    kinds = [(f["photo"], f["kind"]) for f in found["findings"]]
    assert kinds == [(1, "long"), (2, "token"), (2, "class"), (3, "empty"), (None, "alike")]
    assert "76 tokens" in found["findings"][0]["text"]

    mara("datasets", "caption", "mara", "--missing", "--text", "{token} {class}")
    mara("datasets", "caption", "mara", "--flagged", "token", "--prefix", "ohwx woman,")
    mara("datasets", "caption", "mara", "--flagged", "long", "--text", "{token} {class} again")
    found = mara("datasets", "caption", "mara", "--check", "--json").json()
    assert found["findings"] == []
    assert mara("datasets", "caption", "mara", "--flagged", "colour", "--add", "x").code == 2


def test_lengths_are_those_of_the_base_that_is_named(mara: Zen, tiny_base: Path) -> None:
    assert mara("bases", "add", tiny_base, "--name", "tiny").code == 0
    (tiny,) = (base for base in mara("bases", "list", "--json").json() if base["name"] == "tiny")
    limit = tiny["facts"]["token_limit"] - 2
    found = mara("datasets", "caption", "mara", "--check", "--base", "tiny", "--json").json()
    assert (found["reads"], found["limit"]) == ("tiny", limit)
    assert mara("datasets", "caption", "mara", "--check", "--base", "none").code == 3


@pytest.mark.parametrize(
    ("word", "grade", "pieces"),
    [("ohwx", "good", 1), ("zwx", "fair", 2), ("sks", "fair", 1), ("emma", "poor", 1), ("woman", "poor", 1),
     ("xkqzpw", "poor", 5), ("my dog", "poor", 2)],
)  # fmt: skip
def test_a_token_is_judged_by_clips_words(zen: Zen, word: str, grade: str, pieces: int) -> None:
    advice = zen("datasets", "token", word, "--json").json()
    assert (advice["grade"], len(advice["pieces"])) == (grade, pieces)
    assert len(advice["suggestions"]) == 3
    assert word not in advice["suggestions"]


def test_tokens_of_this_home_are_not_suggested(mara: Zen) -> None:
    said = mara("datasets", "token", "emma")
    assert "7,445 of 49,408" in said.out
    assert "ohwx" not in said.out
    for word in mara("datasets", "token", "emma", "--json").json()["suggestions"]:
        assert mara("datasets", "token", word, "--json").json()["grade"] == "good"


def test_an_import_says_when_its_token_is_poor_and_knows_its_kind(zen: Zen, photo_folder: Path) -> None:
    poor = zen("datasets", "import", photo_folder, "--name", "emma", "--token", "emma")
    assert "The token “emma” is known" in poor.err
    assert "Better: ohwx" in poor.err
    assert "token" not in zen("datasets", "import", photo_folder, "--name", "emma").err, "said once"
    good = zen("datasets", "import", photo_folder, "--name", "ink", "--kind", "style", "--token", "nlwx")
    assert "token" not in good.err
    shown = zen("datasets", "show", "ink", "--json").json()
    assert (shown["class"], shown["photos"][-1]["caption"]) == ("style", "a picture in nlwx style")
