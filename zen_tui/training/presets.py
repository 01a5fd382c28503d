"""Settings that suit what is trained: a face, a pet, a thing, clothes, a style, or a quick first look.

They come between what the base recommends and what a person chooses. Steps grow with the photos, as far as helps.
"""

from __future__ import annotations

from typing import Any

import msgspec

from zen_tui.exchange.profiles import PROFILES
from zen_tui.library.errors import WrongUse
from zen_tui.library.records import Base, Dataset
from zen_tui.library.specs import TrainSettings
from zen_tui.library.text import nearest
from zen_tui.training.methods import METHODS


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """`words` say what it is for, `settings` are its own; `share` is of the steps that it takes otherwise."""

    words: str
    settings: dict[str, Any] = {}
    style: bool = False
    share: float = 1.0


PRESETS: dict[str, Preset] = {
    "face": Preset(words="a person, never mirrored"),
    "pet": Preset(words="an animal, mirrored too", settings={"flip": True}),
    "object": Preset(words="a thing, never mirrored: it may have writing on it"),
    "garment": Preset(words="clothes, seen whole and never mirrored", settings={"aspect": "buckets"}),
    "style": Preset(
        words="how pictures look: more steps, more room, some captions left out",
        settings={"flip": True, "caption_dropout": 0.1},
        style=True,
    ),
    "quick": Preset(
        words="a first look at what suits the kind: fewer steps, no samples",
        settings={"checkpoint_every": 100, "sample_every": 0},
        share=0.6,
    ),
}
"""By name. Mirrored, a face is another's, and what is written on a thing cannot be read."""

# Steps a photo, at least, at most, at one photo a step. After modl's presets (src/core/presets.rs), whose author
# found them by trying; its quick ones take about three fifths. Stable Diffusion 1 is taken for a smaller XL.
_STEPS = {
    "sd15": (130, 1200, 1800),
    "sdxl": (130, 1200, 1800),
    "flux2-klein": (80, 500, 1500),
    "z-image": (75, 1500, 2000),
}
_STEPS_ELSE = (200, 2000, 4000)
_STYLE_STEPS = {"z-image": (50, 3500, 5000)}
_STYLE_STEPS_ELSE = (100, 3000, 8000)
FEW, MANY = 10, 20  # photos; below the first a gentler rate, from the second on more room, as modl has it


def preset_for(dataset: Dataset) -> str:
    """The preset that suits the kind of `dataset`."""
    return "face" if dataset.kind == "person" else dataset.kind


def preset_settings(name: str, base: Base, dataset: Dataset) -> dict[str, Any]:
    """The settings of the preset `name` for the photos of `dataset`; of 'quick', on top of those of their kind.

    A base whose own folder advises steps, as the built-in one does, keeps them, and its rank and rate.

    Raises:
        WrongUse: there is no preset of that name.
    """
    if name not in PRESETS:
        close = nearest(name, PRESETS)
        hint = f"Did you mean {close}?" if close else f"The presets are: {', '.join(PRESETS)}."
        raise WrongUse(f"There is no preset called {name}.", hint)
    preset = PRESETS[name]
    kind = PRESETS[preset_for(dataset)] if preset.share < 1 else preset
    found = {**_scaled(kind, base, dataset.usable_count), **kind.settings, **preset.settings}
    steps = found.get("steps", _recommended(base).get("steps"))
    if steps and preset.share < 1:
        found["steps"] = max(1, round(steps * preset.share))
    return found


def defaults_for(base: Base, dataset: Dataset, preset: str | None = None, method: str = "lora") -> dict[str, Any]:
    """The settings that `base` recommends, changed by `preset` or the one that suits `dataset`, then by `method`.

    Raises:
        WrongUse: there is no preset of that name.
    """
    suits = preset_settings(preset or preset_for(dataset), base, dataset)
    known, settings = METHODS[method], {**_recommended(base), **suits}
    settings["learning_rate"] = known.rate * float(settings.get("learning_rate", TrainSettings().learning_rate))
    return {**settings, **known.defaults}


def in_words(name: str) -> str:
    """A preset and what it is for: 'face: a person, never mirrored'."""
    return f"{name}: {PRESETS[name].words}"


def _recommended(base: Base) -> dict[str, Any]:
    return dict(base.facts.get("defaults", {}).get("train", {}))


def _scaled(preset: Preset, base: Base, photos: int) -> dict[str, Any]:
    """What depends on the number of photos: steps, rank and rate."""
    usual = PROFILES[base.family].train if base.family in PROFILES else {}
    if not photos or _recommended(base).get("steps") != usual.get("steps"):
        return {}
    if preset.style:
        rule, rank = _STYLE_STEPS.get(base.family, _STYLE_STEPS_ELSE), 32
    else:
        rule, rank = _STEPS.get(base.family, _STEPS_ELSE), 32 if photos >= MANY else 16
    each, least, most = rule
    scaled = {"steps": min(max(each * photos, least), most), "rank": rank, "alpha": float(rank)}
    return {**scaled, "learning_rate": 5e-5} if photos < FEW and base.family != "z-image" else scaled
