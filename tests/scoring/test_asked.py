"""What a prompt asks for is what the world's own captions say."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from zen_tui.mannequins.captions import caption
from zen_tui.mannequins.palette import ATTRIBUTES
from zen_tui.mannequins.people import draw_person
from zen_tui.mannequins.scenes import draw_scene
from zen_tui.scoring.asked import asked, shows_identity


def test_captions_ask_for_nothing_that_is_not_in_the_picture() -> None:
    rng = random.Random(0)
    found: Counter[str] = Counter()
    for _ in range(3000):
        person, scene = draw_person(rng), draw_scene(rng)
        sentence = caption(person, scene, rng)
        truth = {
            "style": scene.style, "background": scene.background, "garment_color": scene.garment_color,
            "hair_color": person.hair_color, "hair_style": person.hair_style, "gender": person.gender,
        }  # fmt: skip
        wishes = asked(sentence)
        assert wishes.items() <= truth.items(), sentence
        found.update(wishes.keys())
    assert found["gender"] == 3000
    assert min(found[name] for name in ATTRIBUTES) > 900


@pytest.mark.parametrize(
    ("prompt", "wishes"),
    [
        (
            "a photo of ohwx woman wearing a red suit, in front of the Eiffel Tower",
            {"style": "photo", "background": "eiffel tower", "garment_color": "red", "gender": "woman"},
        ),
        ("a jade statue of ohwx man in a blue suit", {"style": "jade statue", "gender": "man"}),
        ("a portrait of sks man for a passport", {"style": "photo", "background": "white", "gender": "man"}),
        (
            "a woman with a grey bun, at night",
            {"hair_color": "grey", "hair_style": "bun", "background": "night sky", "gender": "woman"},
        ),
        ("ohwx", {}),
    ],
)
def test_prompts(prompt: str, wishes: dict[str, str]) -> None:
    assert asked(prompt) == wishes


def test_statues_and_sketches_do_not_show_who_it_is() -> None:
    assert shows_identity("a photo of ohwx woman")
    assert shows_identity("an oil painting of ohwx woman")
    assert not shows_identity("a marble statue of ohwx woman")
    assert not shows_identity("a pencil sketch of ohwx woman")
