"""What a model says becomes a caption about the subject."""

from __future__ import annotations

import pytest

from zen_tui.library.records import Dataset
from zen_tui.vision.wording import caption_of, tidied


def dataset(class_word: str = "woman", kind: str = "person") -> Dataset:
    return Dataset(id=1, slug="mara", token="ohwx", class_word=class_word, kind=kind)


@pytest.mark.parametrize(
    ("said", "caption"),
    [
        ("a woman sitting on a bench", "ohwx woman sitting on a bench"),
        ("A young woman and another woman", "A young ohwx woman and another woman"),
        ("another woman beside a woman in red", "another woman beside ohwx woman in red"),
        ("the woman's red coat", "ohwx woman's red coat"),
        ("a lady with an umbrella", "ohwx woman with an umbrella"),
        ("A woman-made quilt on a wall", "a photo of ohwx woman, a woman-made quilt on a wall"),
        ("two women at a table", "a photo of ohwx woman, two women at a table"),
        ("A red bench in the sun.", "a photo of ohwx woman, a red bench in the sun."),
        ("Paris at night", "a photo of ohwx woman, Paris at night"),
        ("ohwx woman in a garden", "ohwx woman in a garden"),
    ],
)
def test_the_subject_is_called_by_its_own_words(said: str, caption: str) -> None:
    assert caption_of(dataset(), said) == caption


@pytest.mark.parametrize(
    ("class_word", "kind", "said", "caption"),
    [
        ("person", "person", "a man in a suit", "ohwx person in a suit"),
        ("dog", "pet", "a brown puppy on grass", "a brown ohwx dog on grass"),
        ("style", "style", "A house by the sea.", "A house by the sea, in ohwx style"),
        ("", "object", "a cup on a table", "a photo of ohwx, a cup on a table"),
    ],
)
def test_every_kind_of_subject(class_word: str, kind: str, said: str, caption: str) -> None:
    assert caption_of(dataset(class_word, kind), said) == caption


def test_what_goes_around_a_caption_is_filled_in() -> None:
    said = "A woman on a bench"
    assert (
        caption_of(dataset(), said, "a photo of {token} {class}, ") == "a photo of ohwx woman, a woman on a bench"
    )
    assert caption_of(dataset(), said, "portrait,") == "portrait, ohwx woman on a bench"
    assert caption_of(dataset(), said, "") == "ohwx woman on a bench"
    assert caption_of(dataset(), "a bench.", "", ", with {token}") == "a bench, with ohwx"


def test_tags_begin_with_the_subject() -> None:
    assert caption_of(dataset(), "1girl, smile", tags=True) == "ohwx woman, 1girl, smile"
    assert caption_of(dataset(), "1girl, smile", "{token}, ", tags=True) == "ohwx, 1girl, smile"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("The image shows a woman\n\n on a   bench.", "a woman on a bench."),
        ("This is a photo of a woman", "This is a photo of a woman"),
        ('"A woman."', "A woman."),
        ("<s>a woman</s>", "a woman"),
        ("Here is a caption for the photo: **a woman**", "a woman"),
        ("a \x1b[2Jwoman\u202e", "a [2Jwoman"),
    ],
)
def test_a_caption_is_one_plain_line(said: str, line: str) -> None:
    assert tidied(said) == line


def test_a_sentence_that_was_cut_off_is_left_out() -> None:
    said = "A woman on a bench. Behind her there is a"
    assert tidied(said, whole=False) == "A woman on a bench."
    assert tidied(said, whole=True) == said
    assert tidied("A woman on a", whole=False) == "A woman on a"
