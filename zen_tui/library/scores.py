"""What the pictures of a checkpoint were found to be, and which checkpoint is best by it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Span(msgspec.Struct, frozen=True):
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {(self.high - self.low) / 2:.2f}"


class Scores(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The figures of one checkpoint; None is not judged.

    `identity` is the cosine with the held-out photos, `adherence` the share of what was asked for that is there,
    `drift` how far pictures of the class went from the base's own, `variety` how far the subject's pictures are
    from each other, `class_variety` the same of the class alone. `drift_by` says what measured the drift and the
    variety of the class: 'identity' (the built-in base's reader), 'faces' or 'pixels'. `copies` of the subject's
    pictures are training photos over again.
    """

    identity: Span | None = None
    adherence: Span | None = None
    drift: Span | None = None
    drift_by: str = ""
    variety: Span | None = None
    class_variety: Span | None = None
    copies: int = 0

    def named(self) -> list[tuple[str, Span]]:
        """What was judged, by name."""
        names = ("identity", "adherence", "drift", "variety", "class_variety")
        return [(name.replace("_", " "), span) for name in names if (span := getattr(self, name)) is not None]


class Choice(msgspec.Struct, frozen=True):
    """The best step, and why, in a sentence."""

    step: int
    why: str


RULE = (
    "Of the checkpoints that keep to their prompts as well as the best, and that no other beats in identity, "
    "adherence and drift at once, this one looks most like the subject."
)


def choose(judged: Sequence[tuple[int, Scores]]) -> Choice | None:
    """The best of judged steps; None where identity was not judged. One that copies photos is only taken where
    all do.

    Of those that no other beats in identity, adherence and drift at once, and whose adherence is within the
    interval of the best, the one with the highest identity.
    """
    able = [(step, scores) for step, scores in judged if scores.identity is not None]
    able = [one for one in able if not one[1].copies] or able
    front = [one for one in able if not any(_beats(other[1], one[1]) for other in able)]
    if not front:
        return None
    most = max((s.adherence for _, s in front if s.adherence), key=lambda span: span.mean, default=None)
    near = [(n, s) for n, s in front if most is None or s.adherence is None or s.adherence.mean >= most.low]
    step, scores = max(near, key=lambda one: (_mean(one[1].identity), -one[0]))
    why = f"step {step:,}: identity {scores.identity}"
    if scores.adherence:
        why += f", adherence {scores.adherence.mean:.2f}"
    rivals = [one for one in able if one[0] != step]
    if rivals:
        other, rival = max(rivals, key=lambda one: _mean(one[1].identity))
        why += f"; the next in identity is step {other:,} with {_mean(rival.identity):.2f}"
        if rival.adherence:
            why += f" and adherence {rival.adherence.mean:.2f}"
    return Choice(step, why)


def _beats(one: Scores, other: Scores) -> bool:
    """Whether `one` is nowhere worse and somewhere better."""
    pairs = [
        (_mean(one.identity), _mean(other.identity)),
        (_mean(one.adherence), _mean(other.adherence)),
        (-_mean(one.drift), -_mean(other.drift)),
    ]
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def _mean(span: Span | None) -> float:
    return span.mean if span else 0.0
