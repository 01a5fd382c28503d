"""The lists of keys in `keys/`: what other tools write, taken down from their documentation and readers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from zen_tui.exchange.safetensors_header import Header, TensorInfo

FOLDER = Path(__file__).parent / "keys"
LISTS = sorted(path.stem for path in FOLDER.glob("*.txt"))
PARTS = ("unet", "transformer", "text_encoder", "text_encoder_2")


@dataclass
class Line:
    """One layer as another tool calls it, and the layers of the library's model that it stands for."""

    stem: str
    inputs: tuple[int, ...]
    outputs: int
    part: str
    layers: list[str]

    @property
    def width(self) -> int:
        return math.prod(self.inputs)


@dataclass
class KeyList:
    family: str = ""
    format: str = ""
    suffixes: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def header(self, rank: int = 4) -> Header:
        """The header of a LoRA of `rank` with these keys."""
        tensors = {}
        for line in self.lines:
            down, up, *alpha = self.suffixes
            kernel = (1, 1) if len(line.inputs) > 1 else ()
            tensors[line.stem + down] = TensorInfo("F32", (rank, *line.inputs), (0, 0))
            tensors[line.stem + up] = TensorInfo("F32", (line.outputs, rank, *kernel), (0, 0))
            tensors |= {line.stem + end: TensorInfo("F32", (), (0, 0)) for end in alpha}
        return Header(tensors, {})


def read_list(name: str) -> KeyList:
    found = KeyList()
    for text in (FOLDER / f"{name}.txt").read_text().splitlines():
        words = text.split()
        if text.startswith("#") or not words:
            continue
        if words[0] in ("family", "format"):
            setattr(found, words[0], words[1])
        elif words[0] == "suffix":
            found.suffixes = words[1:]
        else:
            stem, inputs, outputs, *layers = words
            part = layers.pop(0) if layers[0] in PARTS else "transformer"
            shape = tuple(int(n) for n in inputs.split("x"))
            found.lines.append(Line(stem, shape, int(outputs), part, layers))
    return found
