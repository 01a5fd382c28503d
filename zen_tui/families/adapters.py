"""An adapter file in memory, of whatever kind: what it touches, whether it fits, and how it hangs on a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from zen_tui.exchange import differences, embeddings, hypernetworks
from zen_tui.exchange.finite import not_finite
from zen_tui.exchange.lora_match import few
from zen_tui.exchange.safetensors_header import read_header
from zen_tui.families import lora_file
from zen_tui.families.difference import Difference
from zen_tui.families.embeddings import Embedding
from zen_tui.families.hypernetwork import Hypernetwork
from zen_tui.library.errors import BadFile


@dataclass(frozen=True)
class Lora:
    """A LoRA, LoKr, LoHa or full difference, which PEFT puts beside the layers it changes.

    Words that it brings along are read as they are at any weight but 0: they name what the layers draw.
    """

    file: lora_file.LoraFile
    words: tuple[Embedding, ...] = ()

    @property
    def path(self) -> Path:
        return self.file.path

    def touches(self, prefix: str) -> bool:
        return self.file.touches(prefix) or any(word.touches(prefix) for word in self.words)

    def check(self, models: dict[str, nn.Module]) -> int:
        """How many layers it changes. Raises `BadFile` unless every change has a layer of its size."""
        lora_file.check(self.file, models)
        for word in self.words:
            word.check(models)
        return sum(len(self.file.of(prefix)) for prefix in models)

    def hang(self, prefix: str, model: nn.Module, name: str) -> None:
        lora_file.apply(self.file, prefix, model, name)


Adapter = Lora | Embedding | Hypernetwork | Difference


def open_adapter(path: Path, *, depth: int) -> Adapter:
    """Read the adapter at `path` onto the CPU; `depth` as in `lora_names.targets`.

    Raises:
        BadFile: damaged, none that Zen knows, or with numbers that are not finite.
    """
    header = read_header(path)
    word, network = embeddings.recognise(header), hypernetworks.recognise(header)
    whole = differences.recognise(header)
    if (word or network or whole) and (broken := not_finite(path, header)):
        raise BadFile(f"{path.name} holds numbers that are not finite, in {few(broken)}.", "Do not use this file.")
    if word is not None:
        return Embedding.read(path, header, word)
    if network is not None:
        return Hypernetwork.read(path, network)
    if whole is not None:
        return Difference.read(path, whole)
    return Lora(lora_file.read(path, depth=depth), Embedding.bundled(path, header))


def identity(path: Path) -> tuple[str, int, int]:
    """What tells an adapter file from any other: its name, size and time of change."""
    found = path.stat()
    return path.name, found.st_size, found.st_mtime_ns
