"""The public door to the world of the mannequins: draw people and scenes, render them, say what is seen."""

from zen_tui.mannequins.captions import caption, vocabulary
from zen_tui.mannequins.palette import (
    ATTRIBUTES,
    BACKGROUNDS,
    BEARDS,
    COLORS,
    EYE_COLORS,
    GARMENTS,
    GENDERS,
    HAIR_COLORS,
    HAIR_STYLES,
    SKINS,
    STATUES,
    STYLES,
)
from zen_tui.mannequins.people import SHAPES, Person, draw_person, identity_numbers
from zen_tui.mannequins.render import compile_for_bulk, render
from zen_tui.mannequins.scenes import Scene, draw_scene

__all__ = [
    "ATTRIBUTES",
    "BACKGROUNDS",
    "BEARDS",
    "COLORS",
    "EYE_COLORS",
    "GARMENTS",
    "GENDERS",
    "HAIR_COLORS",
    "HAIR_STYLES",
    "SHAPES",
    "SKINS",
    "STATUES",
    "STYLES",
    "Person",
    "Scene",
    "caption",
    "compile_for_bulk",
    "draw_person",
    "draw_scene",
    "identity_numbers",
    "render",
    "vocabulary",
]
