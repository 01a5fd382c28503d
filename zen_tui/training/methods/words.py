"""A word that is learned: vectors in place of its token, for every text encoder of a base (Gal et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from zen_tui.families.base import Family
from zen_tui.families.embeddings import Embedding
from zen_tui.library.errors import WrongUse
from zen_tui.library.specs import TrainSettings
from zen_tui.training.methods.method import Subject

PREFIX = "word."  # of their names among what was learned


class Vectors(Mapping[str, Tensor]):
    """The vectors by text encoder, (count, width), as they are now: each as long as it was in the beginning.

    An encoder has never read a word that is much longer or shorter than those of its table, so only the direction
    learns. Others let the length go and pull it back after every step (cog-sdxl's `TokenEmbeddingsHandler`); here
    an optimizer and an average may be of any kind.
    """

    def __init__(self, begun: Mapping[str, Tensor]) -> None:
        self.learning = {sub: nn.Parameter(vectors.clone()) for sub, vectors in begun.items()}
        self._lengths = {sub: vectors.norm(dim=1, keepdim=True) for sub, vectors in begun.items()}

    def __getitem__(self, sub: str) -> Tensor:
        raw = self.learning[sub]
        vectors: Tensor = raw * (self._lengths[sub] / raw.norm(dim=1, keepdim=True).clamp(min=1e-8))
        return vectors

    def __iter__(self) -> Iterator[str]:
        return iter(self.learning)

    def __len__(self) -> int:
        return len(self.learning)


def begin(family: Family, settings: TrainSettings, subject: Subject) -> Embedding:
    """The token of `subject` as a word that means, so far, what `init_word` does; it acts once it is named."""
    meaning = settings.init_word.strip() or subject.class_word or "style"
    begun = {}
    for sub, tokenizer, encoder in zip(
        family.profile.text_encoders, family.tokenizers, family.encoders(), strict=True
    ):
        ids = tokenizer(meaning, add_special_tokens=False).input_ids
        if not ids:
            raise WrongUse(f"{meaning!r} is no word to this base.", "Set init_word to one such as woman.")
        table = encoder.get_input_embeddings().weight
        begun[sub] = spread(table[torch.tensor(ids, device=table.device)].float(), settings.vectors)
    return Embedding(Path(), subject.token, Vectors(begun))


def spread(found: Tensor, count: int) -> Tensor:
    """`count` vectors for a meaning of as many as `found` has: repeated in turn, or neighbours made one.

    One that is made of several is as long as they are on average.
    """
    if len(found) <= count:
        return found[torch.arange(count, device=found.device) % len(found)]
    parts = found.tensor_split(count)
    return torch.stack([part.mean(0) * (part.norm(dim=1).mean() / part.mean(0).norm()) for part in parts])


def learning(word: Embedding) -> list[nn.Parameter]:
    """All that learns of it, always in the same order."""
    return list(_vectors(word).learning.values())


def state(word: Embedding) -> dict[str, Tensor]:
    """What was learned, by text encoder."""
    return {PREFIX + sub: parameter.detach() for sub, parameter in _vectors(word).learning.items()}


@torch.no_grad()
def restore(word: Embedding, kept: Mapping[str, Tensor]) -> None:
    """Take up what `state` gave."""
    for sub, parameter in _vectors(word).learning.items():
        parameter.copy_(kept[PREFIX + sub])


def _vectors(word: Embedding) -> Vectors:
    assert isinstance(word.vectors, Vectors)
    return word.vectors
