"""The adapters that a family has taken up, and which of them act on its models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from torch import nn
from torch.utils.hooks import RemovableHandle

from zen_tui.families.adapters import Adapter, Lora, identity
from zen_tui.families.difference import Difference, Sum
from zen_tui.families.embeddings import Embedding, Words
from zen_tui.families.hypernetwork import Hypernetwork, bend
from zen_tui.families.switching import switch_adapters

Kind = TypeVar("Kind", Lora, Embedding, Hypernetwork, Difference)
Models = Mapping[str, nn.Module]  # by the sub-folder of the base


class Attached:
    """Adapters by name. Those that act each have a weight: it multiplies what they change."""

    def __init__(self) -> None:
        self._known: dict[str, Adapter] = {}
        self._files: dict[str, tuple[str, int, int]] = {}
        self._use: list[tuple[str, float]] = []
        self._words = Words()
        self.silent = False
        """Whether the words of embeddings are read as if nobody had learned them."""
        self._bends: list[RemovableHandle] = []
        self._sum = Sum()

    def add(self, name: str, adapter: Adapter) -> None:
        self._known[name], self._files[name] = adapter, identity(adapter.path)

    def teach(self, name: str, adapter: Adapter) -> None:
        """Take up what is being learned under `name`, and so has no file."""
        self._known[name], self._files[name] = adapter, (name, 0, 0)

    def clear(self) -> None:
        self.choose([])
        self._known.clear()

    def choose(self, use: Sequence[tuple[str, float]]) -> None:
        """Let these act from now on; weight 0 is as if it were not there. Raises `WrongUse` as `Words`."""
        chosen = [(name, weight) for name, weight in use if weight != 0]
        brought = [(word, 1.0) for lora, _ in self._acting(Lora, chosen) for word in lora.words]
        self._words = Words([*self._acting(Embedding, chosen), *brought])
        self._use = chosen

    def hang(self, models: Models) -> None:
        """Give freshly loaded models all that PEFT puts into them."""
        for name, adapter in self._known.items():
            for sub, model in models.items():
                adapter.hang(sub, model, name)

    def act_on_text(self, models: Models) -> None:
        for sub, model in models.items():
            switch_adapters(model, self._use)
            self._words.put_into(sub, model)

    def act_on_denoiser(self, model: nn.Module) -> None:
        while self._bends:
            self._bends.pop().remove()
        self._sum.take_back()
        self._sum.add(model, self._acting(Difference, self._use))
        switch_adapters(model, self._use)
        self._bends = bend(model, self._acting(Hypernetwork, self._use))

    def tokenizer(self, sub: str, own: Any) -> Any:
        """What reads prompts for the text encoder `sub`, whose own tokenizer is `own`."""
        return own if self.silent else self._words.tokenizer(sub, own)

    def touching(self, subs: Sequence[str]) -> tuple[tuple[str, int, int, float], ...]:
        """What acts on these models: file and weight of each adapter."""
        return tuple(
            (*self._files[name], weight)
            for name, weight in self._use
            if name in self._known and any(map(self._known[name].touches, subs))
        )

    def _acting(self, kind: type[Kind], use: Sequence[tuple[str, float]]) -> list[tuple[Kind, float]]:
        found = [(self._known.get(name), weight) for name, weight in use]
        return [(adapter, weight) for adapter, weight in found if isinstance(adapter, kind)]
