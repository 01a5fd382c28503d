"""A team: the processes of one job, in a tree with the first at its root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from zen_tui.ranks.links import Link


@dataclass(frozen=True)
class Team:
    """What process `index` of `size` knows of the others: who is above it, and who is below."""

    index: int = 0
    size: int = 1
    up: Link | None = None
    down: Sequence[Link] = field(default=())

    @property
    def leads(self) -> bool:
        """Whether this is the first process, which alone writes."""
        return self.up is None

    def hear(self, said: bytes = b"") -> bytes:
        """What the first process said: `said` there, and there alone. Everybody has to call this together.

        Raises:
            Lost: a process is gone.
            ZenError: a process could not do its work.
        """
        if self.up is not None:
            said = self.up.receive()
        for link in self.down:
            link.send(said)
        return said


ALONE = Team()
"""The team of a job that is done by one process."""
