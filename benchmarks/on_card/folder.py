"""`python -m benchmarks.on_card.folder FOLDER [tiny]`: writes Stable Diffusion XL with random numbers."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.on_card.models import Model
from zen_tui.families.devices import pick_device

if __name__ == "__main__":
    Model("sdxl", "tiny" in sys.argv[2:]).write(Path(sys.argv[1]), pick_device())
