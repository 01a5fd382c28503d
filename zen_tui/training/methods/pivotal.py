"""Pivotal tuning: the token becomes a word of its own, and around it a LoRA learns (Roich et al. 2021).

For text to image after cloneofsimo's lora, cog-sdxl and diffusers' advanced scripts: the word alone at first, then
both, and in the end the LoRA alone, so that the layers learn what no word can say.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import Tensor

from zen_tui.exchange.safetensors_header import read_header
from zen_tui.families import embeddings
from zen_tui.families.base import Family
from zen_tui.families.embeddings import Embedding
from zen_tui.library.specs import TrainSettings
from zen_tui.library.text import plural
from zen_tui.training.methods import words
from zen_tui.training.methods.lora import ADAPTER, Lora
from zen_tui.training.methods.method import Group, Subject


class Pivotal(Lora):
    """A LoRA whose file brings along the word that was learned with it."""

    def __init__(self, family: Family, settings: TrainSettings, subject: Subject, targets: str) -> None:
        super().__init__(family, settings, subject, targets)
        self.word = words.begin(family, settings, subject)
        family.attached.teach(ADAPTER, self.word)
        family.set_adapters([(ADAPTER, 1.0)])

    @property
    def reads(self) -> bool:
        return True

    @property
    def groups(self) -> list[Group]:
        layers = [replace(group, since=self.settings.lora_from) for group in super().groups]
        return [
            *layers,
            Group(words.learning(self.word), self.settings.embedding_lr, self.settings.embedding_until),
        ]

    def describe(self) -> str:
        return f"{super().describe()}, and {plural(self.settings.vectors, 'vector')} for the word {self.word.word}"

    def state(self) -> dict[str, Tensor]:
        return super().state() | words.state(self.word)

    def restore(self, state: dict[str, Tensor]) -> None:
        super().restore(state)
        words.restore(self.word, state)

    def _beside(self) -> dict[str, Tensor]:
        return embeddings.bundle([self.word])

    def _is_in(self, path: Path) -> bool:
        brought = Embedding.bundled(path, read_header(path))
        return super()._is_in(path) and len(brought) == 1 and embeddings.same(self.word, brought[0])
