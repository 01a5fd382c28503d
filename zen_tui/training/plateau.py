"""Whether a run has stopped getting better: no gain for so many checkpoints in a row.

A gain is a held-out loss clearly below the lowest before, or an identity above the highest before by more than the
luck of its pictures. Decided from what checkpoints hold alone, so that a run that goes on decides the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zen_tui.library.scores import Span
from zen_tui.library.specs import TrainSettings
from zen_tui.library.text import plural

SIGMAS = 4  # from end to end of a 95 % interval


def plateau(
    scores: Sequence[tuple[int, float, float]],
    identities: Mapping[int, Span],
    settings: TrainSettings,
    until: int = 0,
) -> str:
    """Why the run should end after the last of `scores` (step, held out, train), or '' if it should go on.

    Args:
        identities: of judged steps.
        until: the step up to which nothing counts as waiting.
    """
    if not settings.stop_early:
        return ""
    lowest, highest, gained, waited = float("inf"), float("-inf"), 0, 0
    for step, held_out, _ in scores:
        falls = held_out < lowest * (1 - settings.stop_gain)
        identity = identities.get(step)
        rises = identity is not None and identity.mean > highest + _sigma(identity)
        if falls:
            lowest = held_out
        if rises and identity:
            highest = identity.mean
        if falls or rises or step <= until:
            gained, waited = step, 0
        else:
            waited += 1
    if waited < settings.stop_early:
        return ""
    also = ", nor did identity rise" if identities else ""
    return (
        f"Stopped at step {scores[-1][0]:,}: {plural(waited, 'checkpoint')} without gain since step {gained:,}; "
        f"the held-out loss did not fall {settings.stop_gain:.1%} below {lowest:.4f}{also}."
    )


def _sigma(identity: Span) -> float:
    return (identity.high - identity.low) / SIGMAS
