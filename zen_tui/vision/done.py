"""Which photos a job has dealt with, on disk beside its spec: what a killed job goes on from."""

from __future__ import annotations

import msgspec

from zen_tui.library.durable import write_file
from zen_tui.library.paths import Home


class DonePhotos:
    """The photos of one job, by id. A job outside the queue (0) keeps nothing: it is not taken up again."""

    def __init__(self, home: Home, job_id: int) -> None:
        self._path = home.job(job_id) / "photos.json" if job_id else None
        self.ids: list[int] = []
        if self._path is not None and self._path.exists():
            self.ids = msgspec.json.decode(self._path.read_bytes(), type=list[int])

    def __contains__(self, photo_id: int) -> bool:
        return photo_id in self.ids

    def add(self, photo_id: int) -> None:
        """Note that a photo is dealt with; called after its result is durable."""
        self.ids.append(photo_id)
        if self._path is not None:
            write_file(self._path, msgspec.json.encode(self.ids))
