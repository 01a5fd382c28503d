"""The readers that travel with the built-in base know people and scenes they were never shown."""

import pytest
import torch

from zen_tui.mannequins import cast
from zen_tui.mannequins.evaluate import identity_top1, portrait, variety
from zen_tui.mannequins.readers import (
    gallery,
    load_attribute_reader,
    load_identity_reader,
    prepare,
    visible,
)
from zen_tui.mannequins.world import ATTRIBUTES, render


@pytest.fixture(scope="module", params=[2, pytest.param(6, marks=pytest.mark.slow)])
def people(request: pytest.FixtureRequest) -> int:
    """How many people of the evaluation part are looked at."""
    return int(request.param)


@pytest.fixture(scope="module")
def strangers(people: int) -> torch.Tensor:
    """Three new photos of each of those people, (3 * people, 3, 128, 128)."""
    numbers = [i for i in range(people) for _ in range(3)]
    shown = [cast.person("evaluate", i) for i in numbers]
    return render(shown, [cast.scene("evaluate", i, k % 3, style="photo") for k, i in enumerate(numbers)])


@pytest.mark.slow
def test_strangers_are_found_among_fifty(strangers: torch.Tensor, people: int) -> None:
    read = load_identity_reader()
    shares = []
    for index in range(people):
        known = torch.cat([gallery(49), portrait("evaluate", index, read)[None]])
        shares.append(identity_top1(strangers[3 * index : 3 * index + 3], known, 49, read))
    assert sum(shares) / people >= 0.95  # by chance it would be 0.02


def test_what_is_seen_is_read(strangers: torch.Tensor, people: int) -> None:
    read = load_attribute_reader()(strangers)
    asked = [visible(cast.person("evaluate", i), cast.scene("evaluate", i, k, style="photo"))
             for i in range(people) for k in range(3)]  # fmt: skip
    pairs = [(found[name], seen[name]) for found, seen in zip(read, asked, strict=True) for name in seen]
    assert sum(one == other for one, other in pairs) / len(pairs) >= 0.95
    assert all(found.keys() == ATTRIBUTES.keys() for found in read)


def test_one_person_varies_less_than_many(strangers: torch.Tensor) -> None:
    read = load_identity_reader()
    assert variety(strangers[:3], read) < 0.5 * variety(strangers[::3], read)


def test_readings_have_length_one_at_any_size(strangers: torch.Tensor) -> None:
    read = load_identity_reader()
    large = torch.nn.functional.interpolate(strangers[:2].float(), scale_factor=2).to(torch.uint8)
    readings = read(torch.cat([strangers[:2]]))
    assert torch.allclose(readings.norm(dim=1), torch.ones(2), atol=1e-5)
    assert float((readings * read(large)).sum(1).min()) > 0.95
    assert read(strangers[:0]).shape == (0, readings.shape[1])


def test_pictures_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="uint8"):
        prepare(torch.zeros(1, 3, 64, 64))


def test_the_parts_of_the_cast_share_nobody() -> None:
    people = [cast.person(part, i) for part in cast.PARTS for i in range(200)]
    assert len(set(people)) == len(people)
    with pytest.raises(ValueError, match="no part"):
        cast.person("other", 0)
