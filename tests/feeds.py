"""A feed that keeps what it is told, for running a job's work inside a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from zen_tui.library.events import AnyEvent

Kind = TypeVar("Kind")


class KeptFeed:
    """Keeps every event; `asked` answers with what `ask` says, which is given the events so far."""

    def __init__(self, job_id: int, ask: Callable[[list[AnyEvent]], str] | None = None) -> None:
        self.job_id = job_id
        self.events: list[AnyEvent] = []
        self.progress: tuple[int, int] = (0, 0)
        self.wishes: set[str] = set()
        self._ask = ask

    def tell(self, event: AnyEvent) -> None:
        self.events.append(event)

    def asked(self) -> str:
        return self._ask(self.events) if self._ask else ""

    def requests(self) -> set[str]:
        wishes, self.wishes = self.wishes, set()
        return wishes

    def durable(self) -> None:
        return None

    def progressed(self, step: int, steps: int) -> None:
        self.progress = (step, steps)

    def heard(self, kind: type[Kind]) -> list[Kind]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]
