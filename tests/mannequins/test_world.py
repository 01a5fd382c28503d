"""The world of the mannequins, through its public door."""

import math
import random
import subprocess
import sys
from collections import Counter

import msgspec
import pytest
import torch

from zen_tui.mannequins import world


def _pairs(count: int, seed: int = 3, style: str | None = None) -> tuple[list[world.Person], list[world.Scene]]:
    rng = random.Random(seed)
    people = [world.draw_person(rng) for _ in range(count)]
    return people, [world.draw_scene(rng, style=style) for _ in range(count)]


def _mean_difference(first: torch.Tensor, second: torch.Tensor) -> float:
    return float((first.float() - second.float()).abs().mean())


def test_the_package_root_imports_no_torch() -> None:
    code = "import sys, zen_tui.mannequins; print('torch' in sys.modules or 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_same_inputs_give_same_pixels_and_other_scenes_other_pixels() -> None:
    people, scenes = _pairs(2)
    first = world.render(people, scenes)
    assert first.shape == (2, 3, 128, 128)
    assert first.dtype == torch.uint8
    assert torch.equal(first, world.render(people, scenes))
    reseeded = [msgspec.structs.replace(scene, seed=scene.seed + 1) for scene in scenes]
    assert _mean_difference(first, world.render(people, reseeded)) > 1


@pytest.mark.parametrize("style", world.STYLES)
def test_every_style_draws_a_picture_of_its_own(style: str) -> None:
    people, scenes = _pairs(1, style=style)
    plain = [msgspec.structs.replace(scenes[0], style="photo" if style != "photo" else "cartoon")]
    picture, other = world.render(people, scenes, size=64), world.render(people, plain, size=64)
    assert picture.float().std() > 10
    assert _mean_difference(picture, other) > 4


@pytest.mark.slow
def test_a_larger_picture_shows_the_same_scene() -> None:
    people, scenes = _pairs(1, style="photo")
    small, large = world.render(people, scenes).float(), world.render(people, scenes, size=256).float()
    halved = torch.nn.functional.avg_pool2d(large, 2)
    assert _mean_difference(small, halved) < 4


def test_another_side_of_a_person_keeps_the_numbers_and_changes_the_picture() -> None:
    (person,), (scene,) = _pairs(1, style="photo")
    left, right = (msgspec.structs.replace(scene, yaw=yaw) for yaw in (-0.7, 0.7))
    pictures = world.render([person, person], [left, right])
    assert _mean_difference(pictures[0], pictures[1]) > 5


def test_people_differ_in_numbers_and_in_the_face_they_show() -> None:
    people, (scene, _) = _pairs(2, style="photo")
    facing = msgspec.structs.replace(scene, yaw=0.0, hat=None, cx=0.0)
    numbers = [world.identity_numbers(person) for person in people]
    assert len(numbers[0]) == len(numbers[1])
    assert math.dist(*numbers) > 1
    assert all(-1 <= number <= 1 for row in numbers for number in row)
    faces = world.render(people, [facing, facing])[:, :, 24:88, 36:92]
    assert _mean_difference(faces[0], faces[1]) > 8


def test_captions_use_only_the_vocabulary() -> None:
    known = set(world.vocabulary())
    rng = random.Random(5)
    for person, scene in zip(*_pairs(1500), strict=True):
        sentence = world.caption(person, scene, rng)
        assert {word.strip(",") for word in sentence.split()} <= known, sentence


def test_a_subject_stands_for_the_looks_of_a_person() -> None:
    rng = random.Random(6)
    for person, scene in zip(*_pairs(300), strict=True):
        sentence = world.caption(person, scene, rng, subject="ohwx person")
        assert "ohwx person" in sentence
        assert not {"hair", "bald", "glasses", "freckles", "skin", "beard", "woman", "man"} & set(sentence.split())


def test_captions_name_what_is_there() -> None:
    rng = random.Random(7)
    named: Counter[str] = Counter()
    for person, scene in zip(*_pairs(600, style="photo"), strict=True):
        sentence = world.caption(person, scene, rng)
        assert person.gender in sentence.replace(",", "").split()
        named["garment"] += f"{scene.garment_color} {scene.garment}" in sentence
        named["hair"] += person.hair_color in sentence
    assert 380 < named["garment"] < 540
    assert named["hair"] > 300


def test_draws_are_balanced() -> None:
    people, scenes = _pairs(3000)
    for field, words in (("gender", world.GENDERS), ("skin", world.SKINS), ("hair_color", world.HAIR_COLORS)):
        counts = Counter(getattr(person, field) for person in people)
        assert all(0.8 < counts[word] * len(words) / 3000 < 1.2 for word in words), field
    assert 0.45 < sum(person.age for person in people) / 3000 < 0.55
    styles = Counter(scene.style for scene in scenes)
    assert 0.5 < styles["photo"] / 3000 < 0.6
    assert set(styles) == set(world.STYLES)
    for field, words in (("garment", world.GARMENTS), ("garment_color", world.COLORS)):
        counts = Counter(getattr(scene, field) for scene in scenes)
        assert all(0.75 < counts[word] * len(words) / 3000 < 1.25 for word in words), field


def test_unusable_requests_are_explained() -> None:
    people, scenes = _pairs(2)
    with pytest.raises(ValueError, match="do not go with"):
        world.render(people, scenes[:1])
    with pytest.raises(ValueError, match="multiple of 8"):
        world.render(people, scenes, size=100)
