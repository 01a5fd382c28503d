"""Settings by kind and base: what each preset changes, how steps follow the photos, and what stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from zen_tui.exchange.bases import ensure_builtin
from zen_tui.exchange.profiles import PROFILES
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import WrongUse
from zen_tui.library.records import KINDS, Base, Dataset
from zen_tui.library.train_settings import train_settings
from zen_tui.training.presets import PRESETS, defaults_for, in_words, preset_for


def base_of(family: str) -> Base:
    """A base of a family whose folder advises nothing."""
    return Base(id=1, slug=family, family=family, path="", facts={"defaults": {"train": PROFILES[family].train}})


def photos(count: int, kind: str = "person") -> Dataset:
    return Dataset(id=1, slug="mara", token="ohwx", class_word="woman", kind=kind, usable_count=count)


@pytest.mark.parametrize(
    ("family", "count", "steps"),
    [
        ("sdxl", 5, 1200),
        ("sdxl", 12, 1560),
        ("sdxl", 80, 1800),
        ("flux2-klein", 5, 500),
        ("flux2-klein", 12, 960),
        ("flux2-klein", 80, 1500),
        ("z-image", 24, 1800),
        ("flux1", 15, 3000),
        ("flux1", 3000, 4000),
    ],
)
def test_steps_follow_the_photos_as_far_as_helps(family: str, count: int, steps: int) -> None:
    assert defaults_for(base_of(family), photos(count))["steps"] == steps
    assert defaults_for(base_of(family), photos(count), "quick")["steps"] == round(0.6 * steps)


def test_every_kind_and_family_has_settings_that_fit() -> None:
    for family in PROFILES:
        for kind in KINDS:
            for preset in (None, *PRESETS):
                settings = train_settings(defaults_for(base_of(family), photos(20, kind), preset), {})
                assert settings.alpha == settings.rank, (family, kind, preset)
    assert {preset_for(photos(1, kind)) for kind in KINDS} == set(PRESETS) - {"quick"}
    assert in_words("quick").startswith("quick: ")


def test_a_preset_is_the_kinds_unless_another_is_named() -> None:
    def found(kind: str, preset: str | None = None) -> dict[str, Any]:
        return defaults_for(base_of("sdxl"), photos(20, kind), preset)

    assert found("pet") == found("person", "pet") != found("person") == found("pet", "face")
    assert (found("style")["rank"], found("style")["caption_dropout"], found("style")["steps"]) == (32, 0.1, 3000)
    assert found("garment")["aspect"] == "buckets"
    quick = found("style", "quick")
    assert (quick["flip"], quick["sample_every"], quick["steps"]) == (True, 0, 1800)
    few, many = (defaults_for(base_of("sdxl"), photos(count)) for count in (9, 20))
    assert (few["rank"], few["learning_rate"], many["rank"], many["learning_rate"]) == (16, 5e-5, 32, 1e-4)
    with pytest.raises(WrongUse, match=r"no preset called fase\. Did you mean face"):
        found("person", "fase")


@pytest.mark.parametrize("count", [0, 9, 20, 200])
def test_the_built_in_base_keeps_what_its_folder_advises(db: Database, count: int) -> None:
    ensure_builtin(db)
    mini = models.base(db, "zen-mini")
    advised = mini.facts["defaults"]["train"]
    assert defaults_for(mini, photos(count)) == advised
    assert defaults_for(mini, photos(count, "pet")) == {**advised, "flip": True}
    assert defaults_for(mini, photos(count), "quick")["steps"] == round(0.6 * advised["steps"])
