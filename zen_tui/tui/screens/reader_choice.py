"""Choosing by which base's words the length of captions is counted; vocabularies are loaded in a thread."""

from __future__ import annotations

from textual import work

from zen_tui.library import datasets as library
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.errors import ZenError
from zen_tui.library.records import Dataset
from zen_tui.photos.caption_lint import Reader
from zen_tui.tui.screens.place import Place

CLIP = ""  # the reader of no base in particular


class ReaderChoice(Place):
    """A screen that shows the captions of `dataset`; `read_by` is called with each reader once it is loaded."""

    dataset: Dataset
    _readers: tuple[str, ...] = ()  # bases, and CLIP; the one in use first

    def read_by(self, reader: Reader) -> None:
        """Show lengths as `reader` counts them."""

    def choose_reader(self) -> None:
        """Load the base that the dataset was trained on last, or CLIP; once, as long as the screen lives."""
        from zen_tui.exchange.caption_reader import likely_base

        if self._readers:
            return
        likely = likely_base(self.zen.db, self.dataset)
        bases = [base.slug for base in reversed(models.bases(self.zen.db))]
        first = likely.slug if likely else CLIP
        self._readers = (first, *(name for name in (CLIP, *bases) if name != first))
        self._load(first)

    def action_next_base(self) -> None:
        """Count tokens as the next base reads them."""
        self._readers = (*self._readers[1:], *self._readers[:1])
        if self._readers:
            self._load(self._readers[0])

    @work(thread=True, exclusive=True, group="reader", exit_on_error=False)
    def _load(self, base: str) -> None:
        """Load a vocabulary, and count every caption with it once."""
        from zen_tui.exchange.vocabulary import clip_vocabulary, vocabulary_of

        try:
            with Database.open(self.zen.home) as db:
                reader = vocabulary_of(models.base(db, base)) if base else clip_vocabulary()
                reader.count(list(library.captions(db, self.dataset.id).values()))
        except ZenError as error:
            self.app.call_from_thread(self.zen.fail, error)
        else:
            self.app.call_from_thread(self._loaded, reader)

    def _loaded(self, reader: Reader) -> None:
        if not self.leaving:
            self.read_by(reader)
