"""What is told of a training: in words when it begins, in figures when it has ended."""

from __future__ import annotations

from typing import Any

from zen_tui.families import Family
from zen_tui.families.devices import precision_name
from zen_tui.generation.fit import Fit
from zen_tui.library.specs import TrainSettings
from zen_tui.library.text import plural
from zen_tui.training.checkpoints import Course
from zen_tui.training.material import Material
from zen_tui.training.methods.method import Method


def describe(method: Method, settings: TrainSettings, material: Material, fit: Fit, processes: int) -> str:
    """What is learned, from what, and what is done without, in one line."""
    size = f"{method.numbers / 1e6:.1f} million" if method.numbers >= 1e5 else f"{method.numbers:,}"
    strength = settings.learning_rate * method.strength
    photos, held_out = len(material.sizes) - len(material.of_class), len(material.held_out)
    parts = [
        f"Learning {size} numbers: {method.describe()}",
        f"effective rate {strength:.3g} (learning_rate x {method.strength:g})",
        f"{plural(photos - held_out, 'photo')}, {held_out or 'none'} held out",
        f"{precision_name(method.family.dtype)} on {method.family.device.type}",
    ]
    if processes > 1:
        parts.append(f"each step shared by {processes} processes")
    if fit.words:
        parts.append(fit.words)
    parts += _feeding(settings, material)
    if settings.prior_preservation and method.moves_base:
        parts.append(f"the class is kept with weight {settings.prior_preservation:g}")
    if material.of_class:
        pictures = plural(len(material.of_class), "picture")
        parts.append(f"{pictures} of the class beside the photos, with weight {settings.class_weight:g}")
    return "; ".join(parts) + "."


def _feeding(settings: TrainSettings, material: Material) -> list[str]:
    """What is done with photos, besides cropping them to squares."""
    shapes = [f"photos whole, in {plural(len(material.train), 'shape')}"] if settings.aspect == "buckets" else []
    views = max(map(len, material.latents))
    masks = sum(1 for counted in material.counted if counted is not None)
    return [
        *shapes,
        *([f"{views} views of each photo"] if views > 1 else []),
        *([f"errors weighed by the masks of {plural(masks, 'photo')}"] if masks else []),
    ]


def metrics(course: Course, family: Family, fit: Fit, memory: int) -> dict[str, Any]:
    """The figures of a finished run that took `memory` bytes.

    Losses are means over the first and the last twentieth of its steps.
    """
    some = max(1, len(course.losses) // 20)
    scores = [held_out for _, held_out, _ in course.scores]
    return {
        "loss_first": sum(course.losses[:some]) / some,
        "loss_last": sum(course.losses[-some:]) / some,
        "holdout_first": scores[0] if scores else None,
        "holdout_last": scores[-1] if scores else None,
        "best_step": course.best_step(),
        **({"copies": len(course.copies), "copies_since": course.copies[0].step} if course.copies else {}),
        **({"stopped": course.stopped} if course.stopped else {}),
        "seconds": round(course.seconds, 2),
        "seconds_per_step": round(course.seconds_per_step, 4),
        "memory_mb": round(memory / 1e6),
        "device": family.device.type,
        "precision": precision_name(family.dtype),
        "twice": fit.twice if fit.checkpointing else 0.0,
    }
