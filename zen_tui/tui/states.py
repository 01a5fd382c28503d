"""How the state of a job is told: a sign, a word and a colour, never the colour alone."""

from __future__ import annotations

from textual.content import Content

from zen_tui.library.records import Job, JobState

SIGNS: dict[JobState, tuple[str, str, str]] = {
    "queued": ("○", "waiting", "$muted"),
    "running": ("●", "running", "$primary"),
    "paused": ("‖", "paused", "$attention"),
    "interrupted": ("↻", "interrupted", "$attention"),
    "done": ("✓", "done", "$primary"),
    "failed": ("✗", "failed", "$lost"),
    "cancelled": ("■", "cancelled", "$muted"),
}
ENDED = ("done", "failed", "cancelled")
CAN_GO_ON = ("paused", "failed", "cancelled", "interrupted")


def state(job: Job, *, died: bool = False) -> Content:
    """'● running', or what it is about to become once the present step is done; `died`: its worker is gone."""
    if died:
        return Content.styled("↻ worker died", "$lost")
    sign, word, colour = SIGNS[job.status]
    if job.status == "running" and job.control in ("pause", "cancel"):
        word = "pausing" if job.control == "pause" else "stopping"
        colour = "$attention"
    return Content.styled(f"{sign} {word}", colour)


def progress(job: Job) -> str:
    """'412 of 1,200', or '' when nothing is known."""
    return f"{job.step:,} of {job.steps:,}" if job.steps else ""
