"""Settings as typed, specs as stored, and foreign text made safe."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zen_tui.library.errors import WrongUse
from zen_tui.library.specs import (
    AdapterUse,
    GenerateSpec,
    PictureRequest,
    TrainSettings,
    TrainSpec,
    decode_spec,
    encode_spec,
)
from zen_tui.library.text import clean, duration, megabytes, nearest, plural, shown, slugify
from zen_tui.library.train_settings import train_settings


def test_what_a_person_chose_wins_over_the_defaults() -> None:
    settings = train_settings({"steps": 400, "learning_rate": 1e-3, "guidance": 7}, {"steps": "12"})
    assert (settings.steps, settings.learning_rate, settings.batch_size) == (12, 1e-3, 1)


def test_values_are_read_as_typed_after_set() -> None:
    chosen = {
        "learning_rate": "2e-4",
        "allow_few_photos": "true",
        "precision": "bf16",
        "sample_prompts": "a | b|",
        "rank": "8",
    }
    settings = train_settings({}, chosen)
    assert settings == TrainSettings(
        learning_rate=2e-4, allow_few_photos=True, precision="bf16", sample_prompts=("a", "b"), rank=8, alpha=8
    )


@pytest.mark.parametrize(("said", "meant"), [("yes", True), ("On", True), ("no", False), ("off", False)])
def test_yes_and_no_are_understood(said: str, meant: bool) -> None:
    assert train_settings({"flip": not meant}, {"flip": said}).flip == meant


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"learning_rat": 1}, "Did you mean learning_rate?"),
        ({"zzzz": 1}, "The settings are: steps"),
        ({"steps": "many"}, "steps"),
        ({"steps": "0"}, "steps must be between 1"),
        ({"holdout": 0.9}, "holdout must be between 0 and 0.5"),
        ({"precision": "fp8"}, "precision"),
        ({"batch_size": "1.5"}, "batch_size"),
        ({"learning_rate": "nan"}, "learning_rate"),
        ({"flip": "perhaps"}, "flip"),
        ({"aspect": "wide"}, "aspect"),
        ({"crop_jitter": 0.3}, "crop_jitter must be between 0 and 0.2"),
        ({"colour_jitter": 0.5}, "colour_jitter must be between 0 and 0.3"),
        ({"masked_loss": "yes"}, "masked_loss"),
        ({"mask_outside": 2}, "mask_outside must be between 0 and 1"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(chosen: dict[str, object], said: str) -> None:
    with pytest.raises(WrongUse) as caught:
        train_settings({}, chosen)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        TrainSpec(
            run=1, name="mara", dataset="mara", base="zen-mini", settings=TrainSettings(sample_prompts=("a",))
        ),
        GenerateSpec(base="zen-mini", adapters=(AdapterUse("mara", 0.8),), pictures=(PictureRequest(prompt="a"),)),
    ],
)
def test_a_spec_is_read_back_as_it_was_stored(spec: TrainSpec | GenerateSpec) -> None:
    assert decode_spec(encode_spec(spec)) == spec


@given(st.text())
def test_clean_text_can_neither_steer_a_terminal_nor_turn_text_around(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) <= 400
    assert all(unicodedata.category(ch) not in ("Cc", "Cs") for ch in cleaned)
    assert not set(cleaned) & set("\u202a\u202e\u2066\u2069\u200f")
    cleaned.encode()
    assert clean(cleaned) == cleaned


@given(st.binary(max_size=200).filter(lambda name: b"\0" not in name))
def test_any_file_name_can_be_shown(name: bytes) -> None:
    import os

    assert shown(os.fsdecode(name)).isprintable()


@given(st.text())
def test_a_slug_is_a_safe_folder_name(text: str) -> None:
    slug = slugify(text)
    assert slugify(slug) == slug
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(slug) <= 48


def test_sizes_and_times_read_as_a_person_says_them() -> None:
    assert [megabytes(size) for size in (3.2e6, 18e6, 2.14e9)] == ["3.2 MB", "18 MB", "2.1 GB"]
    assert [duration(seconds) for seconds in (8, 246, 7500)] == ["8 s", "4 min 06 s", "2 h 05 min"]
    assert [plural(1, "photo"), plural(3000, "photo")] == ["1 photo", "3,000 photos"]
    assert nearest("trian", ["train", "generate"]) == "train"
    assert nearest("q", ["train"]) is None
