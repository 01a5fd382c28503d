"""A tiny base as a family, and as a base in the database."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from zen_tui.families.base import Family
from zen_tui.families.sd15 import SD15


@pytest.fixture
def family(tiny_base: Path) -> Family:
    """The tiny base in fp32 on the CPU, nothing loaded yet."""
    return SD15(tiny_base, torch.device("cpu"), torch.float32)
