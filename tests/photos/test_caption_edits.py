"""Captions as tags, templates by kind, the linter, and a journal that takes changes back."""

from __future__ import annotations

import pytest

from zen_tui.library import datasets
from zen_tui.library.database import Database
from zen_tui.library.errors import Refused, WrongUse
from zen_tui.library.paths import Home
from zen_tui.library.records import Dataset, Photo
from zen_tui.photos import caption_edits as edits
from zen_tui.photos.caption_journal import KEPT, apply, last_change, take_back
from zen_tui.photos.caption_lint import check
from zen_tui.photos.caption_templates import TEMPLATES, fill, require_fields
from zen_tui.photos.captions import LONGEST, default_caption, sample_prompts, trigger


def subject(kind: str = "person", class_word: str = "woman", token: str = "ohwx") -> Dataset:
    return Dataset(id=1, slug="mara", token=token, class_word=class_word, kind=kind)


def photo(id: int, caption: str, name: str = "") -> Photo:
    return Photo(id=id, dataset_id=1, hash="", suffix=".jpg", name=name or f"{id}.jpg", caption=caption)


@pytest.mark.parametrize(
    ("new", "first", "after"),
    [
        ("at sea", False, "ohwx woman, Red Coat, at sea"),
        ("at sea", True, "at sea, ohwx woman, Red Coat"),
        ("red coat", False, "ohwx woman, Red Coat"),
        ("a, b , a,,", False, "ohwx woman, Red Coat, a, b"),
    ],
)
def test_a_tag_is_added_once(new: str, first: bool, after: str) -> None:
    assert edits.add_tags("ohwx woman, Red Coat", new, first=first) == after


def test_a_tag_is_taken_out_whole() -> None:
    assert edits.remove_tags("ohwx woman, red coat, red", "RED") == "ohwx woman, red coat"
    assert edits.remove_tags("a,b", "c") == "a,b", "what is not changed keeps its spacing"


@pytest.mark.parametrize(
    ("old", "new", "words", "case", "after"),
    [
        ("man", "dog", False, False, "a wodog, dog, dog at sea"),
        ("man", "dog", True, False, "a woman, dog, dog at sea"),
        ("man", "dog", True, True, "a woman, Man, dog at sea"),
        ("Man", "", True, True, "a woman, man at sea"),
        ("a woman", r"\1 [x]", False, False, r"\1 [x], Man, man at sea"),
    ],
)
def test_words_are_replaced(old: str, new: str, words: bool, case: bool, after: str) -> None:
    assert edits.replacer(old, new, words=words, case=case)("a woman, Man, man at sea") == after


def test_nothing_to_look_for_is_a_sentence() -> None:
    with pytest.raises(WrongUse, match="nothing to replace"):
        edits.replacer("", "x")


def test_words_go_before_and_after_once() -> None:
    assert edits.prefix("woman", "ohwx  ") == "ohwx woman" == edits.prefix("ohwx woman", "ohwx")
    assert edits.suffix("woman", ", at sea") == "woman, at sea" == edits.suffix("woman, at sea", ", at sea")
    assert edits.suffix("", "at sea") == edits.prefix("", "at sea") == "at sea"


def test_tags_are_counted_in_whatever_case() -> None:
    assert edits.counted_tags(["Sea, a, sea", "sea, b", ""]) == [("Sea", 2), ("a", 1), ("b", 1)]


@pytest.mark.parametrize(
    ("kind", "class_word", "caption", "prompt"),
    [
        ("person", "woman", "a photo of ohwx woman", "an oil painting of ohwx woman"),
        ("garment", "jacket", "a photo of a person wearing ohwx jacket",
         "an oil painting of a person wearing ohwx jacket"),
        ("style", "person", "a picture in ohwx style", "a house by the sea in ohwx style"),
        ("pet", "", "a photo of ohwx", "an oil painting of ohwx"),
    ],
)  # fmt: skip
def test_each_kind_has_its_own_words(kind: str, class_word: str, caption: str, prompt: str) -> None:
    dataset = subject(kind, class_word)
    assert default_caption(dataset) == caption
    assert sample_prompts(dataset) == (caption, prompt)
    assert trigger(dataset) in caption


def test_templates_are_filled_from_names_that_are_only_text() -> None:
    found = photo(1, "", "castle_by-the.sea.jpg")
    assert fill("{name}, {folder}, in {token} style", subject("style"), found, "10_water, colours\x1b") == (
        "castle by the sea, water colours, in ohwx style"
    )
    assert fill("{token} {class}, {folder}", subject()) == "ohwx woman", "a part with nothing in it is left out"
    assert fill("{a|b}, {token}", subject()) == "{a|b}, ohwx"
    for texts in TEMPLATES.values():
        for text in texts:
            require_fields(text)
            assert "{token}" in text
    with pytest.raises(WrongUse, match=r"There is no field \{klass\}"):
        require_fields("{klass}")


class Letters:
    """Reads letters as tokens."""

    title, limit = "letters", 24

    def count(self, texts: object) -> list[int]:
        assert isinstance(texts, list)
        return [len(text) for text in texts]


def test_the_linter_names_what_is_wrong_and_nothing_else() -> None:
    photos = [
        photo(1, "a photo of OHWX Woman"), photo(2, ""), photo(3, "a photo of a woman"),
        photo(4, "ohwx and a womanly dog"), photo(5, "ohwx woman who stands by the sea"),
    ]  # fmt: skip
    out = photo(6, "")
    out.split = "out"
    found = check(subject(), [*photos, out], Letters())
    assert [(f.photo, f.kind) for f in found] == [(2, "empty"), (3, "token"), (4, "class"), (5, "long")]
    assert "32 tokens long; letters reads the first 24" in found[3].text
    assert [f.kind for f in check(subject("style"), photos)] == ["empty", "token"]


def test_captions_that_say_one_thing_are_a_hint() -> None:
    same = [photo(n, "a photo of ohwx woman") for n in range(5)]
    assert [(f.photo, f.kind) for f in check(subject(), same)] == [(None, "alike")]
    different = [photo(n, f"ohwx woman, {n}") for n in range(5)]
    assert check(subject(), different) == check(subject(), same[:4]) == []


def mara(db: Database, count: int = 3) -> Dataset:
    made = datasets.add_dataset(db, "mara", "ohwx", "woman", "person")
    for n in range(count):
        datasets.add_photo(
            db, made.id, source=f"/p/10_sea/{n}.jpg", hash=str(n), suffix=".jpg", name=f"{n}.jpg", caption=f"c{n}"
        )
    return made


def captions(db: Database) -> list[str]:
    return list(datasets.captions(db, 1).values())


def test_a_change_is_all_or_nothing_and_comes_back(db: Database, home: Home) -> None:
    made = mara(db)
    chosen = datasets.photos(db, made.id)
    first = apply(db, home, made, chosen, lambda p: edits.add_tags(p.caption, "c1, x"), "added")
    assert captions(db) == [p.caption for p in chosen] == ["c0, c1, x", "c1, x", "c2, c1, x"]
    nothing = apply(db, home, made, chosen, lambda p: p.caption, "nothing")
    assert not nothing.after
    assert last_change(home, made) == first, "what changed nothing is not kept"
    with pytest.raises(Refused, match=r"1\.jpg would be 2,00\d characters"):
        apply(db, home, made, chosen, lambda p: p.caption + "y" * LONGEST * (p.id == 2), "long")
    assert captions(db) == ["c0, c1, x", "c1, x", "c2, c1, x"]

    datasets.set_caption(db, 2, "written by hand")
    assert take_back(db, home, made, first) == {1: "c0", 3: "c2"}
    assert captions(db) == ["c0", "written by hand", "c2"]
    assert last_change(home, made) is None


def test_the_journal_keeps_fifty_and_goes_with_the_dataset(db: Database, home: Home) -> None:
    made = mara(db, 1)
    chosen = datasets.photos(db, made.id)
    for n in range(KEPT + 3):
        apply(db, home, made, chosen, lambda _, n=n: f"t{n}", f"set {n}")  # type: ignore[misc]
    files = sorted(home.caption_changes("mara").iterdir())
    assert len(files) == KEPT
    assert files[0].stat().st_mode & 0o077 == 0
    for n in reversed(range(3, KEPT + 3)):
        change = last_change(home, made)
        assert change is not None
        assert change.what == f"set {n}"
        take_back(db, home, made, change)
    assert captions(db) == ["t2"]
    assert last_change(home, made) is None
    assert home.caption_changes("mara").is_relative_to(home.dataset("mara"))


def test_a_torn_journal_file_is_passed_over(db: Database, home: Home) -> None:
    made = mara(db, 1)
    change = apply(db, home, made, datasets.photos(db, made.id), lambda _: "x", "set x")
    (home.caption_changes("mara") / "000009.json").write_text("{")
    assert last_change(home, made) == change


def test_folders_are_known_by_name(db: Database) -> None:
    mara(db, 1)
    assert datasets.source_folders(db, 1) == {1: "10_sea"}
