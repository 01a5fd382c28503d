"""Which base's reading of captions is meant where none was named."""

from __future__ import annotations

from zen_tui.exchange.vocabulary import Vocabulary, clip_vocabulary, vocabulary_of
from zen_tui.library import models
from zen_tui.library.database import Database
from zen_tui.library.records import Base, Dataset


def likely_base(db: Database, dataset: Dataset) -> Base | None:
    """The base that `dataset` was trained on last, if it is still here."""
    last = next((run for run in reversed(models.runs_of(db, dataset.id)) if run.base_id is not None), None)
    return next((base for base in models.bases(db) if last and base.id == last.base_id), None)


def reader_for(db: Database, dataset: Dataset, base: str = "") -> Vocabulary:
    """The vocabulary of the base of that name, else of the likely one, else CLIP's.

    Raises:
        NotFound: there is no base of that name.
        BadFile: it, or its tokenizer, is gone or damaged.
    """
    named = models.base(db, base) if base else likely_base(db, dataset)
    return vocabulary_of(named) if named else clip_vocabulary()
