"""What is told of memory is told of one job."""

from __future__ import annotations

import mmap
import sys

import pytest
import torch

from zen_tui.mannequins.memory import give_back_memory
from zen_tui.training.meters import Peak, forget_peak, memory_in_use, peak_memory

CPU = torch.device("cpu")
LARGE = 200_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep the peak of the whole process")
def test_the_peak_of_a_job_is_not_that_of_the_one_before() -> None:
    with mmap.mmap(-1, LARGE) as large:  # which goes back when closed, as what malloc gave need not
        for page in range(0, LARGE, mmap.PAGESIZE):
            large[page] = 1
        before = memory_in_use(CPU)
    assert peak_memory(CPU) >= before - 1_000_000
    forget_peak(CPU)
    assert peak_memory(CPU) < before - LARGE // 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep the peak of the whole process")
def test_what_is_in_memory_only_while_weights_are_read_does_not_count() -> None:
    give_back_memory()  # what other tests left
    peak = Peak(CPU)
    before = peak.bytes
    with peak.loading():
        touch()
    assert peak.bytes < before + LARGE // 2
    touch()
    assert peak.bytes > before + LARGE // 2, "what comes later counts"


def touch() -> None:
    """Have `LARGE` bytes in memory for a moment; they go back at once, as what malloc gave need not."""
    with mmap.mmap(-1, LARGE) as large:
        for page in range(0, LARGE, mmap.PAGESIZE):
            large[page] = 1
