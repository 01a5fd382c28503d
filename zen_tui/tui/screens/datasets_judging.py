"""What follows from marks on photos: which of several alike is the best, what the set covers, how many are in use.

It waits for a pause in the keys, for then nobody waits for it; whoever leaves the screen is not waited for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import Future

from textual import work
from textual.timer import Timer
from textual.worker import get_current_worker

from zen_tui.library.database import Database
from zen_tui.library.records import Dataset, Photo
from zen_tui.photos.variety import Variety
from zen_tui.photos.verdicts import Row, coverage, set_verdicts
from zen_tui.tui.screens.datasets_doing import DatasetsDoing
from zen_tui.tui.widgets.coverage_panel import CoveragePanel

PAUSE = 0.6  # seconds without a key


class DatasetsJudging(DatasetsDoing):
    """The base of the screen; `judged` draws photos whose verdicts have changed, `count_uses` the list's entry."""

    def __init__(self) -> None:
        super().__init__()
        self._pause: Timer | None = None
        self._unjudged: dict[str, set[int]] = {}  # photos whose marks may tell on their verdicts, by dataset
        self._coverage: tuple[list[Row], list[str]] = ([], [])

    def judged(self, ids: Collection[int]) -> None:
        """Draw these photos anew."""
        raise NotImplementedError

    def count_uses(self) -> None:
        """Say in the list how many photos are in use now."""
        raise NotImplementedError

    def judge_soon(self, ids: Iterable[int]) -> None:
        """These photos were marked: judge them, and the set, after the next pause."""
        self._unjudged.setdefault(self.slug, set()).update(ids)
        if self._pause is None:
            self._pause = self.set_timer(PAUSE, self.judge)
        self.wait()

    def wait(self) -> None:
        """A key was pressed: the pause begins anew."""
        if self._pause is not None:
            self._pause.reset()

    def judge(self) -> None:
        """Judge now what was marked, if anything was."""
        if self._unjudged and not self.leaving:
            self._judge_marked()
            self.count_uses()
            self.judge_set()

    def _judge_marked(self) -> None:
        if self._pause is not None:
            self._pause.stop()
            self._pause = None
        unjudged, self._unjudged = self._unjudged, {}
        for dataset in self.datasets:
            if ids := unjudged.get(dataset.slug):
                self._judge(dataset, ids)

    def on_screen_suspend(self) -> None:
        self.judge()

    def on_unmount(self) -> None:
        self._judge_marked()

    def _judge(self, dataset: Dataset, ids: set[int]) -> None:
        """Judge photos after all that was written before; what fails is judged again with the next mark."""
        app = self.zen
        thresholds = app.settings.verdicts

        def work(db: Database) -> list[Photo]:
            from zen_tui.photos.judge import rejudge

            return rejudge(db, dataset, thresholds, ids)

        def done(future: Future[list[Photo]]) -> None:
            if future.exception() is None and (changed := future.result()):
                app.call_later(self._heard, changed)

        app.writer.do(work).add_done_callback(done)

    def _heard(self, changed: list[Photo]) -> None:
        known = [photo for photo in changed if photo.id in self.photos]
        for new in known:
            photo = self.photos[new.id]
            photo.verdicts, photo.alike = new.verdicts, new.alike
        if not self.leaving:
            self.judged([photo.id for photo in known])

    # The whole set ----------------------------------------------------------------------------------------

    def judge_set(self) -> None:
        """Say what the whole set covers and lacks."""
        if dataset := self.dataset:
            self._look_over(dataset, list(self.photos.values()))

    @work(thread=True, exclusive=True, group="cover", exit_on_error=False, description="what the set covers")
    def _look_over(self, dataset: Dataset, photos: list[Photo]) -> None:
        variety = Variety(photos)
        rows = coverage(dataset, photos, variety) if photos else []
        notes = [verdict.text for verdict in set_verdicts(dataset, photos, variety)] if photos else []
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._covered, dataset.slug, rows, notes)

    def _covered(self, slug: str, rows: list[Row], notes: list[str]) -> None:
        if not self.leaving and slug == self.slug:
            self._coverage = rows, notes
            self.show_coverage()

    def show_coverage(self) -> None:
        """Draw what the set covers, as far as there is room below the list."""
        room, entries = self.query_one("#left").content_size, 2 * len(self.datasets) + 1
        height = max(room.height - entries, room.height // 3)
        self.query_one(CoveragePanel).show(*self._coverage, room.width, height)
