"""`python -m benchmarks.on_card.folder FOLDER [NAME] [tiny]`: writes a model with random numbers, else SDXL."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.on_card.models import Model
from zen_tui.families.devices import pick_device

if __name__ == "__main__":
    names = [word for word in sys.argv[2:] if word != "tiny"]
    name = next(iter(names), "sdxl")
    Model(name, "tiny" in sys.argv[2:]).write(Path(sys.argv[1]), pick_device())
