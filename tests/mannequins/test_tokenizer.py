"""The built-in base's tokenizer: every word of the world whole, every subject token free, any text at home."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zen_tui.mannequins.tokenizer import LENGTH, RESERVED, build_tokenizer
from zen_tui.mannequins.world import vocabulary


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build_tokenizer(vocabulary())


def test_every_word_of_the_world_is_one_token(tokenizer: Any) -> None:
    for word in vocabulary():
        if word.isalpha():
            assert len(tokenizer.tokenize(word)) == 1, word


def test_every_reserved_token_is_single_and_none_is_a_word_of_the_world(tokenizer: Any) -> None:
    assert len(set(RESERVED)) == 16
    assert not set(RESERVED) & set(vocabulary())
    numbers = [tokenizer(f"a photo of {word} woman").input_ids for word in RESERVED]
    assert {len(row) for row in numbers} == {7}
    assert len({row[4] for row in numbers}) == 16


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=80))
def test_any_text_becomes_tokens_that_are_known(tokenizer: Any, text: str) -> None:
    row = tokenizer(text, padding="max_length", truncation=True).input_ids
    assert len(row) == LENGTH
    assert row[0] == tokenizer.bos_token_id
    assert all(0 <= number < len(tokenizer) for number in row)


def test_words_it_never_saw_are_spelled_not_lost(tokenizer: Any) -> None:
    row = tokenizer("a zürich skyscraper, 42").input_ids
    assert tokenizer.decode(row, skip_special_tokens=True).strip() == "a zürich skyscraper , 4 2"


def test_saved_and_loaded_it_reads_the_same(tokenizer: Any, tmp_path: Path) -> None:
    from transformers import CLIPTokenizer

    tokenizer.save_pretrained(tmp_path)
    again = CLIPTokenizer.from_pretrained(tmp_path, local_files_only=True)
    text = "A portrait of ohwx woman, smiling: at the beach"
    assert again(text).input_ids == tokenizer(text).input_ids
    assert again.model_max_length == LENGTH
    assert again.pad_token == tokenizer.pad_token
