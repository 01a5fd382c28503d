"""Textual inversion: the base stays as it is, and the token becomes a word of its own (Gal et al. 2022)."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from zen_tui.families import embeddings
from zen_tui.families.adapters import open_adapter
from zen_tui.families.base import Family
from zen_tui.library.specs import TrainSettings
from zen_tui.library.text import plural
from zen_tui.training.methods import words
from zen_tui.training.methods.method import Group, Subject, proven
from zen_tui.training.methods.reading import Reading

NAME = "zen"  # under which the family knows what learns


class TextualInversion(Reading):
    """The token of `subject` learns what it means, beginning with what `settings.init_word` does."""

    kind = "embedding"
    moves_base = False

    def __init__(self, family: Family, settings: TrainSettings, subject: Subject, targets: str) -> None:
        super().__init__(family, settings, subject, targets)
        self.word = words.begin(family, settings, subject)
        family.attached.teach(NAME, self.word)
        family.set_adapters([(NAME, 1.0)])

    @property
    def groups(self) -> list[Group]:
        return [Group(words.learning(self.word))]

    def describe(self) -> str:
        return f"{plural(self.settings.vectors, 'vector')} for the word {self.word.word}"

    def state(self) -> dict[str, Tensor]:
        return words.state(self.word)

    def restore(self, state: dict[str, Tensor]) -> None:
        self.require_shapes(state)
        words.restore(self.word, state)

    def save(self, path: Path) -> Path:
        embeddings.write(path, self.word, self.family.name, self.family.licence)
        return proven(path, lambda written: embeddings.same(self.word, open_adapter(written, depth=2)))
