"""Sheets: what a text asks for, and the sentence when it cannot be read."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zen_tui.library.errors import WrongUse
from zen_tui.library.sheets import LIMIT, Sheet, SheetDefaults, parse
from zen_tui.library.specs import PictureRequest

DEFAULTS = SheetDefaults(negative="blurry", seed=7, width=128, height=128, steps=20, guidance=5.0)

words = st.lists(st.text("abcdefg", min_size=1, max_size=4), min_size=1, max_size=4, unique=True)


def read(text: str, count: int = 1) -> Sheet:
    defaults = msgspec.structs.replace(DEFAULTS, count=count)
    return parse(text, token_phrase="ohwx woman", defaults=defaults)


def prompts(text: str) -> list[str]:
    return [request.prompt for request in read(text).requests()]


def test_one_prompt_takes_every_default() -> None:
    assert read("a photo of {token}").requests() == [
        PictureRequest(
            prompt="a photo of ohwx woman",
            negative="blurry",
            seed=7,
            width=128,
            height=128,
            steps=20,
            guidance=5.0,
        )
    ]


def test_alternatives_are_all_drawn_and_the_last_changes_fastest() -> None:
    assert prompts("a {red|blue} suit {at home|on a {beach|boat}}") == [
        "a red suit at home", "a red suit on a beach", "a red suit on a boat",
        "a blue suit at home", "a blue suit on a beach", "a blue suit on a boat",
    ]  # fmt: skip


def test_names_comments_and_empty_lines() -> None:
    text = """
    # two places
    $place = at the {beach|lake}
    $who = {token}

    a photo of $who $place
    """
    assert prompts(text) == ["a photo of ohwx woman at the beach", "a photo of ohwx woman at the lake"]


def test_backslash_makes_special_characters_plain() -> None:
    assert prompts(r"a \{sign\} of \$5, a \| b, back\\slash, {x\|y|z}") == [
        r"a {sign} of $5, a | b, back\slash, x|y",
        r"a {sign} of $5, a | b, back\slash, z",
    ]
    assert prompts(r"\# not a comment") == ["# not a comment"]
    assert prompts("a $5 bill, a | b, a -- b") == ["a $5 bill, a | b, a -- b"]


def test_options_of_a_line_override_the_defaults() -> None:
    (request,) = read("a cat --n ugly, dark --s 40 --g 3.5 --d 12 --w 256 --h 512").requests()
    assert request == PictureRequest(
        prompt="a cat", negative="ugly, dark", seed=12, width=256, height=512, steps=40, guidance=3.5
    )
    assert [r.steps for r in read("a cat --s {10|20}").requests()] == [10, 20]
    assert read("a cat --l 2").requests()[0].guidance == 2
    assert read("a cat --n").requests()[0].negative == ""


def test_seeds_hold_from_their_line_on() -> None:
    text = "a cat\nseeds 1..3, 9\na dog\na bird --d 40\ncount 2\na fish\na frog --d 5"
    assert [(r.prompt, r.seed) for r in read(text).requests()] == [
        ("a cat", 7), ("a dog", 1), ("a dog", 2), ("a dog", 3), ("a dog", 9), ("a bird", 40),
        ("a fish", 7), ("a fish", 8), ("a frog", 5), ("a frog", 6),
    ]  # fmt: skip
    assert [r.seed for r in read("a cat", count=3).requests()] == [7, 8, 9]
    assert prompts("count dracula in his castle") == ["count dracula in his castle"]
    assert prompts("seeds of a sunflower") == ["seeds of a sunflower"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a cat\na {dog", "Line 2: a { without its }"),
        ("a dog}", "Line 1: a } without its {"),
        ("a {hat}", "{hat} is not known"),
        ("a $plce", "$plce is not defined"),
        ("a cat --s ten", "--s ten is not a number"),
        ("a cat --s 0", "--s must be between 1 and 1000, not 0"),
        ("a cat --g nan", "--g must be between"),
        ("a cat --q 3", "there is no option --q"),
        ("--s 3", "no prompt before its options"),
        ("seeds 4..1\na", "4..1 is not a range"),
        ("seeds 1.5\na", "1.5 is not a seed"),
        ("", "There is no prompt"),
        ("# nothing", "There is no prompt"),
        ("{" * 30 + "a|b" + "}" * 30, "deep"),
        ("seeds 1..99999999999\na", "a sheet may ask for 10,000"),
        ("count 10001\na", "a sheet may ask for 10,000"),
        ("a" + " {1|2|3|4|5|6|7|8|9|10}" * 9, "1,000,000,000 pictures"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, says: str) -> None:
    with pytest.raises(WrongUse) as caught:
        read(text)
    assert says in str(caught.value)


def test_a_near_name_is_suggested_and_a_token_needs_an_adapter() -> None:
    with pytest.raises(WrongUse, match=r"Did you mean \$place"):
        read("$place = x\na $plce")
    with pytest.raises(WrongUse, match="none is chosen"):
        parse("a photo of {token}", token_phrase="", defaults=DEFAULTS)


def test_names_that_double_each_other_stop_early() -> None:
    bomb = ["$a0 = " + "x" * 100, *[f"$a{i + 1} = $a{i}$a{i}" for i in range(40)], "$a40"]
    with pytest.raises(WrongUse, match="longer than 20,000 characters"):
        read("\n".join(bomb))


def test_the_limit_itself_is_allowed() -> None:
    assert read(f"count {LIMIT}\na cat").count == LIMIT


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(words, min_size=1, max_size=3), min_size=1, max_size=4), st.integers(1, 4))
def test_count_is_every_combination(lines: list[list[list[str]]], seeds: int) -> None:
    text = f"seeds 1..{seeds}\n" + "\n".join(
        "x " + " ".join("{" + "|".join([*choice, "é"]) + "}" for choice in line) for line in lines
    )
    sheet = read(text)
    assert sheet.count == len(sheet.requests())
    assert sheet.count == seeds * sum(math.prod(len(choice) + 1 for choice in line) for line in lines)
    written = {word for request in sheet.requests() for word in request.prompt.split()}
    assert written == {"x", "é"} | {word for line in lines for choice in line for word in choice}


@settings(deadline=None, max_examples=200)
@given(st.text("ab {}|$#\\-\n=n1.", max_size=60))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    try:
        requests = read(text).requests()
    except WrongUse:
        return  # any other error fails the test
    assert 0 < len(requests) <= LIMIT
    assert all(request.prompt for request in requests)


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=40))
def test_escaped_text_comes_back_as_it_was(text: str) -> None:
    escaped = "".join("\\" + ch if ch in "{}|$#\\" else ch for ch in text)
    assert prompts("a" + escaped) == ["a" + text]
